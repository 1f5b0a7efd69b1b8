"""Asking the provider whether it has newer flag data than what is held: a stream cannot tell that it is deaf."""

from __future__ import annotations

import json
import logging
import os
from enum import Enum, auto
from typing import TYPE_CHECKING

import urllib3

from webapp.bounded_http import BoundedPoolManager
from webapp.datasets import data_set

if TYPE_CHECKING:
    from opsctl.settings import Settings
    from webapp.flagdata import ObservedStore

_log = logging.getLogger(__name__)
_LIMIT_S = 5.0
_LARGEST_BYTES = 64 * 1024 * 1024
_OK, _NOT_MODIFIED = 200, 304
_NOT_OFFERED = {404, 405, 501}


class Verdict(Enum):
    """What a check found.

    `BEHIND`: the provider had newer data than was held, which is held now; or it has not the kill switch that is held,
    but none or another, which is for the stream to say.
    """

    CONFIRMED = auto()
    BEHIND = auto()
    UNKNOWN = auto()
    NOT_OFFERED = auto()


class Checker:
    """Compares what is held with what the provider has, by the SDKs' polling endpoint, and takes what is newer.

    It is asked with the ETag of the answer before, so that it costs next to nothing while nothing changes. A provider
    that is behind what is held confirms it: its polling endpoint may lag behind its stream.

    Raises:
        ValueError: from the constructor, without an SDK key.
    """

    def __init__(self, settings: Settings, store: ObservedStore) -> None:
        if settings.sdk_key is None:
            raise ValueError("no SDK key")
        self.flag = settings.flag
        self._url = f"{settings.base_uri}/sdk/latest-all"
        self._headers = {"Authorization": settings.sdk_key.reveal(), "User-Agent": "opsctl-feed"}
        self._store = store
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._etag: str | None = None
        self._pool = BoundedPoolManager(num_pools=1, maxsize=1, retries=False)

    def check(self, *, limit_s: float | None = None) -> Verdict:
        """Ask once, for `limit_s` at most (by default five seconds)."""
        if self._pid != os.getpid():
            self._begin()  # this process was forked off: on the connection that it has, the other reads the answers
        try:
            status, etag, body = self._ask(_LIMIT_S if limit_s is None else limit_s)
            if status in _NOT_OFFERED:
                return Verdict.NOT_OFFERED
            if status == _NOT_MODIFIED:
                return Verdict.CONFIRMED
            if status != _OK:
                return Verdict.UNKNOWN
            data = data_set(json.loads(body))
        except (urllib3.exceptions.HTTPError, OSError, ValueError, RecursionError) as error:
            _log.debug("the provider could not be asked for its flag data: %s", type(error).__name__)
            return Verdict.UNKNOWN
        is_behind = self._store.fetched(data)
        if is_behind:
            _log.info("fetched newer flag data than the stream gave so far")
        is_replaced = self._store.is_replaced(self.flag, data)
        self._etag = None if is_replaced else etag
        return Verdict.BEHIND if is_behind or is_replaced else Verdict.CONFIRMED

    def _ask(self, limit_s: float) -> tuple[int, str | None, bytes]:
        """Return status, ETag and body of the answer."""
        headers = {**self._headers, **({"If-None-Match": self._etag} if self._etag else {})}
        timeout = urllib3.Timeout(connect=limit_s, total=limit_s)
        answer = self._pool.request("GET", self._url, headers=headers, timeout=timeout, preload_content=False)
        try:
            body = answer.read(_LARGEST_BYTES + 1)
        except BaseException:
            answer.close()
            raise
        if len(body) > _LARGEST_BYTES:
            answer.close()
            raise ValueError("too much data")
        answer.release_conn()
        return answer.status, answer.headers.get("ETag"), body
