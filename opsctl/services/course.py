"""One kill or restore on its way, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.exit_codes import exit_code_of
from opsctl.core.journal import Ended
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.switch import Change, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.approving import ApprovalRequest
    from opsctl.core.flags import Flag
    from opsctl.core.ports import Entry
    from opsctl.core.switch import Receipt
    from opsctl.services.prepared import PreparedSwitch

_NOT_MADE = frozenset({Outcome.SUPERSEDED, Outcome.APPROVAL_REQUESTED})


@dataclass(slots=True, kw_only=True)
class Course:
    """One change on its way.

    Attributes:
        prepared: What is to be done.
        entry: Its record.
        started_at_s: When it began, in seconds since 1970.
        deadline_s: Until when it may take, on the clock's monotonic scale.
        base_s: When the write began, on that scale.
        is_writing: Whether something may have been written.
        is_contested: Whether a restore may still be written that was accepted before.
        approval: The approved request that it carries out.
        approved: Carries it out.
        receipt: What is known once it was written; `None` before.
    """

    prepared: PreparedSwitch
    entry: Entry
    started_at_s: float
    deadline_s: float
    base_s: float = 0.0
    is_writing: bool = False
    is_contested: bool = False
    approval: ApprovalRequest | None = None
    approved: Callable[[float], Flag] | None = None
    receipt: Receipt | None = None

    @property
    def is_kill(self) -> bool:
        """Whether it turns the kill switch off."""
        return self.prepared.plan.change is Change.KILL

    @property
    def so_far(self) -> Receipt:
        """What is known once it was written."""
        if self.receipt is None:
            raise AssertionError("it was written before")
        return self.receipt


def ended(receipt: Receipt) -> Ended:
    """Return what the record keeps of a change that has a receipt."""
    turns_on = receipt.plan.change.turns_on
    is_made = receipt.outcome not in _NOT_MADE
    return Ended(
        outcome=receipt.outcome,
        is_on=turns_on if is_made else not turns_on,
        version=receipt.version,
        written_version=receipt.written_version,
        mode=receipt.plan.expected_mode if is_made else None,
        exit_code=exit_code_of(receipt),
        written_ms=receipt.written_ms,
        propagation=receipt.propagation,
        notes=receipt.notes,
    )
