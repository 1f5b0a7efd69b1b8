"""The story of an incident: what was done, by whom, and for how long the feed was degraded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.audit import Source, Unfinished
from opsctl.core.errors import ErrorCode
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.modes import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opsctl.core.audit import AuditRow
    from opsctl.core.audit_verdict import Verdict
    from opsctl.core.errors import OpsError
    from opsctl.core.flags import FlagRef


@dataclass(frozen=True, slots=True)
class Degraded:
    """A time in which a kill switch was off.

    Attributes:
        ref: The flag.
        since_s: When it began, in seconds since 1970.
        until_s: When it ended; `None` where it has not.
        killed_by: The row that began it.
        restored_by: The row that ended it.
    """

    ref: FlagRef
    since_s: float
    until_s: float | None
    killed_by: AuditRow
    restored_by: AuditRow | None = None

    def seconds(self, now_s: float) -> float:
        """Return how long it lasted, or has so far."""
        return max((now_s if self.until_s is None else self.until_s) - self.since_s, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Everything that is known of an incident.

    Attributes:
        id: As the operators called it.
        rows: What was done to the flags it is about, in the order of time, from its first command on.
        degraded: The times in which the feed was degraded, in the order in which they began.
        errors: Why the provider's log could not be asked, by flag.
        verdict: Whether the local log is as it was written.
        now_s: When this was put together, in seconds since 1970.
    """

    id: str
    rows: tuple[AuditRow, ...]
    degraded: tuple[Degraded, ...]
    errors: Mapping[FlagRef, OpsError]
    verdict: Verdict
    now_s: float

    def is_by_others(self, row: AuditRow) -> bool:
        """Whether a row is of something that nobody did for this incident."""
        return not mentions(row, self.id)


def mentions(row: AuditRow, incident: str) -> bool:
    """Whether a row names that incident: a command in so many words, a change by others in its comment."""
    if row.source is Source.PROVIDER:
        return f"({incident})" in row.reason or row.reason == incident
    return row.incident == incident


def incident_of(
    incident: str, rows: Iterable[AuditRow], *, errors: Mapping[FlagRef, OpsError], verdict: Verdict, now_s: float
) -> Incident:
    """Put the story together from the rows about its flags.

    It ends with the last row that names the incident, or where the flags that are off then are restored.
    """
    story = sorted(rows, key=lambda row: row.at_s)
    last_s = max((row.finished_s or row.at_s for row in story if mentions(row, incident)), default=0.0)
    spans = tuple(span for span in degraded_in(story) if span.since_s <= last_s)
    end_s = max([last_s, *(now_s if span.until_s is None else span.until_s for span in spans)])
    told = tuple(row for row in story if row.at_s <= end_s)
    return Incident(id=incident, rows=told, degraded=spans, errors=errors, verdict=verdict, now_s=now_s)


def degraded_in(rows: Iterable[AuditRow]) -> tuple[Degraded, ...]:
    """Return the times in which the switches were off, from rows in the order of time."""
    spans: list[Degraded] = []
    current: dict[FlagRef, AuditRow] = {}
    for row in rows:
        on = _turned(row)
        if on is False:
            current.setdefault(row.ref, row)
        elif on and row.ref in current:
            kill = current.pop(row.ref)
            spans.append(Degraded(row.ref, kill.at_s, row.at_s, kill, row))
    spans += [Degraded(ref, kill.at_s, None, kill) for ref, kill in current.items()]
    return tuple(sorted(spans, key=lambda span: span.since_s))


def _turned(row: AuditRow) -> bool | None:
    """Return which way the switch stands after a row, pins included; `None` where it changed nothing, or lost."""
    if row.outcome in {ErrorCode.SUPERSEDED, Unfinished.NOT_WRITTEN, Unfinished.UNKNOWN, Unfinished.UNDER_WAY}:
        return None
    if row.after.mode is not None:
        return row.after.mode is Mode.FULL
    is_written = row.written_version is not None or row.written_ms is not None or row.outcome == Unfinished.WRITTEN
    if row.source is not Source.LOCAL or is_written or row.outcome == ErrorCode.BREAK_GLASS:
        return row.turns_on
    return None
