"""The audit log's rows: one for each accepted command, from the records that say how it began and how it ended."""

from __future__ import annotations

from dataclasses import field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from opsctl.core.audit_parts import BREAK_GLASS, FlagState, turns_on
from opsctl.core.lean_dataclass import dataclass

if TYPE_CHECKING:
    from opsctl.core.audit_parts import Process, Reach
    from opsctl.core.flags import AuditEntry, FlagRef


class Source(StrEnum):
    """Who knows of a row: this machine's log, the provider's, or both."""

    LOCAL = "local"
    PROVIDER = "provider"
    BOTH = "both"


class Unfinished(StrEnum):
    """Outcomes of a command that never said how it ended, besides those it could have said itself.

    `UNDER_WAY`: its process still runs. `UNKNOWN`: that was ended, and nothing more is known. `WRITTEN` and
    `NOT_WRITTEN`: that was ended, and the provider's audit log says whether the change was made.
    """

    UNDER_WAY = "under_way"
    UNKNOWN = "unknown"
    WRITTEN = "written"
    NOT_WRITTEN = "not_written"


OTHER_CHANGE = "change"
"""Command of a change by others that turned the switch neither on nor off; `detail` says what it was then."""

CHANGED = "changed"
"""Outcome of what only the provider knows of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One accepted command, or one change that only the provider knows of.

    Attributes:
        id: Of the command, or else the provider's id of its entry.
        source: Who knows of it.
        command: The verb; of a change by others, `kill` or `restore`, or `OTHER_CHANGE`.
        who: Who did it.
        started_s: When it was accepted, in seconds since 1970, as is `finished_s`.
        provider: Where the flag is, for people.
        outcome: Of the receipt, or the code of an error, or one of `Unfinished`, or `CHANGED`.
        after: The flag as last read.
        written_version: The version that it made; `None` where nothing was written or that is not known.
        instances: How far it came; `None` where nobody was asked, as are `browsers`.
        message: What was said of the end.
        late: Why it could not be recorded when it was accepted; empty where it was.
        process: Of a local one.
        seq: The number of its first record; `None` of what only the provider knows of.
        entries: The provider's entries about it, in the order of time; a ramp has one for each of its steps.
    """

    id: str
    source: Source
    command: str
    ref: FlagRef
    who: str
    started_s: float
    finished_s: float | None = None
    provider: str = ""
    before: FlagState = field(default_factory=FlagState)
    after: FlagState = field(default_factory=FlagState)
    reason: str = ""
    incident: str = ""
    detail: str = ""
    outcome: str
    exit_code: int | None = None
    written_version: int | None = None
    written_ms: float | None = None
    instances: Reach | None = None
    browsers: Reach | None = None
    message: str = ""
    notes: tuple[str, ...] = ()
    late: str = ""
    process: Process | None = None
    seq: int | None = None
    entries: tuple[AuditEntry, ...] = ()

    @property
    def at_s(self) -> float:
        """Return when it took effect, as far as that is known: what rows are sorted by."""
        return self.entries[0].at_ms / 1000 if self.entries else self.started_s

    @property
    def turns_on(self) -> bool | None:
        """Return which way it turned the kill switch; `None` where it did not."""
        return turns_on(self.command)

    @property
    def is_unknown(self) -> bool:
        """Whether only the provider can tell how it ended."""
        return self.outcome == Unfinished.UNKNOWN and self._is_written_by_provider

    @property
    def may_have_written(self) -> bool:
        """Whether the provider may know of it."""
        if not self._is_written_by_provider:
            return False
        if self.outcome in {Unfinished.UNKNOWN, Unfinished.UNDER_WAY, Unfinished.WRITTEN}:
            return self.before.on is not self.turns_on
        return self.written_version is not None or self.written_ms is not None

    @property
    def _is_written_by_provider(self) -> bool:
        return self.turns_on is not None and not self.command.startswith(BREAK_GLASS)

    def known_to(self, entry: AuditEntry) -> AuditRow:
        """Return the row with one more of the provider's entries about it."""
        entries = sorted((*self.entries, entry), key=lambda one: one.at_ms)
        return replace(self, source=Source.BOTH, entries=tuple(entries))


def row_of(entry: AuditEntry, ref: FlagRef, provider: str = "") -> AuditRow:
    """Return the row of a change that only the provider knows of."""
    verbs = {"turned on": ("restore", True), "turned off": ("kill", False)}
    command, on = next((found for verb, found in verbs.items() if verb in entry.what), (OTHER_CHANGE, None))
    return AuditRow(
        id=entry.id,
        source=Source.PROVIDER,
        command=command,
        ref=ref,
        who=entry.who,
        started_s=entry.at_ms / 1000,
        finished_s=entry.at_ms / 1000,
        provider=provider,
        after=FlagState(on=on),
        reason=entry.comment,
        detail=entry.what if command == OTHER_CHANGE else "",
        outcome=CHANGED,
        entries=(entry,),
    )
