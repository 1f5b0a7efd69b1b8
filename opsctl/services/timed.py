"""Kills that end by themselves: arranging that at the provider, and taking it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from opsctl.core.durations import format_ms
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.objectives import Condition
from opsctl.core.propagation import Bearing, Expectation
from opsctl.core.scheduling import clocks_apart_s, marked, utc_ms
from opsctl.core.timed import WINDOW_S, Arrangement, Cleared, Guard, TimedRecord
from opsctl.services.retrying import with_retries

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.flags import FlagRef
    from opsctl.core.objectives import Objective
    from opsctl.core.ports import Clock, Instances, Schedules, TimedRecords
    from opsctl.core.scheduling import ScheduledChange

_T = TypeVar("_T")
_TELL_TIMEOUT_S = 1.0
_REQUEST_S = 3.0
_NO_SCHEDULES = frozenset({ErrorCode.FORBIDDEN, ErrorCode.BAD_CONFIG, ErrorCode.APPROVAL_REQUIRED})
"""How a provider refuses to show or take scheduled changes where the account's plan, or the token, has none."""


class TimedService:
    """The use cases of `kill --for`, and of every other kill and restore: they end what an earlier one arranged."""

    def __init__(
        self,
        *,
        schedules: Schedules,
        records: TimedRecords,
        instances: Instances,
        clock: Clock,
        sdk_key_digest: str = "",
        note: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """Take the collaborators.

        Args:
            schedules: The provider's schedule.
            records: What is known here of earlier arrangements.
            instances: The running instances.
            clock: Time.
            sdk_key_digest: Of the SDK key that the operator has for the environment.
            note: Is told what people should know while it takes longer.
        """
        self._schedules = schedules
        self._records = records
        self._instances = instances
        self._clock = clock
        self._sdk_key_digest = sdk_key_digest
        self._note = note

    def arrange(
        self,
        ref: FlagRef,
        *,
        for_s: float,
        version: int,
        comment: str,
        objective: Objective,
        timeout_s: float,
    ) -> Arrangement:
        """Have the provider turn the flag on in `for_s` seconds, and see that this is on its schedule.

        The new one is made before an earlier one is withdrawn: there is never none, and at the end one. The instances
        are told not to follow it while they break the objective. `version` is the flag's, killed.

        Raises:
            OpsError: `refused`, where the provider takes no scheduled change; `unreachable`, `rate_limited`,
                `bad_credentials`. The kill stands in any case.
        """
        deadline_s = self._clock.monotonic_s() + timeout_s
        try:
            self._list(ref, deadline_s)
            ahead_s = clocks_apart_s(self._schedules.ahead_s())
            at_ms = round((self._clock.now_s() + ahead_s + for_s) * 1000)
            change = self._scheduled(ref, at_ms, marked(comment, at_ms), deadline_s)
        except OpsError as error:
            raise _refused(error) from error
        record = self._records.read(ref)
        self._records.write(ref, TimedRecord(schedule_ids=(*record.schedule_ids, change.id), waiting=record.waiting))
        return Arrangement(
            change=change,
            for_s=for_s,
            ahead_s=ahead_s,
            cleared=self.clear(ref, keep=change, timeout_s=timeout_s),
            guard=self._guarded(ref, version, objective, min(WINDOW_S, for_s)),
        )

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
            may_be_there = known or error.code not in _NO_SCHEDULES
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

    def _scheduled(self, ref: FlagRef, at_ms: int, comment: str, deadline_s: float) -> ScheduledChange:
        """Make the scheduled change, once, and return it as the provider's schedule has it."""

        def of_list() -> ScheduledChange | None:
            return next((one for one in self._list(ref, deadline_s) if one.at_ms == at_ms and one.only_turns_on), None)

        def after_all(error: OpsError) -> ScheduledChange | None:
            """After a lost answer, look whether it was made: it must not be made twice."""
            try:
                return of_list() if error.code is ErrorCode.UNREACHABLE else None
            except OpsError:
                return None

        self._patiently(
            lambda cap_s: self._schedules.schedule_restore(ref, at_ms=at_ms, comment=comment, timeout_s=cap_s),
            deadline_s,
            on_failure=after_all,
        )
        found = of_list()
        if found is None:
            raise OpsError(
                ErrorCode.REFUSED,
                f"the provider took a scheduled change for {utc_ms(at_ms)}, and does not have it on its schedule",
            )
        return found

    def _guarded(self, ref: FlagRef, version: int, objective: Objective, window_s: float) -> Guard:
        condition = Condition(
            flag=ref.key,
            from_version=version,
            objective=objective,
            window_s=window_s,
            project=ref.project,
            environment=ref.environment,
            sdk_key_digest=self._sdk_key_digest,
        )
        here = Expectation(ref, version, None, self._sdk_key_digest)
        elsewhere = {
            one.instance
            for one in self._instances.list_sightings()
            if one.report is not None and here.bearing_of(one.report) is Bearing.ELSEWHERE
        }
        told = self._instances.tell(condition, timeout_s=_TELL_TIMEOUT_S)
        concerned = [one for one in told if one.instance not in elsewhere]
        return Guard(
            objective=objective,
            window_s=window_s,
            instances=tuple(one.instance for one in concerned if one.report is not None),
            unguarded=tuple(one.instance for one in concerned if one.report is None),
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


def _refused(error: OpsError) -> OpsError:
    """Return the error of a schedule that cannot be made; what the token or the plan lacks is a refusal here."""
    code = ErrorCode.REFUSED if error.code in {*_NO_SCHEDULES, ErrorCode.CONFLICT, ErrorCode.FAILED} else error.code
    return OpsError(code, error.message, hint=error.hint, request_id=error.request_id)
