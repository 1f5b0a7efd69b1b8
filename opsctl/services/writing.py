"""Making the change at the provider: again where that helps, never twice, and a restore only of what was looked at."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.switch import Change
from opsctl.services.refusals import explained, unknown_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.flags import AuditEntry, Flag, Targeting
    from opsctl.core.ports import FlagWriter
    from opsctl.core.switch import SwitchPlan
    from opsctl.services.lookup import Lookup
    from opsctl.services.prepared import PreparedSwitch
    from opsctl.services.requests import Requests

    Making = Callable[[float], Flag]

_TURNED_OFF = "turned off"


@dataclass(frozen=True, slots=True)
class Written:
    """How the write ended.

    Attributes:
        targeting: The flag in its environment, as last read.
        is_ours: Whether the change was made by this very write, as far as that can be known.
        is_superseded: Whether somebody else's change stands instead.
        notes: What has to be said of it.
        by: The change that stands instead, or that was made by somebody else, where it is known.
    """

    targeting: Targeting
    is_ours: bool = True
    is_superseded: bool = False
    notes: tuple[str, ...] = ()
    by: AuditEntry | None = None


class Writing:
    """Writes one change after the other."""

    def __init__(self, requests: Requests, writer: FlagWriter, lookup: Lookup) -> None:
        self._requests = requests
        self._writer = writer
        self._lookup = lookup

    def write(
        self, prepared: PreparedSwitch, deadline_s: float, *, place: str = "", approved: Making | None = None
    ) -> Written:
        """Make the change; a restore is made only at the version that was looked at, a kill at any.

        `place` is where people look at the flag, for messages. `approved` makes the change in another way, with its own
        conditions.

        Raises:
            OpsError: the provider refused it, or nothing is known of it.
        """
        course = _Course(prepared, deadline_s, approved)
        try:
            flag = self._turn(course, if_version=course.guard)
        except _OvertakenError as overtaken:
            return self._overtaken(course, overtaken.flag)
        except OpsError as error:
            if error.code is ErrorCode.UNREACHABLE and error.retry_after_s is not None:
                raise unknown_state(course.plan, error) from error
            raise explained(error, course.plan, self._lookup, place) from error
        targeting = course.targeting_of(flag)
        if targeting.on is not course.plan.change.turns_on:
            by = self._lookup.newest_change(course.plan.ref)
            return Written(targeting, is_superseded=True, notes=tuple(course.notes), by=by)
        by = None if course.is_ours else self._lookup.newest_change(course.plan.ref)
        return Written(targeting, is_ours=course.is_ours, notes=tuple(course.notes), by=by)

    def after_interruption(self, prepared: PreparedSwitch, deadline_s: float) -> Targeting:
        """Return the flag in its environment after Ctrl-C while writing, where it shows that the change was made.

        Raises:
            OpsError: `interrupted`, it does not, or cannot be seen; the request may be on its way still.
        """
        plan = prepared.plan
        try:
            flag = self._requests.read_back(plan.ref, deadline_s)
        except KeyboardInterrupt:
            flag = None
        targeting = None if flag is None else flag.in_environment(plan.ref)
        if targeting is None or targeting.on is not plan.change.turns_on or targeting.version <= plan.from_version:
            raise unknown_state(plan, OpsError(ErrorCode.INTERRUPTED, "interrupted while writing"))
        return targeting

    def _turn(self, course: _Course, *, if_version: int | None) -> Flag:
        plan = course.plan
        return self._requests.patiently(
            course.approved
            or (
                lambda cap_s: self._writer.turn(
                    plan.ref,
                    on=plan.change.turns_on,
                    comment=course.prepared.comment,
                    if_version=if_version,
                    timeout_s=cap_s,
                )
            ),
            course.deadline_s,
            on_failure=lambda error: self._after_all(course, error, is_guarded=if_version is not None),
        )

    def _after_all(self, course: _Course, error: OpsError, *, is_guarded: bool) -> Flag | None:
        """After a failure, look where the flag stands before anything is written again: it must not be written twice.

        Raises:
            _OvertakenError: a restore was overtaken.
        """
        knows_no_condition = is_guarded and error.code is ErrorCode.REFUSED
        # A condition that does not hold may be called a conflict with something pending.
        may_not_hold = is_guarded and error.code is ErrorCode.PENDING_CHANGE
        may_repeat = error.code in {ErrorCode.UNREACHABLE, ErrorCode.CONFLICT} and error.retry_after_s is not None
        if not (knows_no_condition or may_not_hold or may_repeat):
            return None
        course.lost_answers += error.code is ErrorCode.UNREACHABLE
        flag = self._requests.read_back(course.plan.ref, course.deadline_s)
        if flag is None:
            return None
        targeting = course.targeting_of(flag)
        if targeting.version > course.plan.from_version:
            if targeting.on is course.plan.change.turns_on:
                course.found(targeting, error)
                return flag
            if course.guard is not None:
                raise _OvertakenError(flag)
            return None
        return self._unconditionally(course) if knows_no_condition else None

    def _unconditionally(self, course: _Course) -> Flag:
        """Restore where the provider knows no condition, and look afterwards whether a kill was overtaken by that."""
        plan = course.plan
        flag = self._turn(course, if_version=None)
        course.notes.append(
            "the provider knows no condition on the version: the flag was looked at right before and after instead"
        )
        between = course.targeting_of(flag).version - plan.from_version
        entries = self._lookup.newest_changes(plan.ref)[1:between]
        if not any(_TURNED_OFF in entry.what for entry in entries):
            return flag
        course.notes.append("the restore had overtaken a kill, and was taken back")
        killed = self._requests.patiently(
            lambda cap_s: self._writer.turn(
                plan.ref, on=False, comment="put back: a restore had overtaken this kill", timeout_s=cap_s
            ),
            course.deadline_s,
        )
        raise _OvertakenError(killed)

    def _overtaken(self, course: _Course, flag: Flag) -> Written:
        by = self._lookup.newest_change(course.plan.ref)
        return Written(course.targeting_of(flag), is_ours=False, is_superseded=True, notes=tuple(course.notes), by=by)


class _OvertakenError(Exception):
    """A restore found the flag changed since it was looked at, and not turned on."""

    def __init__(self, flag: Flag) -> None:
        super().__init__()
        self.flag = flag


@dataclass(slots=True)
class _Course:
    """One write, and what came up on the way."""

    prepared: PreparedSwitch
    deadline_s: float
    approved: Making | None = None
    notes: list[str] = field(default_factory=list)
    lost_answers: int = 0
    is_ours: bool = True

    @property
    def plan(self) -> SwitchPlan:
        return self.prepared.plan

    @property
    def guard(self) -> int | None:
        is_free = self.plan.change is Change.KILL or self.approved is not None
        return None if is_free else self.plan.from_version

    def targeting_of(self, flag: Flag) -> Targeting:
        return flag.in_environment(self.plan.ref)

    def found(self, targeting: Targeting, error: OpsError) -> None:
        """Note that the flag is as wanted although no write was answered so."""
        state = "on" if targeting.on else "off"
        if self.lost_answers:
            what = "it was read back" if self.lost_answers == 1 else f"it was read back after {self.lost_answers} tries"
            self.notes.append(f"no answer said so: {what}, {state} at version {targeting.version} ({error.message})")
        else:
            self.is_ours = False
            self.notes.append(f"somebody else turned it {state} at the same time, version {targeting.version}")
