"""The audit log without files, and rows with sane defaults."""

from dataclasses import replace

from builders import REF

from opsctl.core.audit import AuditRow, Source
from opsctl.core.audit_chain import START
from opsctl.core.audit_parts import FlagState
from opsctl.core.audit_verdict import Verdict
from opsctl.core.modes import Mode

NOW_S = 1_790_000_000.0


class InMemoryAuditLog:
    """`AuditLog` over a list of rows; an exception in place of the verdict is raised by every call."""

    place = "/home/sandy/.local/share/opsctl/audit.jsonl"

    def __init__(self, *rows, verdict=None):
        self.found = list(rows)
        self.verdict = verdict or Verdict(records=0, commands=0, end=START)

    def rows(self):
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return tuple(self.found)

    def examine(self):
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict

    def resolve(self, found):
        told = {row.id: row for row in found}
        self.found = [told.get(row.id, row) for row in self.found]


def a_row(id="c1", command="kill", *, at_s=NOW_S, took_s=1.0, **others):  # noqa: A002 - the field's own name
    """A command that wrote version 8, unless told otherwise."""
    turns_on = command == "restore"
    row = AuditRow(
        id=id,
        source=Source.LOCAL,
        command=command,
        ref=REF,
        who="sandy@desk",
        started_s=at_s,
        finished_s=at_s + took_s,
        provider="local flag service",
        before=FlagState(not turns_on, 7, Mode.DEGRADED if turns_on else Mode.FULL),
        after=FlagState(turns_on, 8, Mode.FULL if turns_on else Mode.DEGRADED),
        outcome="confirmed",
        exit_code=0,
        written_version=8,
        written_ms=41.0,
        seq=1,
    )
    return replace(row, **others)


def that_wrote_nothing(row):
    """The same with the flag in the wanted state already."""
    return replace(row, before=replace(row.after, version=7), written_version=None, written_ms=None)


def an_unknown(row):
    """The same of a process that was ended by force."""
    return replace(
        row,
        outcome="unknown",
        finished_s=None,
        after=FlagState(),
        exit_code=None,
        written_version=None,
        written_ms=None,
    )
