"""The blast radius: what a kill or a restore would come to, looked up before anybody makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.blast import Blast
from opsctl.core.looking import Looked, looked

if TYPE_CHECKING:
    from opsctl.core.flags import FlagRef
    from opsctl.core.ports import Approvals, AuditReader, ChangeChecker, Clock, Schedules
    from opsctl.core.switch import Receipt
    from opsctl.services.pinning import Pinning
    from opsctl.services.prepared import PreparedSwitch

_LOOK_S = 3.0
_ENTRIES = 20


class BlastService:
    """The use case of `--dry-run`."""

    def __init__(
        self,
        *,
        checker: ChangeChecker,
        audit: AuditReader,
        schedules: Schedules,
        approvals: Approvals,
        pinning: Pinning,
        clock: Clock,
    ) -> None:
        """Take whom to ask."""
        self._checker = checker
        self._audit = audit
        self._schedules = schedules
        self._approvals = approvals
        self._pinning = pinning
        self._clock = clock

    def look(self, prepared: PreparedSwitch, receipt: Receipt) -> Blast:
        """Return the blast radius of the change; `receipt` is that of its dry run.

        What cannot be looked up is part of the answer.
        """
        ref = prepared.plan.ref
        return Blast(
            receipt=receipt,
            at_s=self._clock.now_s(),
            verdict=self._verdict(prepared) if prepared.plan.is_needed else None,
            scheduled=looked(lambda: self._schedules.list_scheduled(ref, timeout_s=_LOOK_S)),
            requested=looked(lambda: self._approvals.list_open(ref, timeout_s=_LOOK_S)),
            changes=looked(lambda: self._audit.list_changes(ref, limit=_ENTRIES)),
            pin=self._pinning.kept(ref),
        )

    def _verdict(self, prepared: PreparedSwitch) -> Looked[bool]:
        ref: FlagRef = prepared.plan.ref

        def ask() -> bool:
            self._checker.check_turn(ref, on=prepared.plan.change.turns_on, comment=prepared.comment, timeout_s=_LOOK_S)
            return True

        return looked(ask)
