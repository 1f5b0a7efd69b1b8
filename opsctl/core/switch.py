"""Planning a kill or a restore, and what came of it. Pure: reading and writing is the service's."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import FlagKind
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.modes import Mode

if TYPE_CHECKING:
    from opsctl.core.approving import ApprovalRequest
    from opsctl.core.arrangements import Arrangement
    from opsctl.core.flags import AuditEntry, Environment, Flag, FlagRef, Targeting
    from opsctl.core.propagation import Propagation


class Change(StrEnum):
    """The two write verbs: turn targeting off, or on, for a kill switch."""

    KILL = "kill"
    RESTORE = "restore"

    @property
    def turns_on(self) -> bool:
        """Whether targeting is on afterwards."""
        return self is Change.RESTORE

    @property
    def done(self) -> str:
        """What it is afterwards, for people."""
        return "restored" if self.turns_on else "killed"

    @property
    def undo(self) -> Change:
        """Return the change that takes this one back."""
        return Change.KILL if self is Change.RESTORE else Change.RESTORE


class Confirmation(StrEnum):
    """What a person is asked before the change is written."""

    NONE = "none"
    ANSWER = "answer"
    ENVIRONMENT_KEY = "environment key"


@dataclass(frozen=True, slots=True)
class SwitchPlan:
    """What is to be done to reach the wanted state.

    Attributes:
        from_version: The flag's version when the plan was made.
        is_needed: Whether anything has to be written; not when the flag is in the wanted state already.
        expected_mode: The mode every visitor gets afterwards; `None` when the flag's rules make it depend on them.
        serves: What the flag serves afterwards, for people.
    """

    ref: FlagRef
    change: Change
    from_version: int
    is_needed: bool
    expected_mode: Mode | None
    serves: str


class Outcome(StrEnum):
    """How a kill or restore ended."""

    CONFIRMED = "confirmed"
    NO_INSTANCES = "no_instances"
    NOT_VERIFIED = "not_verified"
    PENDING = "pending"
    SUPERSEDED = "superseded"
    BREACHED = "breached"
    INTERRUPTED = "interrupted"
    APPROVAL_REQUESTED = "approval_requested"
    PLANNED = "planned"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was done, and what was observed of it.

    Attributes:
        plan: What was to be done.
        outcome: How it ended.
        reason: Why, as the operator said it.
        incident: What it belongs to, as the operator said it.
        version: The flag's version in the environment, as last read from the provider.
        written_version: The version that the own write made; `None` when nothing was written.
        written_ms: From the start of the write to its acceptance; `None` when nothing was written.
        propagation: What the instances and browsers said last; `None` when nobody was asked.
        notes: What has to be said aloud, one sentence each.
        superseded_by: The change that superseded it, as far as the provider's audit log tells.
        approval: The approval request that stands for the change, where it was asked for instead of written.
        started_at_s: When carrying it out began, in seconds since 1970; `None` in a dry run.
        written_at_s: When the write was accepted; `None` when nothing was written.
        ended_at_s: When there was nothing more to wait for; `None` in a dry run.
        until: How a kill ends by itself, where that was arranged.
        options: Further options that the command has to have again where it is shown.
        is_pinned: Whether a break-glass is in force besides, which a restore would have to end first.
    """

    plan: SwitchPlan
    outcome: Outcome
    version: int
    reason: str | None = None
    incident: str | None = None
    written_version: int | None = None
    written_ms: float | None = None
    propagation: Propagation | None = None
    notes: tuple[str, ...] = ()
    superseded_by: AuditEntry | None = None
    approval: ApprovalRequest | None = None
    started_at_s: float | None = None
    written_at_s: float | None = None
    ended_at_s: float | None = None
    until: Arrangement | None = None
    options: tuple[str, ...] = ()
    is_pinned: bool = False


def plan_kill(flag: Flag, ref: FlagRef) -> SwitchPlan:
    """Plan to turn the kill switch off.

    Raises:
        OpsError: `unsafe_flag`, when that would not degrade the feed: the flag is archived or not boolean, or its off
            variation is unset (the SDKs would use the fallback value in the code) or is not `False`.
    """
    targeting = _usable(flag, ref)
    served = flag.served(ref.environment, on=False)
    if served.variation is None:
        raise OpsError(
            ErrorCode.UNSAFE_FLAG,
            f"{flag.key} has no off variation in {ref.environment}: turned off, every SDK serves the fallback value",
            hint="set its off variation to Disabled (false), then kill",
        )
    if served.variation.value is not False:
        raise OpsError(
            ErrorCode.UNSAFE_FLAG,
            f"{flag.key} serves {served.label} when off in {ref.environment}: turning it off would degrade nothing",
            hint="set its off variation to Disabled (false), then kill",
        )
    return SwitchPlan(ref, Change.KILL, targeting.version, targeting.on, Mode.DEGRADED, served.label)


def plan_restore(flag: Flag, ref: FlagRef) -> SwitchPlan:
    """Plan to turn the kill switch on again; rules, targets and the default rule are as they were before the kill.

    Raises:
        OpsError: `unsafe_flag`, when that would restore nothing: the flag is archived or not boolean, or its default
            rule does not serve `True` to anybody.
    """
    targeting = _usable(flag, ref)
    served = flag.served(ref.environment, on=True)
    if not served.depends_on_context and (served.variation is None or served.variation.value is not True):
        raise OpsError(
            ErrorCode.UNSAFE_FLAG,
            f"{flag.key} serves {served.label} when on in {ref.environment}: turning it on would restore nothing",
            hint="set its default rule to Enabled (true), then restore",
        )
    expected = None if served.depends_on_context else Mode.FULL
    return SwitchPlan(ref, Change.RESTORE, targeting.version, not targeting.on, expected, served.label)


def plan_change(change: Change, flag: Flag, ref: FlagRef) -> SwitchPlan:
    """Plan either change; see `plan_kill` and `plan_restore`."""
    return plan_kill(flag, ref) if change is Change.KILL else plan_restore(flag, ref)


def choose_confirmation(plan: SwitchPlan, environment: Environment) -> Confirmation:
    """Return what to ask a person first. A kill never needs more than one answer, and it is yes or no."""
    if not plan.is_needed or not (environment.critical or environment.confirm_changes):
        return Confirmation.NONE
    return Confirmation.ANSWER if plan.change is Change.KILL else Confirmation.ENVIRONMENT_KEY


def comment_of(reason: str | None, incident: str | None) -> str:
    """Return the comment for the audit log: `reason (incident)`, either alone, or nothing."""
    if reason and incident:
        return f"{reason} ({incident})"
    return reason or incident or ""


def _usable(flag: Flag, ref: FlagRef) -> Targeting:
    targeting = flag.in_environment(ref)
    if flag.archived:
        raise OpsError(
            ErrorCode.UNSAFE_FLAG,
            f"{flag.key} is archived: every SDK serves the fallback value, whatever its targeting",
            hint="restore it from the archive first, or name another flag",
        )
    if flag.kind is not FlagKind.BOOLEAN:
        raise OpsError(
            ErrorCode.UNSAFE_FLAG,
            f"{flag.key} is not a kill switch: its variations are not boolean",
            hint="opsctl flags list shows the flags there are",
        )
    return targeting
