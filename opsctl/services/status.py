"""Who serves what: the provider, each instance, the browsers; and who changed it last."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

from opsctl.core.errors import OpsError
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.looking import Looked, looked
from opsctl.core.modes import Mode
from opsctl.core.pin_state import known_pins
from opsctl.core.propagation import Bearing, Expectation, Propagation, Sighting, summarise

if TYPE_CHECKING:
    from opsctl.core.approving import ApprovalRequest
    from opsctl.core.flags import AuditEntry, Flag, FlagRef
    from opsctl.core.pins import Pin
    from opsctl.core.ports import (
        Approvals,
        AuditReader,
        Clock,
        FlagReader,
        Instances,
        Pins,
        Ramps,
        Rehearsals,
        Schedules,
        TimedRecords,
    )
    from opsctl.core.ramp import Ramp
    from opsctl.core.rehearsal import Rehearsed
    from opsctl.core.scheduling import ScheduledChange
    from opsctl.core.timed import Waiting

_LOOK_S = 2.0


@dataclass(frozen=True, slots=True)
class Status:
    """What is known at one moment.

    Attributes:
        at_s: That moment, in seconds since 1970.
        flag: The flag as the provider has it; `None` when it cannot be asked.
        error: Why not.
        last_change: The newest entry of the audit log about it; `None` when there is none or it cannot be read.
        sightings: The instances on this machine that serve this flag, may serve it, or do not say what they serve.
        agreement: How far the instances and browsers agree with the provider; with its version and mode unknown,
            whether they answer at all; and while a pin is in force, how far they go by that.
        pin: The pin in force; `None` when there is none.
        scheduled: The changes that are scheduled for the flag; nothing where the provider cannot be asked at all.
        requested: The approval requests that are open for it; as `scheduled`.
        ramp: The restore in steps that is under way, or was left standing; nothing where there is none.
        waiting: The process of this machine that waits to restore (`kill --for --here`); `None` when there is none.
        rehearsed: What is known here of its rehearsals.
    """

    ref: FlagRef
    at_s: float
    flag: Flag | None
    error: OpsError | None
    last_change: AuditEntry | None
    sightings: tuple[Sighting, ...]
    agreement: Propagation
    pin: Pin | None = None
    scheduled: Looked[tuple[ScheduledChange, ...]] = field(default_factory=Looked)
    requested: Looked[tuple[ApprovalRequest, ...]] = field(default_factory=Looked)
    ramp: Looked[Ramp | None] = field(default_factory=Looked)
    waiting: Waiting | None = None
    rehearsed: Looked[Rehearsed] = field(default_factory=Looked)


class StatusService:
    """The use case of `status`."""

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        *,
        reader: FlagReader,
        audit: AuditReader,
        instances: Instances,
        clock: Clock,
        pins: Pins | None = None,
        schedules: Schedules | None = None,
        approvals: Approvals | None = None,
        ramps: Ramps | None = None,
        records: TimedRecords | None = None,
        rehearsals: Rehearsals | None = None,
        sdk_key_digest: str = "",
    ) -> None:
        """Take the collaborators; what there is none for is not looked for.

        `sdk_key_digest` is of the operator's SDK key, for when the provider does not show it.
        """
        self._reader = reader
        self._audit = audit
        self._instances = instances
        self._clock = clock
        self._pins = pins
        self._schedules = schedules
        self._approvals = approvals
        self._ramps = ramps
        self._records = records
        self._rehearsals = rehearsals
        self._sdk_key_digest = sdk_key_digest

    def get_status(self, ref: FlagRef) -> Status:
        """Return what the provider and the instances say.

        A provider that cannot be asked is part of the answer: the instances are asked in any case.
        """
        flag, error = self._flag(ref)
        mode = None if flag is None else flag.mode(ref.environment)
        version = 0 if flag is None else flag.targeting[ref.environment].version
        here = Expectation(ref, version, mode, self._digest(ref, flag))
        everyone = self._instances.list_sightings()
        sightings = tuple(
            one for one in everyone if one.report is None or here.bearing_of(one.report) is not Bearing.ELSEWHERE
        )
        pin = self._pin(ref, sightings)
        expected = here if pin is None else replace(here, version=0, mode=Mode.DEGRADED, pin=pin.number)
        return Status(
            ref=ref,
            at_s=self._clock.now_s(),
            flag=flag,
            error=error,
            last_change=None if flag is None else self._last_change(ref),
            sightings=sightings,
            agreement=summarise(everyone, expected, base_s=self._clock.monotonic_s()),
            pin=pin,
            scheduled=Looked() if flag is None else self._scheduled(ref),
            requested=Looked() if flag is None else self._requested(ref),
            ramp=self._ramp(ref),
            waiting=None if self._records is None else self._records.read(ref).waiting,
            rehearsed=self._rehearsed(ref),
        )

    def _pin(self, ref: FlagRef, sightings: tuple[Sighting, ...]) -> Pin | None:
        """Return the pin in force; the one that instances report, where what is kept cannot be read."""
        pins = self._pins
        kept = None if pins is None else looked(lambda: pins.newest(ref)).value
        return known_pins(kept, (one.report for one in sightings if one.report is not None)).in_force

    def _scheduled(self, ref: FlagRef) -> Looked[tuple[ScheduledChange, ...]]:
        schedules = self._schedules
        return Looked() if schedules is None else looked(lambda: schedules.list_scheduled(ref, timeout_s=_LOOK_S))

    def _requested(self, ref: FlagRef) -> Looked[tuple[ApprovalRequest, ...]]:
        approvals = self._approvals
        return Looked() if approvals is None else looked(lambda: approvals.list_open(ref, timeout_s=_LOOK_S))

    def _ramp(self, ref: FlagRef) -> Looked[Ramp | None]:
        ramps = self._ramps
        return Looked() if ramps is None else looked(lambda: ramps.read(ref))

    def _rehearsed(self, ref: FlagRef) -> Looked[Rehearsed]:
        rehearsals = self._rehearsals
        return Looked() if rehearsals is None else looked(lambda: rehearsals.read(ref))

    def _flag(self, ref: FlagRef) -> tuple[Flag | None, OpsError | None]:
        try:
            flag = self._reader.get_flag(ref.project, ref.key)
            flag.in_environment(ref)
        except OpsError as error:
            return None, error
        return flag, None

    def _digest(self, ref: FlagRef, flag: Flag | None) -> str:
        if flag is None:
            return self._sdk_key_digest
        try:
            shown = self._reader.get_environment(ref.project, ref.environment).sdk_key_digest
        except OpsError:
            shown = ""
        return shown or self._sdk_key_digest

    def _last_change(self, ref: FlagRef) -> AuditEntry | None:
        try:
            entries = self._audit.list_changes(ref, limit=1)
        except OpsError:
            return None
        return entries[0] if entries else None
