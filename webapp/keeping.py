"""Keeping the SDK connected: checks that its data is current, and restarts it when it would stay deaf for long."""

from __future__ import annotations

import logging
import random
import threading
import time
from typing import TYPE_CHECKING

from ldclient.interfaces import DataSourceState

from webapp.checking import Verdict
from webapp.freshness import BEAT_S
from webapp.sdk import restart_client

if TYPE_CHECKING:
    from ldclient.client import LDClient
    from ldclient.interfaces import DataSourceStatus

    from webapp.checking import Checker
    from webapp.gate import Gate

_log = logging.getLogger(__name__)
_STOP_WAIT_S = 2.0
_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 30.0
_HEALTHY_S = 60.0
_CHECKS_TO_BE_DEAF = 2
_CLIENT_ERRORS = range(400, 500)
_SDK_RETRIES = {400, 408, 429}
"""Client errors after which the SDK itself tries again soon; after others it waits for minutes, or for ever."""


class Keeper:
    """Looks after one SDK client, on a thread of its own.

    When the provider refuses the stream the client is restarted after a second, then two, up to half a minute, until
    it is accepted: a provider that restarts refuses for a moment, and a kill must not wait five minutes for the SDK's
    next try. When a check finds twice that the provider has newer data than an intact stream gave, that one is deaf,
    and the client is restarted too. Meanwhile the last known state stays.

    Args:
        client: The client to look after.
        gate: Follows that client.
        checker: Asks the provider; `None`: nothing is checked.
    """

    def __init__(self, client: LDClient, gate: Gate, checker: Checker | None) -> None:
        self._client = client
        self._gate = gate
        self._checker = checker
        self._wake = threading.Event()
        self._is_stopping = False
        self._restart_at: float | None = None
        self._check_at = time.monotonic() + BEAT_S
        self._refusals = 0
        self._valid_since: float | None = None
        self._behind = 0
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
        self._gate.resume(lambda: self._client.postfork(start_wait=0))
        self._thread = self._new_thread()
        self.start()

    def _new_thread(self) -> threading.Thread:
        return threading.Thread(target=self._run, name="keeper", daemon=True)

    def _run(self) -> None:
        while not self._is_stopping:
            restart_at = self._restart_at
            due_at = self._check_at if restart_at is None else min(self._check_at, restart_at)
            if self._wake.wait(max(0.0, due_at - time.monotonic())):
                self._wake.clear()
                continue
            try:
                self._restart() if due_at == restart_at else self._check()
            except Exception:  # noqa: BLE001 - it must be looked after all the same
                _log.exception("could not look after the connection to the provider")

    def _check(self) -> None:
        self._check_at = time.monotonic() + BEAT_S * random.uniform(0.9, 1.0)  # noqa: S311 - spreads requests, no secret
        if self._checker is None:
            return
        verdict = self._checker.check()
        if verdict is Verdict.NOT_OFFERED:
            _log.info("the provider does not offer /sdk/latest-all: the stream alone says how current its data is")
            self._checker = None
            self._gate.rely_on_checks(are_made=False)
            return
        self._gate.on_check(confirmed=verdict is Verdict.CONFIRMED)
        is_deaf = verdict is Verdict.BEHIND and self._valid_since is not None
        self._behind = self._behind + 1 if is_deaf else 0
        if self._behind >= _CHECKS_TO_BE_DEAF:
            self._behind = 0
            _log.warning("the provider has newer flag data than its stream gave: connecting anew")
            self._restart_at = time.monotonic()

    def _restart(self) -> None:
        self._restart_at = None
        self._client.data_source_status_provider.remove_listener(self._on_status)
        self._gate.detach()
        try:
            restart_client(self._client)
        finally:
            self._gate.attach()
            self._client.data_source_status_provider.add_listener(self._on_status)
            self._on_status(self._client.data_source_status_provider.status)

    def _on_status(self, status: DataSourceStatus) -> None:
        """Follow the SDK's data source; on the SDK's thread."""
        if status.state is DataSourceState.VALID:
            self._valid_since = self._valid_since or time.monotonic()
            return
        valid_since, self._valid_since = self._valid_since, None
        error = status.error
        if error is None or error.status_code not in _CLIENT_ERRORS or error.status_code in _SDK_RETRIES:
            return
        if valid_since is not None and time.monotonic() - valid_since > _HEALTHY_S:
            self._refusals = 0
        longest = min(_LONGEST_RETRY_S, _FIRST_RETRY_S * 2**self._refusals)
        self._refusals += 1
        delay_s = longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads requests, no secret
        _log.warning("the provider refused the stream (status %d): trying again in %.1f s", error.status_code, delay_s)
        self._restart_at = time.monotonic() + delay_s
        self._wake.set()
