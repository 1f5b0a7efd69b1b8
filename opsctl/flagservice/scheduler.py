"""What carries out scheduled changes in time: sleeps until the next one is due, or until the schedule changes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.flagservice.schedule import Schedule

_LOG = logging.getLogger(__name__)
_LONGEST_NAP_S = 1.0


class Scheduler:
    """One greenlet over the schedule.

    While something is scheduled it looks at the clock once a second at least, so that a clock which is set, or a
    laptop that slept, is followed.

    Args:
        schedule: What to carry out.
        now_ms: The wall clock, in epoch milliseconds.
    """

    def __init__(self, schedule: Schedule, now_ms: Callable[[], int]) -> None:
        self._schedule = schedule
        self._now_ms = now_ms
        self._changed = Event()
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def start(self) -> None:
        """Carry out what came due while nobody looked, then go on in the background."""
        self._run_due()
        self._schedule.on_change = self._changed.set
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """Stop; what is scheduled stays for the next start."""
        if self._greenlet is not None:
            self._schedule.on_change = lambda: None
            self._greenlet.kill()

    def _run(self) -> None:
        while True:
            nap_s = self._run_due()
            self._changed.wait(nap_s)
            self._changed.clear()

    def _run_due(self) -> float | None:
        """Carry out what is due, and return how long to sleep then; `None` when nothing is scheduled."""
        try:
            if self._schedule.run_due():
                next_ms = self._schedule.next_ms()
                return None if next_ms is None else min(_LONGEST_NAP_S, max(0, next_ms - self._now_ms()) / 1000)
        except Exception:  # noqa: BLE001 - a defect in one change must not end the schedule; it is logged
            _LOG.exception("scheduled changes could not be carried out, and will be tried again")
        return _LONGEST_NAP_S
