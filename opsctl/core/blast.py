"""What a change would come to, before it is made: who would notice, and what stands in its way. Pure."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.exit_codes import EXIT_CODES, ExitCode
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.looking import Looked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.core.approving import ApprovalRequest
    from opsctl.core.flags import AuditEntry
    from opsctl.core.pins import Pin
    from opsctl.core.scheduling import ScheduledChange
    from opsctl.core.switch import Receipt

_REFUSALS = frozenset({ErrorCode.REFUSED, ErrorCode.APPROVAL_REQUIRED, ErrorCode.CONFLICT, ErrorCode.FORBIDDEN})
_OFF, _ON = "turned off", "turned on"


@dataclass(frozen=True, slots=True)
class PastKill:
    """A time in which the flag was off, as the provider's audit log has it; `end` is `None` while it lasts."""

    start: AuditEntry
    end: AuditEntry | None

    def length_s(self, now_s: float) -> float:
        """Return how long it was off, up to now."""
        end_s = now_s if self.end is None else self.end.at_ms / 1000
        return max(end_s - self.start.at_ms / 1000, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blast:
    """The blast radius of a kill or a restore.

    Attributes:
        receipt: The receipt of the dry run: the plan, and the instances and browsers as they are.
        at_s: When this was so, in seconds since 1970.
        verdict: Whether the provider would accept the change: `True`, or its error; `None` where nothing is to be
            written, so that it was not asked.
        scheduled: The changes that are scheduled for the flag.
        requested: The approval requests that are open for it.
        changes: The newest changes of the flag, newest first.
        pin: The pin in force; `None` when there is none.
    """

    receipt: Receipt
    at_s: float
    verdict: Looked[bool] | None = None
    scheduled: Looked[tuple[ScheduledChange, ...]] = field(default_factory=Looked)
    requested: Looked[tuple[ApprovalRequest, ...]] = field(default_factory=Looked)
    changes: Looked[tuple[AuditEntry, ...]] = field(default_factory=Looked)
    pin: Pin | None = None

    @property
    def refusal(self) -> OpsError | None:
        """Return why the provider would not make the change; `None` where it would, or does not say."""
        error = None if self.verdict is None else self.verdict.error
        return error if error is not None and error.code in _REFUSALS else None

    @property
    def avatar_rate(self) -> float:
        """Return the calls per second that the instances make to the avatar API now."""
        seen = self.receipt.propagation
        return sum(one.report.avatar_rate for one in seen.followers if one.report) if seen is not None else 0.0

    @property
    def last_kill(self) -> PastKill | None:
        """Return the newest kill that the looked up changes tell of."""
        return last_kill(self.changes.value or ())


def last_kill(entries: Sequence[AuditEntry]) -> PastKill | None:
    """Return the newest kill among entries of the audit log, which are in any order."""
    kill: PastKill | None = None
    for entry in sorted(entries, key=lambda one: one.at_ms):
        if _OFF in entry.what and (kill is None or kill.end is not None):
            kill = PastKill(entry, None)
        elif _ON in entry.what and kill is not None and kill.end is None:
            kill = PastKill(kill.start, entry)
    return kill


def exit_code_of_blast(blast: Blast) -> ExitCode:
    """Return the exit code of a dry run: the refusal's, where the provider would refuse."""
    return ExitCode.OK if blast.refusal is None else EXIT_CODES[blast.refusal.code]
