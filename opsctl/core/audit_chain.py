"""The audit log's form: one JSON object a line, each carrying the hash of the one before it. Pure: no file is touched.

A record is canonical JSON (keys sorted, no spaces, ASCII only) with `seq`, which counts from 1, `at`, `kind`,
`previous` and `hash`: the SHA-256 of the same object without `hash`. So no record can be changed, taken out or put in
without every later hash telling; that records were cut off at the end is told by the head, which is kept beside it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from opsctl.core.lean_dataclass import dataclass
from opsctl.core.wire import exact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_NEWLINE = b"\n"
_START_OF_SEAL = b'{"at":'
_FORM = frozenset({"seq", "at", "kind", "previous", "hash"})


class RecordKind(StrEnum):
    """What a record says.

    `ACCEPTED`: a command is about to be carried out. `FINISHED`: how it ended. `RESOLVED`: what was found out later of
    one that never said how it ended. `SEALED`: what stands before it on the line is no record: a crash tore it.
    """

    ACCEPTED = "accepted"
    FINISHED = "finished"
    RESOLVED = "resolved"
    SEALED = "sealed"


class NotARecordError(ValueError):
    """A line that is not even the form of a record, as when a crash tore it."""


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """A place in the chain: a record's number and its hash. The place before the first record is `START`."""

    seq: int
    hash: str


START = Link(0, "0" * 64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record; `content` is what distinguishes it from others of its kind."""

    seq: int
    at_s: float
    kind: RecordKind
    previous: str
    content: Mapping[str, Any] = field(default_factory=dict)

    @property
    def link(self) -> Link:
        """Return its place in the chain."""
        return Link(self.seq, hashlib.sha256(_canonical(self._body())).hexdigest())

    def to_line(self) -> bytes:
        """Return the line that it is in the log, with the newline."""
        return _canonical({**self._body(), "hash": self.link.hash}) + _NEWLINE

    @classmethod
    def after(cls, link: Link, kind: RecordKind, at_s: float, content: Mapping[str, Any]) -> Record:
        """Return the record that follows the one at `link`."""
        return cls(seq=link.seq + 1, at_s=at_s, kind=kind, previous=link.hash, content=content)

    @classmethod
    def from_line(cls, line: bytes) -> Record:
        """Read a line, without its newline.

        Raises:
            NotARecordError: it is none.
            ValueError: it was changed: the message says what is wrong.
        """
        try:
            value = json.loads(line)
            claimed = exact(value["hash"], str)
            record = cls(
                seq=exact(value["seq"], int),
                at_s=datetime.fromisoformat(exact(value["at"], str)).timestamp(),
                kind=RecordKind(exact(value["kind"], str)),
                previous=exact(value["previous"], str),
                content={name: item for name, item in value.items() if name not in _FORM},
            )
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise NotARecordError("is no record") from error
        if record.link.hash != claimed:
            raise ValueError("was changed: its hash is not the one of what it says")
        if record.to_line() != line + _NEWLINE:
            raise ValueError("was changed: it is not written as records are")
        return record

    def _body(self) -> dict[str, Any]:
        at = datetime.fromtimestamp(self.at_s, UTC).isoformat(timespec="microseconds")
        form = {"seq": self.seq, "at": at, "kind": self.kind, "previous": self.previous}
        return {**self.content, **form}


class Line(NamedTuple):
    """One line of the log; `is_whole` is false of a last one without its newline."""

    number: int
    raw: bytes
    is_whole: bool = True


def lines_of(content: bytes) -> Iterator[Line]:
    """Yield the lines of the log, counted from 1."""
    *whole, rest = content.split(_NEWLINE)
    for number, raw in enumerate(whole, 1):
        yield Line(number, raw)
    if rest:
        yield Line(len(whole) + 1, rest, is_whole=False)


def record_in(raw: bytes) -> tuple[Record, bytes]:
    """Return the record that a line holds, and what a crash left of another one before it on the same line.

    That is nothing, but where the record is the one that seals it.

    Raises:
        NotARecordError: it holds none.
        ValueError: it was changed: the message says what is wrong.
    """
    try:
        return Record.from_line(raw), b""
    except NotARecordError:
        torn, _, rest = raw.rpartition(_START_OF_SEAL)
        if not torn:
            raise
        seal = Record.from_line(_START_OF_SEAL + rest)
        if seal.kind is not RecordKind.SEALED or seal.content != seal_of(torn) or _is_record(torn):
            raise
        return seal, torn


def _is_record(raw: bytes) -> bool:
    try:
        Record.from_line(raw)
    except ValueError:
        return False
    return True


def records_of(content: bytes) -> Iterator[Record]:
    """Yield what can be read as a record; leave out what cannot (`opsctl.core.audit_verdict` says what that is)."""
    for line in lines_of(content):
        try:
            yield record_in(line.raw)[0]
        except ValueError:
            continue


def last_seq_before(records: Sequence[Record], since_s: float | None, *, now_s: float) -> int:
    """Return how far the log went at `since_s` at most, or how far it goes now if that is `None`.

    A record's moment is from before its command waited for the lock, so the moments are not in the order of the log:
    it went no further than the first record that is newer. Those from after `now_s` were made before the wall clock was
    set back: they count as old ones.
    """
    end = records[-1].seq if records else 0
    if since_s is None:
        return end
    return next((record.seq - 1 for record in records if since_s < record.at_s <= now_s), end)


def seal_of(torn: bytes) -> dict[str, Any]:
    """Return the content of the record that seals what a crash left of another one, right behind it on the line."""
    return {"torn": {"bytes": len(torn), "sha256": hashlib.sha256(torn).hexdigest()}}


def _canonical(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()
