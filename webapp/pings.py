"""The wait for the next ping of every connection, in one greenlet for all of them."""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import gevent

from webapp.stints import Stint

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)
_STINT_S = 0.0025
"""Of pings between two turns of everybody else."""


class Pings:
    """Calls `ping` with what was added, each `interval_s` after it was: the same for all, so they stay in order."""

    def __init__(self, interval_s: float, ping: Callable[[Any], None]) -> None:
        self._interval_s = interval_s
        self._ping = ping
        self._waiting: deque[tuple[float, Any]] = deque()
        self._is_running = False

    def add(self, whom: Any) -> None:
        """Have `whom` pinged."""
        self._waiting.append((time.monotonic() + self._interval_s, whom))
        if not self._is_running:
            self._is_running = True
            gevent.spawn(self._run)

    def _run(self) -> None:
        stint = Stint(_STINT_S)
        while self._waiting:
            due_at, whom = self._waiting[0]
            if (wait_s := due_at - time.monotonic()) > 0:
                gevent.sleep(wait_s)
                stint = Stint(_STINT_S)
                continue
            self._waiting.popleft()
            try:
                self._ping(whom)
            except Exception:  # noqa: BLE001 - the others are pinged all the same
                _log.exception("could not ping a browser")
            if stint.is_over:
                stint.rest()
        self._is_running = False
