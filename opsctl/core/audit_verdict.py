"""Whether the audit log is as it was written, and where not."""

from __future__ import annotations

from opsctl.core.audit_chain import START, Link, NotARecordError, RecordKind, lines_of, record_in
from opsctl.core.lean_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Defect:
    """The first thing that is wrong.

    Attributes:
        line: Which line of the file, from 1; one more than there are where something is missing at the end.
        seq: The number that the record there has, or should have.
        what: What is wrong, for people.
    """

    line: int
    seq: int
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an examination found.

    Attributes:
        records: How many records are in order, up to the defect if there is one.
        commands: How many accepted commands those are about.
        end: The last of them.
        torn: Lines that a crash tore and a later record sealed.
        loose_bytes: Length of a torn last line that nothing has sealed yet; the next command does.
        defect: The first thing that is wrong; `None` when nothing is.
    """

    records: int
    commands: int
    end: Link
    torn: int = 0
    loose_bytes: int = 0
    defect: Defect | None = None


def verdict_of(content: bytes, head: Link | None) -> Verdict:
    """Examine the whole log. `head` is what stands beside it; it must have been read before the content was.

    `None` says that there is none, or that it cannot be read.
    """
    examination = _Examination(head)
    number = 0
    for number, raw, is_whole in lines_of(content):
        what = examination.defect_in(raw, is_whole=is_whole)
        if what is not None:
            return examination.verdict(Defect(number, examination.end.seq + 1, what))
    what = examination.missing()
    return examination.verdict(None if what is None else Defect(number + 1, examination.end.seq + 1, what))


class _Examination:
    """Goes through the lines, and remembers how far the chain holds."""

    def __init__(self, head: Link | None) -> None:
        self.end = START
        self._head = head
        self._commands: set[str] = set()
        self._torn = 0
        self._loose_bytes = 0

    def defect_in(self, raw: bytes, *, is_whole: bool) -> str | None:
        """Take in the next line; return what is wrong with it. The last one may be torn by a crash."""
        try:
            record, torn = record_in(raw)
        except NotARecordError as error:
            self._loose_bytes = 0 if is_whole else len(raw)
            return str(error) if is_whole else None
        except ValueError as error:
            return str(error)
        if record.seq != self.end.seq + 1:
            return _out_of_order(record.seq, self.end.seq + 1)
        if record.previous != self.end.hash:
            return "does not follow the record before it: its previous hash is another"
        if self._head is not None and self._head.seq == record.seq and self._head.hash != record.link.hash:
            return "is not the record that was written: audit.head has another hash for it"
        if record.kind is RecordKind.ACCEPTED:
            self._commands.add(str(record.content.get("id")))
        self._torn += bool(torn)
        self.end = record.link
        return None

    def missing(self) -> str | None:
        """Return what is wrong after the last line."""
        if self._head is None and self.end != START:
            return "audit.head is missing or damaged: whether records were cut off here cannot be told"
        count = 0 if self._head is None else self._head.seq - self.end.seq
        if count > 0:
            return f"{count} {'record is' if count == 1 else 'records are'} missing at the end"
        return None

    def verdict(self, defect: Defect | None) -> Verdict:
        """Return what was found."""
        return Verdict(self.end.seq, len(self._commands), self.end, self._torn, self._loose_bytes, defect)


def _out_of_order(found: int, expected: int) -> str:
    if found > expected:
        gap = f"record {expected} is" if found == expected + 1 else f"records {expected} to {found - 1} are"
        return f"has sequence number {found}: {gap} missing before it"
    return f"has sequence number {found}, where {expected} should be"
