"""Kills that end by themselves: arranging that at the provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.arrangements import WINDOW_S, Arrangement, Guard
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.objectives import Condition
from opsctl.core.propagation import Bearing, Expectation
from opsctl.core.scheduling import clocks_apart_s, marked, utc_ms
from opsctl.core.timed import TimedRecord
from opsctl.services.clearing import NO_SCHEDULES, Clearing

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.flags import FlagRef
    from opsctl.core.objectives import Objective
    from opsctl.core.ports import Clock, Instances, Schedules, TimedRecords
    from opsctl.core.scheduling import ScheduledChange

_TELL_TIMEOUT_S = 1.0


class TimedService(Clearing):
    """The use case of `kill --for`."""

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
        super().__init__(schedules=schedules, records=records, clock=clock, note=note)
        self._instances = instances
        self._sdk_key_digest = sdk_key_digest

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


def _refused(error: OpsError) -> OpsError:
    """Return the error of a schedule that cannot be made; what the token or the plan lacks is a refusal here."""
    code = ErrorCode.REFUSED if error.code in {*NO_SCHEDULES, ErrorCode.CONFLICT, ErrorCode.FAILED} else error.code
    return OpsError(code, error.message, hint=error.hint, request_id=error.request_id)
