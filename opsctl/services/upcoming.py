"""What the provider will do with a kill switch by itself, for those who watch it while it is off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.errors import OpsError
from opsctl.core.watching import WatchEvent, WatchKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opsctl.core.flags import FlagRef
    from opsctl.core.ports import Clock, Schedules
    from opsctl.core.scheduling import ScheduledChange

_SOONEST_S = 1.0
_LATEST_S = 30.0
_ALMOST_DUE_MS = 5000
"""One that is off the schedule so shortly before its time is rather being made than withdrawn."""


class Upcoming:
    """Looks at the schedule when the switch is off: at once, soon after, and then less and less often.

    `kill --for` schedules its end a moment after the kill, and anybody may change the schedule later.
    """

    def __init__(self, schedules: Schedules | None, clock: Clock, ref: FlagRef) -> None:
        """Take the schedule; without it nothing is told."""
        self._schedules = schedules
        self._clock = clock
        self._ref = ref
        self._told: dict[str, ScheduledChange] = {}
        self._pause_s = 0.0
        self._next_look_s = 0.0

    def news(self, *, is_on: bool) -> Iterator[WatchEvent]:
        """Yield what has come onto the schedule, or was taken off it, since it was looked at last."""
        if is_on:
            self._told, self._pause_s, self._next_look_s = {}, 0.0, 0.0
        elif self._schedules is not None and self._clock.monotonic_s() >= self._next_look_s:
            self._pause_s = min(max(2 * self._pause_s, _SOONEST_S), _LATEST_S)
            try:
                yield from self._changes(self._schedules.list_scheduled(self._ref))
            except OpsError:
                return
            finally:
                self._next_look_s = self._clock.monotonic_s() + self._pause_s

    def _changes(self, scheduled: tuple[ScheduledChange, ...]) -> Iterator[WatchEvent]:
        now = {change.id: change for change in scheduled if change.turns_on}
        before, self._told = self._told, now
        for change_id, change in before.items():
            is_due = change.at_ms <= self._clock.now_s() * 1000 + _ALMOST_DUE_MS
            if not is_due and (change_id not in now or now[change_id].at_ms != change.at_ms):
                yield self._event(WatchKind.UNSCHEDULED, change)
        for change_id, change in now.items():
            if change_id not in before or before[change_id].at_ms != change.at_ms:
                yield self._event(WatchKind.SCHEDULED, change)

    def _event(self, kind: WatchKind, change: ScheduledChange) -> WatchEvent:
        return WatchEvent(kind, self._clock.now_s(), due_ms=change.at_ms, is_ours=change.is_ours)
