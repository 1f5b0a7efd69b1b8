"""`kill --for --here`: waiting in this process, and restoring when the time is over and nothing speaks against it."""

from __future__ import annotations

import os
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.core.arrangements import WINDOW_S
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.switch import Change
from opsctl.core.timed import Waiting
from opsctl.core.windows import TrafficWindow
from opsctl.services.prepared import SwitchRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.flags import FlagRef
    from opsctl.core.instances import InstanceReport
    from opsctl.core.objectives import Objective
    from opsctl.core.ports import AuditReader, Clock, Instances, TimedRecords
    from opsctl.core.switch import Receipt
    from opsctl.services.prepared import PreparedSwitch
    from opsctl.services.switch import SwitchService

_TICK_S = 1.0
_TRY_AGAIN = frozenset({ErrorCode.UNREACHABLE, ErrorCode.RATE_LIMITED})


@dataclass(frozen=True, slots=True, kw_only=True)
class HereRequest:
    """What is waited for.

    Attributes:
        ref: The flag that was killed.
        version: Its version, killed.
        for_s: How long to wait, in seconds.
        objective: What the instances have to meet then.
        reason: Why it was killed; it goes into the comment of the restore.
        incident: What that belongs to.
        timeout_s: How long the restore may take, once it is made.
        patience_s: How long to wait beyond `for_s` for the objective to be met; `None` is for good.
        wait: Whether the restore waits for everyone's confirmation.
    """

    ref: FlagRef
    version: int
    for_s: float
    objective: Objective
    reason: str
    incident: str | None
    timeout_s: float
    patience_s: float | None
    wait: bool = True


@dataclass(frozen=True, slots=True)
class Tick:
    """How far it is: the seconds that are left, and after them what the restore waits for."""

    left_s: float
    obstacle: str = ""


class HereService:
    """The use case of `kill --for --here`, after the kill."""

    def __init__(
        self,
        *,
        switch: SwitchService,
        audit: AuditReader,
        instances: Instances,
        records: TimedRecords,
        clock: Clock,
    ) -> None:
        """Take the collaborators; `records` is where others see that this process waits, and make it stop."""
        self._switch = switch
        self._audit = audit
        self._instances = instances
        self._records = records
        self._clock = clock

    def restore_after(self, request: HereRequest, on_tick: Callable[[Tick], None] = lambda _tick: None) -> Receipt:
        """Wait, and restore; `on_tick` is told every second how far it is. Time is counted without the wall clock.

        It is not restored while an instance breaks the objective or does not answer, nor before a whole window has
        passed since one did, nor after somebody else changed the flag.

        Raises:
            OpsError: `superseded`, when another command or person decided otherwise; `objective_not_met`, when the
                patience was over; and what a restore raises. Nothing was restored then.
        """
        waiting = Waiting(
            token=secrets.token_hex(8),
            pid=os.getpid(),
            until_ms=round((self._clock.now_s() + request.for_s) * 1000),
        )
        self._records.write(request.ref, replace(self._records.read(request.ref), waiting=waiting))
        is_kept = self._records.read(request.ref).waiting == waiting
        try:
            return self._switch.apply(self._due(request, waiting if is_kept else None, on_tick))
        finally:
            record = self._records.read(request.ref)
            if record.waiting == waiting:
                self._records.write(request.ref, replace(record, waiting=None))

    def _due(self, request: HereRequest, waiting: Waiting | None, on_tick: Callable[[Tick], None]) -> PreparedSwitch:
        """Return the restore, prepared, once it is due and nothing speaks against it.

        Without `waiting`, which could not be kept, others cannot stop it but by the flag itself.
        """
        window_s = min(WINDOW_S, request.for_s)
        window = TrafficWindow(window_s)
        end_s = self._clock.monotonic_s() + request.for_s
        clear_from_s = end_s
        while True:
            self._require_wanted(request.ref, waiting)
            now_s = self._clock.monotonic_s()
            obstacle = self._obstacle(request, window, now_s) if now_s >= end_s - window_s - _TICK_S else ""
            if obstacle and now_s >= end_s:
                clear_from_s = now_s + window_s
            if now_s >= clear_from_s:
                try:
                    return self._prepared(request)
                except OpsError as error:
                    if error.code not in _TRY_AGAIN:
                        raise
                    obstacle = error.message
            self._require_patience(request, obstacle, now_s - end_s)
            on_tick(Tick(max(end_s - now_s, 0.0), obstacle or ("" if now_s < end_s else "no breach; a moment more")))
            self._clock.sleep(min(_TICK_S, end_s - now_s) if now_s < end_s else _TICK_S)

    def _obstacle(self, request: HereRequest, window: TrafficWindow, now_s: float) -> str:
        sightings = self._instances.list_sightings()
        window.add((one.report for one in sightings if one.report and _serves(one.report, request.ref)), now_s)
        silent = next((one.instance for one in sightings if one.report is None), None)
        return window.breach(request.objective) or (f"{silent} does not answer" if silent else "")

    def _prepared(self, request: HereRequest) -> PreparedSwitch:
        prepared = self._switch.prepare(
            SwitchRequest(
                ref=request.ref,
                change=Change.RESTORE,
                reason=request.reason,
                incident=request.incident,
                timeout_s=request.timeout_s,
                wait=request.wait,
            )
        )
        version = prepared.plan.from_version
        if prepared.plan.is_needed and version != request.version:
            raise OpsError(
                ErrorCode.SUPERSEDED,
                f"{request.ref.key} is left off: {self._who(request.ref)} changed it meanwhile (version"
                f" {request.version} → {version})",
                hint=f"when it may be on again: opsctl restore {request.ref.key} --env {request.ref.environment}",
            )
        return prepared

    def _who(self, ref: FlagRef) -> str:
        try:
            return next((entry.who for entry in self._audit.list_changes(ref, limit=1)), "somebody")
        except OpsError:
            return "somebody"

    def _require_wanted(self, ref: FlagRef, waiting: Waiting | None) -> None:
        if waiting is not None and self._records.read(ref).waiting != waiting:
            raise OpsError(
                ErrorCode.SUPERSEDED,
                f"another opsctl command decided about {ref.key} meanwhile: it is left as it is",
                hint=f"see what it is: opsctl status {ref.key} --env {ref.environment}",
            )

    def _require_patience(self, request: HereRequest, obstacle: str, over_s: float) -> None:
        if request.patience_s is not None and over_s >= request.patience_s:
            ref = request.ref
            raise OpsError(
                ErrorCode.OBJECTIVE_NOT_MET,
                f"{ref.key} is left off: {obstacle or 'the objective was not met for long enough'}",
                hint=f"when it may be on again: opsctl restore {ref.key} --env {ref.environment}",
            )


def _serves(report: InstanceReport, ref: FlagRef) -> bool:
    return (report.flag, report.environment) == (ref.key, ref.environment)
