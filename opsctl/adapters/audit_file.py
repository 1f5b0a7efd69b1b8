"""The files of the audit log: `audit.jsonl`, which is only ever appended to, and `audit.head`: how far it goes.

Whoever appends holds a lock on the log, so every process of the machine sees one chain. The head is written after the
record is on the disk: it may be behind the log, and it is never ahead of it unless something was cut off.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from opsctl.adapters.audit_head import Head, read_head, write_head
from opsctl.core.audit_chain import START, Link, Record, RecordKind, lines_of, record_in, records_of, seal_of
from opsctl.core.lean_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LOG_NAME = "audit.jsonl"
HEAD_NAME = "audit.head"
_PRIVATE = 0o600
_LOCK_TIMEOUT_S = 2.0
_AGAIN_S = 0.005
_RECENT_BYTES = 256 * 1024
"""What is looked through for commands that are under way: some hundreds of the newest records."""


@dataclass(frozen=True, slots=True)
class _Loose:
    """A last line without its newline: a whole record, or what a crash left of one (`torn`)."""

    torn: bytes = b""


class AuditFile:
    """The audit log of one data directory."""

    def __init__(self, data_dir: Path, *, lock_timeout_s: float = _LOCK_TIMEOUT_S) -> None:
        """Take the directory; it is made (0700) when something is to be kept in it."""
        self._directory = data_dir
        self._lock_timeout_s = lock_timeout_s
        self.path = data_dir / LOG_NAME
        self.head_path = data_dir / HEAD_NAME

    @contextmanager
    def opened(self) -> Iterator[OpenAuditFile]:
        """Lock the log for as long as the block runs.

        Raises:
            OSError: it cannot be opened, or somebody else has kept it locked for too long.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self.path, flags, _PRIVATE)
        try:
            self._lock(descriptor)
            yield OpenAuditFile(descriptor, self.head_path)
        finally:
            os.close(descriptor)

    def read(self) -> tuple[bytes, Head | None]:
        """Return the whole log, and the head as it was before; what is not there is empty.

        Raises:
            OSError: it is there and cannot be read.
        """
        head = read_head(self.head_path)
        try:
            return self.path.read_bytes(), head
        except FileNotFoundError:
            return b"", head

    def read_recent(self) -> tuple[Record, ...]:
        """Return the newest records, without waiting for anybody.

        Raises:
            OSError: it is there and cannot be read.
        """
        try:
            with self.path.open("rb") as handle:
                return _recent(handle.fileno(), handle.seek(0, os.SEEK_END))
        except FileNotFoundError:
            return ()

    def _lock(self, descriptor: int) -> None:
        give_up_s = time.monotonic() + self._lock_timeout_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= give_up_s:
                    raise OSError(errno.EWOULDBLOCK, "another process keeps it locked") from None
                time.sleep(_AGAIN_S)
            else:
                return


class OpenAuditFile:
    """The log while it is locked."""

    def __init__(self, descriptor: int, head_path: Path) -> None:
        self._descriptor = descriptor
        self._head_path = head_path
        self._size = os.fstat(descriptor).st_size
        head = read_head(head_path)
        # A head that was taken away is not made anew: that something may have been cut off must go on to show.
        self._keeps_head = head is not None or self._size == 0
        self._link, self._loose = self._state(head or Head())

    @property
    def end(self) -> Link:
        """Return the last record there is, or was before something was cut off."""
        return self._link

    def recent(self) -> tuple[Record, ...]:
        """Return the newest records."""
        return _recent(self._descriptor, self._size)

    def append(self, kind: RecordKind, at_s: float, content: Mapping[str, Any]) -> Record:
        """Append a record, and return it when it is on the disk.

        What a crash left of another one is sealed first.

        Raises:
            OSError: it cannot be written; then nothing of it is in the log.
        """
        loose, self._loose = self._loose, None
        if loose is not None and loose.torn:
            self._append(Record.after(self._link, RecordKind.SEALED, at_s, seal_of(loose.torn)))
        elif loose is not None:
            self._write(b"\n")
        return self._append(Record.after(self._link, kind, at_s, content))

    def _append(self, record: Record) -> Record:
        if self._keeps_head and self._link == START:
            write_head(self._head_path, Head())
        self._write(record.to_line())
        self._link = record.link
        if self._keeps_head:
            write_head(self._head_path, Head(self._link, self._size))
        return record

    def _write(self, line: bytes) -> None:
        try:
            is_complete = os.write(self._descriptor, line) == len(line)
            os.fsync(self._descriptor)
        except OSError:
            self._take_back()
            raise
        if not is_complete:
            self._take_back()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += len(line)

    def _take_back(self) -> None:
        """Remove what nobody was told of yet; where that fails too, the next append seals it."""
        with suppress(OSError):
            os.ftruncate(self._descriptor, self._size)

    def _state(self, head: Head) -> tuple[Link, _Loose | None]:
        """Return the end of the chain, and the last line if it has no end."""
        link = head.link
        behind = min(head.size, self._size)
        loose: _Loose | None = None
        for line in lines_of(os.pread(self._descriptor, self._size - behind, behind)):
            try:
                found = record_in(line.raw)[0].link
            except ValueError:
                loose = None if line.is_whole else _Loose(line.raw)
                continue
            link = found if found.seq > link.seq else link
            loose = None if line.is_whole else _Loose()
        return link, loose


def _recent(descriptor: int, size: int) -> tuple[Record, ...]:
    return tuple(records_of(os.pread(descriptor, _RECENT_BYTES, max(size - _RECENT_BYTES, 0))))
