"""One list from two logs: this machine's record of commands and the provider's of changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.audit import row_of
from opsctl.core.switch import comment_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from opsctl.core.audit import AuditRow
    from opsctl.core.flags import AuditEntry, FlagRef

TOLERANCE_S = 5.0
"""How far the provider's clock and this machine's may be apart."""

LONGEST_WRITE_S = 60.0
"""How long after it was accepted a command that never said how it ended may still have written."""

RAMP_COMMENT = "restore ramp"
"""How the comments of a ramp's changes begin at the provider."""

TIMED_MARK = "[opsctl kill --for"
"""What the comments of `kill --for` hold (`opsctl.core.scheduling`)."""

_MILLISECOND_S = 0.001
"""The provider's times are cut off to whole milliseconds."""


def merged(
    rows: Sequence[AuditRow], entries: Sequence[AuditEntry], ref: FlagRef, *, provider: str = ""
) -> tuple[AuditRow, ...]:
    """Return the rows of both, in the order of time; what both know of stands there once.

    `rows` may be about any flags, `entries` are about `ref`. An entry belongs to a command about `ref` that turned the
    switch the same way with the same comment while it ran, or as near to that as the two clocks allow; each belongs to
    one command at most. What else a command did, such as the steps of a ramp, belongs to
    it, too.
    """
    matched: dict[str, AuditRow] = {}
    foreign = sorted(entries, key=lambda entry: entry.at_ms)
    for tolerance_s in (0.0, TOLERANCE_S):
        waiting = [row for row in rows if row.ref == ref and row.may_have_written and row.id not in matched]
        found = dict(_pairs(waiting, foreign, tolerance_s))
        matched |= {row.id: row.known_to(entry) for entry, row in found.items()}
        foreign = [entry for entry in foreign if entry not in found]
    mine = {row.id: matched.get(row.id, row) for row in rows}
    for belongs in (_is_step, _is_companion):
        for entry in tuple(foreign):
            row = next((one for one in mine.values() if one.ref == ref and belongs(one, entry)), None)
            if row is not None:
                mine[row.id] = row.known_to(entry)
                foreign.remove(entry)
    others = [row_of(entry, ref, provider) for entry in foreign]
    return tuple(sorted([*mine.values(), *others], key=lambda row: row.at_s))


def fits(row: AuditRow, entry: AuditEntry, tolerance_s: float = TOLERANCE_S) -> bool:
    """Whether the provider's entry can be what this command wrote."""
    if row.turns_on is None or ("turned on" if row.turns_on else "turned off") not in entry.what:
        return False
    if entry.comment.strip() != _why(row):
        return False
    return row.started_s - tolerance_s <= entry.at_ms / 1000 + _MILLISECOND_S and (
        entry.at_ms / 1000 <= _end_s(row) + tolerance_s
    )


def _is_step(row: AuditRow, entry: AuditEntry) -> bool:
    """Whether the provider's entry is a step of this ramp."""
    is_ramp = bool(row.turns_on and row.detail) and entry.comment.startswith(RAMP_COMMENT)
    return is_ramp and entry.comment.strip().endswith(_why(row)) and _is_in_span(row, entry)


def _is_companion(row: AuditRow, entry: AuditEntry) -> bool:
    """Whether the provider's entry is what this command did besides: end a ramp, schedule a restore, withdraw one."""
    ends_ramp = row.turns_on is False and entry.comment.startswith(RAMP_COMMENT)
    schedules = "schedul" in entry.what and TIMED_MARK in entry.comment and _why(row) in entry.comment
    withdraws = "withdrew" in entry.what and not entry.comment
    return (ends_ramp or schedules or withdraws) and _is_in_span(row, entry)


def _why(row: AuditRow) -> str:
    return comment_of(row.reason, row.incident).strip()


def _is_in_span(row: AuditRow, entry: AuditEntry) -> bool:
    return row.started_s - TOLERANCE_S <= entry.at_ms / 1000 <= _end_s(row) + TOLERANCE_S


def _pairs(
    waiting: list[AuditRow], entries: Iterable[AuditEntry], tolerance_s: float
) -> Iterator[tuple[AuditEntry, AuditRow]]:
    """Yield each entry with its command. Of several that fit it is the one that ended first: so most find theirs."""
    waiting.sort(key=_end_s)
    for entry in entries:
        found = next((row for row in waiting if fits(row, entry, tolerance_s)), None)
        if found is not None:
            waiting.remove(found)
            yield entry, found


def _end_s(row: AuditRow) -> float:
    return row.started_s + LONGEST_WRITE_S if row.finished_s is None else row.finished_s
