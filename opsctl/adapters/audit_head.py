"""`audit.head`: how far the audit log goes, kept beside it, so that a tail that was cut off is missed.

It has two places, which are written in turn, each with a checksum: a crash may tear the one that is being written, and
the other one, one record older, still tells. The newest that can be read counts.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from opsctl.core.audit_chain import START, Link
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.wire import exact

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PLACES = 2
_LENGTH = 256
_SUM_LENGTH = 16
_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Head:
    """How far the log goes: the last record, and the length of the file with it."""

    link: Link = START
    size: int = 0


def read_head(path: Path) -> Head | None:
    """Read the head; `None` where there is none that can be read."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    found = [_parsed(content[start : start + _LENGTH]) for start in range(0, len(content), _LENGTH)]
    return max((head for head in found if head is not None), key=lambda head: head.link.seq, default=None)


def write_head(path: Path, head: Head) -> None:
    """Write the head. Where that fails it stays behind the log, which it may be."""
    fields = {"hash": head.link.hash, "seq": head.link.seq, "size": head.size}
    text = json.dumps({**fields, "sum": _sum(fields)}).ljust(_LENGTH - 1) + "\n"
    with suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _PRIVATE)
        try:
            os.pwrite(descriptor, text.encode(), head.link.seq % _PLACES * _LENGTH)
        finally:
            os.close(descriptor)


def _parsed(place: bytes) -> Head | None:
    try:
        value = json.loads(place)
        fields = {"hash": exact(value["hash"], str), "seq": exact(value["seq"], int), "size": exact(value["size"], int)}
        if value["sum"] != _sum(fields):
            return None
        return Head(Link(value["seq"], value["hash"]), max(value["size"], 0))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _sum(fields: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()[:_SUM_LENGTH]
