"""Who wins between operators of one machine, where the provider cannot tell. Pure: it decides from the audit log.

A kill that has nothing to write leaves no trace at the provider, and would lose to a restore that is on its way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.audit import Unfinished
from opsctl.core.audit_chain import RecordKind
from opsctl.core.audit_records import rows_of
from opsctl.core.ramp_names import IN_STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opsctl.core.audit import AuditRow
    from opsctl.core.audit_chain import Record
    from opsctl.core.audit_parts import Process
    from opsctl.core.flags import FlagRef

    _IsRunning = Callable[[Process], bool]

_IN_FLIGHT_S = 3.0
"""How long after a restore was accepted its request may still arrive, although its process is gone."""


def kill_that_wins(
    records: Sequence[Record], ref: FlagRef, read_at: int, own: Process, *, is_running: _IsRunning
) -> AuditRow | None:
    """Return the newest kill that a restore loses to which looked at the flag at `read_at`; `None` when there is none.

    That is every kill that had not ended by then, as its operator may rely on it from its end on. A process never
    loses to itself.
    """
    ended = {record.content.get("id"): record.seq for record in records if record.kind is RecordKind.FINISHED}
    for row in reversed(rows_of(records, is_running=is_running)):
        if row.ref != ref or row.turns_on is not False or row.process == own:
            continue
        if row.outcome == Unfinished.UNDER_WAY or ended.get(row.id, row.seq or 0) > read_at:
            return row
    return None


def is_restore_under_way(
    records: Sequence[Record],
    ref: FlagRef,
    seq: int,
    *,
    own: Process,
    is_ramp_past_first_step: bool,
    now_s: float,
    is_running: _IsRunning,
) -> bool:
    """Whether a restore that was accepted before the record `seq` may still turn the flag on.

    One that was entered late counts wherever it stands: it was accepted without a look under the lock.

    A restore of the same process may not: it is a ramp that stopped itself. Neither may a ramp once its first step was
    written: the later ones leave a flag off that they find off.
    """
    for row in rows_of(records, is_running=is_running):
        if row.ref != ref or not row.turns_on or row.process == own:
            continue
        if (row.seq or 0) >= seq and not row.late:
            continue
        if is_ramp_past_first_step and row.detail.startswith(IN_STEPS):
            continue
        is_in_flight = row.outcome == Unfinished.UNKNOWN and abs(now_s - row.started_s) <= _IN_FLIGHT_S
        if row.outcome == Unfinished.UNDER_WAY or is_in_flight:
            return True
    return False
