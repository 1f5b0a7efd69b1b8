"""Asking the provider whether it has newer flag data than what is held: a stream cannot tell that it is deaf."""

from __future__ import annotations

import json
import logging
from enum import Enum, auto
from typing import TYPE_CHECKING

import urllib3

from webapp.bounded_http import BoundedPoolManager

if TYPE_CHECKING:
    from opsctl.settings import Settings
    from webapp.flagdata import ObservedStore

_log = logging.getLogger(__name__)
_LIMIT_S = 5.0
_OK, _NOT_MODIFIED = 200, 304
_NOT_OFFERED = {404, 405, 501}


class Verdict(Enum):
    """What a check found."""

    CONFIRMED = auto()
    BEHIND = auto()
    UNKNOWN = auto()
    NOT_OFFERED = auto()


class Checker:
    """Compares the version of the kill switch that is held with the provider's, by the SDKs' polling endpoint.

    It is asked with the ETag of the answer before, so that it costs next to nothing while nothing changes. A provider
    that is behind what is held confirms it: its polling endpoint may lag behind its stream.

    Raises:
        ValueError: from the constructor, without an SDK key.
    """

    def __init__(self, settings: Settings, store: ObservedStore) -> None:
        if settings.sdk_key is None:
            raise ValueError("no SDK key")
        self._url = f"{settings.base_uri}/sdk/latest-all"
        self._headers = {"Authorization": settings.sdk_key.reveal(), "User-Agent": "opsctl-feed"}
        self._flag = settings.flag
        self._store = store
        self._etag: str | None = None
        self._version = -1
        timeout = urllib3.Timeout(connect=_LIMIT_S, total=_LIMIT_S)
        self._pool = BoundedPoolManager(num_pools=1, maxsize=1, retries=False, timeout=timeout)

    def check(self) -> Verdict:
        """Ask once, for five seconds at most."""
        headers = {**self._headers, **({"If-None-Match": self._etag} if self._etag else {})}
        try:
            answer = self._pool.request("GET", self._url, headers=headers)
            if answer.status in _NOT_OFFERED:
                return Verdict.NOT_OFFERED
            if answer.status == _OK:
                flag = json.loads(answer.data)["flags"].get(self._flag)
                self._version = -1 if flag is None else int(flag["version"])
                self._etag = answer.headers.get("ETag")
            elif answer.status != _NOT_MODIFIED:
                return Verdict.UNKNOWN
        except (urllib3.exceptions.HTTPError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            _log.debug("the provider could not be asked for its flag data: %s", type(error).__name__)
            return Verdict.UNKNOWN
        held = self._store.flag(self._flag)
        return Verdict.CONFIRMED if (-1 if held is None else held.version) >= self._version else Verdict.BEHIND
