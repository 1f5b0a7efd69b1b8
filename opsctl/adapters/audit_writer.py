"""Putting records into the audit log, or where they wait for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opsctl.core.audit_chain import Record, RecordKind
from opsctl.core.audit_contents import may_have_unended
from opsctl.core.text import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opsctl.adapters.audit_file import AuditFile, OpenAuditFile
    from opsctl.adapters.audit_spool import AuditSpool, Waiting
    from opsctl.core.flags import FlagRef


class AuditWriter:
    """One log, the place where records wait for it, and the secrets that neither may hold."""

    def __init__(self, file: AuditFile, spool: AuditSpool, *, secrets: Sequence[str] = ()) -> None:
        self.file = file
        self.spool = spool
        self._secrets = tuple(secrets)

    def enter(self, log: OpenAuditFile, *records: Waiting) -> int:
        """Append what waits, then these records, each at its own moment; return the number of the last one.

        Raises:
            OSError: the log cannot be written.
        """
        self.catch_up(log)
        for one in records:
            log.append(one.kind, one.at_s, self._safe(one.content))
        return log.end.seq

    def catch_up(self, log: OpenAuditFile) -> None:
        """Append what waits.

        Raises:
            OSError: the log cannot be written.
        """
        for command_id, waiting in self.spool.waiting():
            for one in waiting:
                late = one.belated()
                log.append(late.kind, late.at_s, late.content)
            self.spool.drop(command_id)

    def recent(self) -> tuple[Record, ...]:
        """Return the newest records, and those that wait as if they were entered now, without waiting for anybody.

        Raises:
            OSError: the log is there and cannot be read.
        """
        # The order matters: what is entered meanwhile is seen twice, and not missed.
        waiting = [one.belated() for one in self._waiting()]
        records = self.file.read_recent()
        end = records[-1].seq if records else 0
        more = (
            Record(seq=seq, at_s=one.at_s, kind=one.kind, previous="", content=one.content)
            for seq, one in enumerate(waiting, end + 1)
        )
        return (*records, *more)

    def ended_by(self, moment_s: float | None) -> frozenset[str]:
        """Return the ids of the commands that had ended by then, or by now, and whose record of that waits."""
        return frozenset(
            str(one.content.get("id"))
            for one in self._waiting()
            if one.kind is RecordKind.FINISHED and (moment_s is None or one.at_s <= moment_s)
        )

    def _waiting(self) -> Iterator[Waiting]:
        for _, records in self.spool.waiting():
            yield from records

    def keep(self, command_id: str, *records: Waiting) -> str:
        """Have records wait; return what to tell people."""
        why = records[-1].why
        safe = [replace(one, content=self._safe(one.content)) for one in records]
        place = self.spool.keep(command_id, safe)
        if place is None:
            return f"the audit log could not be written ({why}), nor anything beside it: this command is in no record"
        return f"the audit log could not be written ({why}): this command waits in {place} to be entered"

    def may_have_unended(self, ref: FlagRef) -> bool:
        """Whether a command about the flag may never have said how it ended, or its record waits."""
        try:
            return any(self.spool.waiting()) or may_have_unended(self.file.read()[0], ref)
        except OSError:
            return True

    def _safe(self, content: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._without_secrets(value) for name, value in content.items()}

    def _without_secrets(self, value: Any) -> Any:
        if isinstance(value, str):
            return without_secrets(value, self._secrets)
        if isinstance(value, dict):
            return self._safe(value)
        if isinstance(value, list):
            return [self._without_secrets(one) for one in value]
        return value


def why_not(error: OSError) -> str:
    """Return why a file could not be written, for people."""
    return error.strerror or type(error).__name__
