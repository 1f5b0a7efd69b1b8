"""What else the provider knows of a flag: who changed it last, and what is pending. Nothing here stops a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.durations import format_moment
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.services.beside import Beside

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.approving import ApprovalRequest
    from opsctl.core.flags import AuditEntry, FlagRef
    from opsctl.core.ports import Approvals, AuditReader, Schedules
    from opsctl.core.scheduling import ScheduledChange

_TIMEOUT_S = 2.0
_ENTRIES = 20
_NOT_HAD = frozenset({ErrorCode.FORBIDDEN, ErrorCode.BAD_CONFIG, ErrorCode.REFUSED, ErrorCode.APPROVAL_REQUIRED})
"""How a provider answers whose plan has neither schedules nor approvals, or a token that may not see them."""


class Lookup:
    """Asks the provider's audit log, its schedule and its approval requests, as far as each is there."""

    def __init__(
        self,
        *,
        audit: AuditReader | None = None,
        schedules: Schedules | None = None,
        approvals: Approvals | None = None,
    ) -> None:
        self._audit = audit
        self._schedules = schedules
        self._approvals = approvals

    def newest_changes(self, ref: FlagRef) -> tuple[AuditEntry, ...]:
        """Return the newest changes of the flag, newest first, within two seconds; none when nobody tells."""
        audit = self._audit
        if audit is None:
            return ()
        return Beside(lambda: _entries(audit, ref)).result(_TIMEOUT_S) or ()

    def newest_change(self, ref: FlagRef) -> AuditEntry | None:
        """Return the last change of the flag, within two seconds; `None` when nobody tells."""
        return next(iter(self.newest_changes(ref)), None)

    def pending(self, ref: FlagRef, *, leaves_out_restores: bool = False) -> tuple[str, ...]:
        """Return what is pending for the flag, one clause each, for people; also that it could not be looked up.

        `leaves_out_restores` is for those who tell of scheduled changes that turn the flag on in their own way.
        """
        schedules, approvals = self._schedules, self._approvals
        found: list[str] = []
        if schedules is not None:
            found += _asked(
                lambda: [
                    _scheduled(one)
                    for one in schedules.list_scheduled(ref, timeout_s=_TIMEOUT_S)
                    if not (leaves_out_restores and one.turns_on)
                ]
            )
        if approvals is not None:
            found += _asked(lambda: [_requested(one) for one in approvals.list_open(ref, timeout_s=_TIMEOUT_S)])
        return tuple(dict.fromkeys(found))


def _entries(audit: AuditReader, ref: FlagRef) -> tuple[AuditEntry, ...]:
    try:
        return audit.list_changes(ref, limit=_ENTRIES)
    except OpsError:
        return ()


def _asked(look: Callable[[], list[str]]) -> list[str]:
    try:
        return look()
    except OpsError as error:
        return [] if error.code in _NOT_HAD else [f"what is pending could not be looked up: {error.message}"]


def _scheduled(change: ScheduledChange) -> str:
    whose = " (opsctl kill --for)" if change.is_ours else ""
    return f"a scheduled change is to {_doing(change.instructions)} at {format_moment(change.at_ms)}{whose}"


def _requested(request: ApprovalRequest) -> str:
    about = f': "{request.description}"' if request.description else ""
    return f"an approval request to {_doing(request.instructions)} is {request.review}{about}"


def _doing(instructions: tuple[str, ...]) -> str:
    match instructions:
        case ("turnFlagOn",):
            return "turn it on"
        case ("turnFlagOff",):
            return "turn it off"
    return f"make changes ({', '.join(instructions)})"
