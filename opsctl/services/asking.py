"""Asking for approval of a change instead of writing it, and carrying it out once it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.errors import OpsError
from opsctl.services.refusals import nothing_written

if TYPE_CHECKING:
    from opsctl.core.approving import ApprovalRequest
    from opsctl.core.flags import Flag, FlagRef
    from opsctl.core.ports import Approvals, FlagReader
    from opsctl.services.prepared import PreparedSwitch
    from opsctl.services.requests import Requests


class Asking:
    """Asks once for each change: a request for the very same that is open already stands for it."""

    def __init__(self, requests: Requests, reader: FlagReader, approvals: Approvals) -> None:
        self._requests = requests
        self._reader = reader
        self._approvals = approvals

    def place_of(self, ref: FlagRef) -> str:
        """Return the address at which people look at the flag and at what waits for approval."""
        return self._approvals.place_of(ref)

    def carry_out(self, prepared: PreparedSwitch, request: ApprovalRequest, timeout_s: float) -> Flag:
        """Carry out a request that was approved, and return the flag as it is afterwards."""
        ref = prepared.plan.ref
        self._approvals.apply(ref, request, comment=prepared.comment, timeout_s=timeout_s / 2)
        return self._reader.get_flag(ref.project, ref.key, timeout_s=timeout_s / 2)

    def ask(self, prepared: PreparedSwitch, deadline_s: float) -> ApprovalRequest:
        """Return the open request for the change, made now unless there is one.

        Raises:
            OpsError: it could not be made. The flag is as it was.
        """
        plan = prepared.plan
        try:
            found = self._requests.patiently(lambda cap_s: self._open(prepared, cap_s), deadline_s)
            return (
                found[0]
                if found
                else self._requests.patiently(
                    lambda cap_s: self._approvals.ask(
                        plan.ref, on=plan.change.turns_on, comment=prepared.comment, timeout_s=cap_s
                    ),
                    deadline_s,
                    on_failure=lambda error: self._asked_after_all(prepared, error),
                )
            )
        except OpsError as error:
            raise nothing_written(error) from error

    def _open(self, prepared: PreparedSwitch, cap_s: float) -> list[ApprovalRequest]:
        """Return the open requests for exactly this change, the newest first."""
        wanted = "turnFlagOn" if prepared.plan.change.turns_on else "turnFlagOff"
        listed = self._approvals.list_open(prepared.plan.ref, timeout_s=cap_s)
        return [one for one in listed if one.only(wanted) and not one.is_declined]

    def _asked_after_all(self, prepared: PreparedSwitch, error: OpsError) -> ApprovalRequest | None:
        """After a lost answer, look whether the request was made: nobody should have to review it twice."""
        if error.retry_after_s is None:
            return None
        try:
            return next(iter(self._open(prepared, 2.0)), None)
        except OpsError:
            return None
