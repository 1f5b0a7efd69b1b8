"""Keeping the SDK connected: checks that its data is current, and restarts it when it would stay deaf for long."""

from __future__ import annotations

import logging
import random
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ldclient.interfaces import DataSourceState

from webapp.checking import Verdict
from webapp.freshness import BEAT_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from ldclient.interfaces import DataSourceStatus

    from webapp.checking import Checker
    from webapp.flagdata import ObservedStore
    from webapp.gate import Gate
    from webapp.sdk import SdkClient

_log = logging.getLogger(__name__)
_NEVER = float("inf")
_STOP_WAIT_S = 2.0
_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 30.0
_HEALTHY_S = 60.0
_SILENT_S = 20.0
"""After so long without data or an error a connection that was begun leads nowhere; the SDK waits five minutes."""
_CHECKS_TO_BE_DEAF = 2
_FETCH_EVERY_S = 0.5
_FIRST_FETCH_LIMIT_S = 1.0
_FETCH_LIMIT_S = 4.0
_FETCH_FOR_S = 30.0
_RESTART_EVERY_S = 5.0
_CLIENT_ERRORS = range(400, 500)
_OFFERED_EVERY_S = 300.0
_SDK_RETRIES_WITHIN_S = 30.0
_SDK_RETRIES = {400, 408, 429}
"""Client errors after which the SDK itself tries again soon; after others it waits for minutes, or for ever."""


@dataclass(frozen=True, slots=True)
class _Sought:
    """A version that was written and has not been seen, and since and until when to look for it."""

    version: int
    since_s: float
    until_s: float


class Keeper:
    """Looks after one SDK client, on a thread of its own.

    When the provider refuses the stream the client is restarted after a second, then two, up to half a minute, until
    it is accepted: a provider that restarts refuses for a moment, and a kill must not wait five minutes for the SDK's
    next try. So it is when a connection has brought neither data nor an error for twenty seconds. Newer data that a
    check finds is held at once; when the stream has not brought it by the next one it is deaf, and the client is
    restarted too. Meanwhile the last known state stays.

    Args:
        client: The client to look after.
        store: The store that client fills.
        gate: Follows that client.
        checker: Asks the provider; `None`: nothing is checked.
    """

    def __init__(self, client: SdkClient, store: ObservedStore, gate: Gate, checker: Checker | None) -> None:
        self._client = client
        self._store = store
        self._gate = gate
        self._checker = checker
        self._wake = threading.Event()
        self._is_stopping = False
        self._has_provider = checker is not None
        self._is_offered = True
        self._check_at = time.monotonic() + BEAT_S
        self._restart_at = time.monotonic() + _SILENT_S if self._has_provider else _NEVER
        self._fetch_at = _NEVER
        self._sought: _Sought | None = None
        self._restarted_at = -_NEVER
        self._refusals = 0
        self._valid_since: float | None = None
        self._deaf_checks = 0
        self._thread = self._new_thread()

    def start(self) -> None:
        """Begin to look after the client."""
        self._gate.rely_on_checks(are_made=self._checker is not None)
        self._client.data_source_status_provider.add_listener(self._on_status)
        self._on_status(self._client.data_source_status_provider.status)
        self._thread.start()

    def close(self) -> None:
        """Stop; the client stays as it is."""
        self._is_stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_WAIT_S)

    def resume(self) -> None:
        """Begin again in a process that was forked off, where this thread and the client's do not exist."""
        self._wake = threading.Event()
        self._gate.resume(self._client.resume)
        self._thread = self._new_thread()
        self.start()

    def reach(self, version: int) -> None:
        """Get the kill switch at this version, or a newer one, by what ways there are; return at once.

        It is fetched now and twice a second, for half a minute; a stream that has not brought it is replaced.
        """
        now = time.monotonic()
        sought = self._sought
        self._sought = _Sought(max(version, sought.version if sought is not None else 0), now, now + _FETCH_FOR_S)
        self._fetch_at = now
        self._wake.set()

    def _new_thread(self) -> threading.Thread:
        return threading.Thread(target=self._run, name="keeper", daemon=True)

    def _run(self) -> None:
        while not self._is_stopping:
            due_at, do = self._next()
            if self._wake.wait(max(0.0, due_at - time.monotonic())):
                self._wake.clear()
                continue
            try:
                do()
            except Exception:  # noqa: BLE001 - it must be looked after all the same
                _log.exception("could not look after the connection to the provider")

    def _next(self) -> tuple[float, Callable[[], None]]:
        """Return what is to be done next, and when."""
        tasks = [(self._fetch_at, self._fetch), (self._restart_at, self._restart), (self._check_at, self._check)]
        return min(tasks, key=lambda task: task[0])

    def _check(self) -> None:
        self._check_at = time.monotonic() + BEAT_S * random.uniform(0.9, 1.0)  # noqa: S311 - spreads requests, no secret
        if self._checker is None:
            return
        verdict = self._checker.check()
        if verdict is Verdict.NOT_OFFERED and self._valid_since is not None:
            if self._is_offered:
                _log.info("the provider does not offer /sdk/latest-all: the stream alone says how current its data is")
            self._is_offered = False
            self._gate.rely_on_checks(are_made=False)
            self._check_at = time.monotonic() + _OFFERED_EVERY_S
            return
        self._is_offered = True
        self._gate.on_check(confirmed=verdict is Verdict.CONFIRMED)
        is_deaf = (verdict is Verdict.BEHIND or self._store.has_unheard) and self._valid_since is not None
        self._deaf_checks = self._deaf_checks + 1 if is_deaf else 0
        if self._deaf_checks >= _CHECKS_TO_BE_DEAF:
            self._deaf_checks = 0
            _log.warning("the provider has newer flag data than its stream gave: connecting anew")
            self._restart()

    def _fetch(self) -> None:
        sought = self._sought
        if sought is None:
            self._fetch_at = _NEVER
            return
        if self._checker is not None:
            is_first = self._restarted_at < sought.since_s
            verdict = self._checker.check(limit_s=_FIRST_FETCH_LIMIT_S if is_first else _FETCH_LIMIT_S)
            if verdict is not Verdict.NOT_OFFERED:
                self._gate.on_check(confirmed=verdict is Verdict.CONFIRMED)
        held = self._store.flag(self._gate.flag)
        is_reached = held is not None and held.version >= sought.version
        now = time.monotonic()
        self._fetch_at = now + _FETCH_EVERY_S
        if (is_reached or now >= sought.until_s) and self._sought is sought:
            self._sought, self._fetch_at = None, _NEVER
        is_told = is_reached and not self._store.is_deaf(self._gate.flag)
        if not is_told and self._has_provider and now - self._restarted_at >= _RESTART_EVERY_S:
            _log.warning("the stream has not delivered version %d: connecting anew", sought.version)
            self._restart()

    def _restart(self) -> None:
        self._restarted_at = time.monotonic()
        self._restart_at = self._restarted_at + _SILENT_S
        self._client.data_source_status_provider.remove_listener(self._on_status)
        self._gate.detach()
        try:
            self._client.restart()
        finally:
            self._gate.attach()
            self._client.data_source_status_provider.add_listener(self._on_status)
            self._on_status(self._client.data_source_status_provider.status)

    def _on_status(self, status: DataSourceStatus) -> None:
        """Follow the SDK's data source; on the SDK's thread."""
        now = time.monotonic()
        if status.state is DataSourceState.VALID:
            self._valid_since = self._valid_since or now
            self._restart_at = _NEVER
            return
        valid_since, self._valid_since = self._valid_since, None
        error = status.error
        if error is None:
            return
        if error.status_code not in _CLIENT_ERRORS or error.status_code in _SDK_RETRIES:
            self._restart_at = now + _SDK_RETRIES_WITHIN_S + _SILENT_S
            return
        if valid_since is not None and now - valid_since > _HEALTHY_S:
            self._refusals = 0
        longest = min(_LONGEST_RETRY_S, _FIRST_RETRY_S * 2**self._refusals)
        self._refusals += 1
        delay_s = longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads requests, no secret
        _log.warning("the provider refused the stream (status %d): trying again in %.1f s", error.status_code, delay_s)
        self._restart_at = now + delay_s
        self._wake.set()
