"""Taking back what would turn a flag on by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from opsctl.core.durations import format_ms
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.timed import Cleared, TimedRecord
from opsctl.services.retrying import with_retries

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.flags import FlagRef
    from opsctl.core.ports import Clock, Schedules, TimedRecords
    from opsctl.core.scheduling import ScheduledChange

_T = TypeVar("_T")
_REQUEST_S = 3.0
NO_SCHEDULES = frozenset({ErrorCode.FORBIDDEN, ErrorCode.BAD_CONFIG, ErrorCode.APPROVAL_REQUIRED})
"""How a provider refuses to show or take scheduled changes where the account's plan, or the token, has none."""


class Clearing:
    """What every kill and restore does about the ends that earlier kills arranged."""

    def __init__(
        self,
        *,
        schedules: Schedules,
        records: TimedRecords,
        clock: Clock,
        note: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """Take the provider's schedule, what is known here, time, and what is told while it takes longer."""
        self._schedules = schedules
        self._records = records
        self._clock = clock
        self._note = note

    def clear(self, ref: FlagRef, *, keep: ScheduledChange | None = None, timeout_s: float) -> Cleared:
        """Withdraw what opsctl has scheduled for the flag, and end what waits here to restore; but `keep`.

        It raises nothing: what it could not do is part of what it returns.
        """
        deadline_s = self._clock.monotonic_s() + timeout_s
        record = self._records.read(ref)
        was_waiting = record.waiting is not None
        at_ms = round(self._clock.now_s() * 1000)
        known = frozenset(record.schedule_ids)
        kept_id = None if keep is None else keep.id
        try:
            turning_on = [one for one in self._list(ref, deadline_s) if one.turns_on and one.id != kept_id]
        except OpsError as error:
            self._records.write(ref, TimedRecord(schedule_ids=record.schedule_ids))
            may_be_there = known or error.code not in NO_SCHEDULES
            return Cleared(at_ms=at_ms, error=error if may_be_there else None, was_waiting=was_waiting)
        ours = [one for one in turning_on if one.is_ours or (one.id in known and one.only_turns_on)]
        withdrawn, left = [], []
        for one in ours:
            try:
                self._patiently(
                    lambda cap_s, one=one: self._schedules.withdraw(ref, one, timeout_s=cap_s),  # type: ignore[misc]  # the default binds it
                    deadline_s,
                )
                withdrawn.append(one)
            except OpsError as error:
                left.append((one, error))
        kept = [one.id for one, _ in left] + ([keep.id] if keep is not None else [])
        self._records.write(ref, TimedRecord(schedule_ids=tuple(kept)))
        return Cleared(
            at_ms=at_ms,
            withdrawn=tuple(withdrawn),
            left=tuple(left),
            others=tuple(one for one in turning_on if one not in ours),
            was_waiting=was_waiting,
        )

    def _list(self, ref: FlagRef, deadline_s: float) -> tuple[ScheduledChange, ...]:
        return self._patiently(lambda cap_s: self._schedules.list_scheduled(ref, timeout_s=cap_s), deadline_s)

    def _patiently(
        self,
        attempt: Callable[[float], _T],
        deadline_s: float,
        on_failure: Callable[[OpsError], _T | None] = lambda _error: None,
    ) -> _T:
        def capped() -> _T:
            left_s = max(deadline_s - self._clock.monotonic_s(), 0.1)
            return attempt(min(left_s, _REQUEST_S))

        return with_retries(
            capped,
            clock=self._clock,
            deadline_s=deadline_s,
            on_failure=on_failure,
            on_wait=lambda error, wait_s: self._note(f"{error.message}; trying again in {format_ms(wait_s * 1000)}"),
        )
