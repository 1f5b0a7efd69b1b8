"""The record of what was done: listed, examined, and told as the story of an incident."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.core.audit import Unfinished
from opsctl.core.audit_merge import TOLERANCE_S, merged
from opsctl.core.audit_parts import FlagState
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.incidents import Incident, incident_of, mentions
from opsctl.core.lean_dataclass import dataclass

if TYPE_CHECKING:
    from opsctl.core.audit import AuditRow
    from opsctl.core.audit_verdict import Verdict
    from opsctl.core.flags import AuditEntry, FlagRef
    from opsctl.core.ports import AuditLog, ChangeLog, Clock

_SETTLED_S = 5.0
"""How long after a command was accepted its change has certainly arrived, or never will, once its process is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What is known of a flag's changes.

    Attributes:
        rows: The newest first.
        error: Why the provider's log could not be asked; then only the local one is listed.
        back_to_s: How far back the provider's log was read, in seconds since 1970; `None` where it was to its end.
        elsewhere: How many commands about other flags or environments the local log holds.
        more: How many rows there are besides those that were asked for.
    """

    ref: FlagRef
    rows: tuple[AuditRow, ...]
    error: OpsError | None = None
    back_to_s: float | None = None
    elsewhere: int = 0
    more: int = 0


@dataclass(frozen=True, slots=True)
class _Changes:
    """What the provider's log says; `back_to_s` as in `Listing`."""

    entries: tuple[AuditEntry, ...] = ()
    error: OpsError | None = None
    back_to_s: float | None = None


class AuditService:
    """The use cases of `audit list`, `audit verify` and `audit timeline`."""

    def __init__(self, *, log: AuditLog, changes: ChangeLog, clock: Clock, provider: str) -> None:
        """Take the local log, the provider's, time, and how people call the provider."""
        self._log = log
        self._changes = changes
        self._clock = clock
        self._provider = provider

    def list_rows(
        self, ref: FlagRef, *, limit: int, since_s: float | None = None, incident: str | None = None
    ) -> Listing:
        """Return the newest rows about a flag, of both logs; what has an unknown outcome is found out first.

        Args:
            ref: The flag.
            limit: How many at most.
            since_s: Only those since then, in seconds since 1970.
            incident: Only those that name it.

        Raises:
            OpsError: `failed`, when the local log cannot be read.
        """
        everything = self._log.rows()
        local = [row for row in everything if row.ref == ref]
        oldest_s = min((row.started_s for row in local[-limit:]), default=self._clock.now_s())
        found = self._read_changes(ref, max(since_s or 0.0, oldest_s) - TOLERANCE_S, least=limit)
        local = self._resolved(local, found)
        rows = merged(local, found.entries, ref, provider=self._provider)
        wanted = [
            row
            for row in reversed(rows)
            if (since_s is None or row.at_s >= since_s) and (incident is None or mentions(row, incident))
        ]
        return Listing(
            ref=ref,
            rows=tuple(wanted[:limit]),
            error=found.error,
            back_to_s=found.back_to_s,
            elsewhere=len(everything) - len(local),
            more=max(len(wanted) - limit, 0),
        )

    @property
    def place(self) -> str:
        """Return where the local log is."""
        return self._log.place

    def verify(self) -> Verdict:
        """Examine the local log; see `AuditLog.examine`."""
        return self._log.examine()

    def resolve_unknown(self, ref: FlagRef) -> None:
        """Find out how commands about the flag ended that never said so, where the provider's log tells.

        It raises nothing: they stay unknown until somebody can find out.
        """
        try:
            local = [row for row in self._log.rows() if row.ref == ref]
            unknown = [row for row in local if row.is_unknown]
            if unknown:
                self._resolved(local, self._read_changes(ref, unknown[0].started_s - TOLERANCE_S, least=0))
        except OpsError:
            return

    def incident(self, incident: str) -> Incident:
        """Return the story of an incident: what was done for it, and what others did to the same flags meanwhile.

        Raises:
            OpsError: `failed`, when nothing in the local log names it, or that cannot be read.
        """
        everything = self._log.rows()
        own = [row for row in everything if mentions(row, incident)]
        if not own:
            raise OpsError(
                ErrorCode.FAILED,
                f"nothing in the audit log of this machine names the incident {incident}",
                hint="see which there are: opsctl audit list",
            )
        stories: list[AuditRow] = []
        errors: dict[FlagRef, OpsError] = {}
        for ref in dict.fromkeys(row.ref for row in own):
            local = [row for row in everything if row.ref == ref]
            begin_s = min(row.started_s for row in own if row.ref == ref) - TOLERANCE_S
            found = self._read_changes(ref, begin_s, least=0) if self._is_here(own, ref) else self._elsewhere(own, ref)
            if found.error is not None:
                errors[ref] = found.error
            rows = merged(self._resolved(local, found), found.entries, ref, provider=self._provider)
            stories += [row for row in rows if row.at_s >= begin_s]
        return incident_of(incident, stories, errors=errors, verdict=self._log.examine(), now_s=self._clock.now_s())

    def _is_here(self, own: list[AuditRow], ref: FlagRef) -> bool:
        return any(row.ref == ref and row.provider == self._provider for row in own)

    def _elsewhere(self, own: list[AuditRow], ref: FlagRef) -> _Changes:
        provider = next(row.provider for row in own if row.ref == ref)
        error = OpsError(ErrorCode.BAD_CONFIG, f"it is at {provider}, and {self._provider} is what is addressed here")
        return _Changes(error=error)

    def _read_changes(self, ref: FlagRef, begin_s: float, *, least: int) -> _Changes:
        """Read the provider's log back to `begin_s`, or further until there are as many entries as asked for."""
        entries: list[AuditEntry] = []
        try:
            for entry in self._changes.changes(ref):
                if entry.at_ms / 1000 < begin_s and len(entries) >= least:
                    return _Changes(tuple(entries), back_to_s=begin_s)
                entries.append(entry)
        except OpsError as error:
            return _Changes(tuple(entries), error, back_to_s=self._clock.now_s())
        return _Changes(tuple(entries))

    def _resolved(self, local: list[AuditRow], found: _Changes) -> list[AuditRow]:
        """Return the rows with what was found out about those of unknown outcome, which is recorded, too."""
        if found.error is not None:
            return local
        matched = {row.id: row.entries for row in merged(local, found.entries, local[0].ref)} if local else {}
        changed: dict[str, AuditRow] = {}
        for row in local:
            is_here = row.is_unknown and row.provider == self._provider
            if is_here and row.started_s - TOLERANCE_S >= (found.back_to_s or 0.0):
                told = self._told(row, next(iter(matched[row.id]), None))
                changed |= {} if told is None else {row.id: told}
        if changed:
            self._log.resolve(tuple(changed.values()))
        return [changed.get(row.id, row) for row in local]

    def _told(self, row: AuditRow, entry: AuditEntry | None) -> AuditRow | None:
        """Return the row with what the provider's log tells of its end; `None` when it is too early to say."""
        if entry is not None:
            message = f"its process was ended by force; the provider's audit log has the change, by {entry.who}"
            return replace(row, outcome=Unfinished.WRITTEN, after=FlagState(on=row.turns_on), message=message)
        if self._clock.now_s() - row.started_s < _SETTLED_S:
            return None
        message = "its process was ended by force; the provider's audit log has no change by it"
        return replace(row, outcome=Unfinished.NOT_WRITTEN, after=FlagState(on=row.before.on), message=message)
