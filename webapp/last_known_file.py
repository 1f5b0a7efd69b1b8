"""The last known flag data in a file of the data directory."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import stat
from typing import TYPE_CHECKING, Any

from opsctl.core.wire import amount, exact
from opsctl.daemon.whole_file import write_whole
from webapp.datasets import data_set, document_of
from webapp.known import Known, newest
from webapp.real_threads import in_real_thread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opsctl.settings import Settings

_log = logging.getLogger(__name__)
_FORMAT = 1
_LARGEST_BYTES = 64 * 1024 * 1024


class LastKnownFile:
    """`last-known-DIGEST.json`, 0600; the digest is of SDK key and provider, whose data it is and nobody else's.

    It holds `{"format", "of", "confirmed_at_s", "sha256", "flags", "segments"}`; the checksum is of the last two. One
    that was damaged, or is of another kind, is moved aside. Several workers share it: none replaces newer data.
    """

    kind = "file"
    advice = "make room, or let this user write there; until then a restart without the provider begins degraded"

    def __init__(self, settings: Settings) -> None:
        key = settings.sdk_key.reveal() if settings.sdk_key is not None else ""
        self._of = hashlib.sha256(f"{key}\0{settings.base_uri}".encode()).hexdigest()[:16]
        self._flag = settings.flag
        self._path = settings.data_dir / f"last-known-{self._of}.json"
        self.name = str(self._path)
        self._written: tuple[int, int] | None = None

    def read(self) -> Known | None:
        """Return what the file holds; `None` when there is none, or it was moved aside."""
        try:
            return self._read()
        except FileNotFoundError:
            return None
        except ValueError as error:
            aside = self._path.with_suffix(".unusable")
            self._path.replace(aside)
            _log.error("the last known flag data was not usable, and is not used: %s; moved to %s", error, aside)
            return None

    def write(self, known: Known) -> None:
        """Replace the file, unless it holds newer data; it is on the disk when this returns.

        Raises:
            OSError: it cannot be written; `BlockingIOError`, when another process is writing it right now.
            ValueError: it would be too large.
        """
        in_real_thread(lambda: self._write(known))

    def _write(self, known: Known) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(self._path.parent):
            content = self._content(newest(known, self._of_others(), self._flag) or known)
            if len(content) > _LARGEST_BYTES:
                raise ValueError(f"it would be {len(content)} bytes; at most {_LARGEST_BYTES} are kept")
            write_whole(self._path, content)
            self._written = _identity(self._path.stat())

    def _of_others(self) -> Known | None:
        """Return what another process has written since."""
        with contextlib.suppress(OSError, ValueError):
            if _identity(self._path.stat()) != self._written:
                return self._read()
        return None

    def _read(self) -> Known:
        with os.fdopen(os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as handle:
            status = os.fstat(handle.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
                raise ValueError("others may have written it")
            if status.st_size > _LARGEST_BYTES:
                raise ValueError("it is too large")
            content = handle.read(_LARGEST_BYTES)
        try:
            document = json.loads(content)
            if exact(document["format"], int) > _FORMAT:
                raise ValueError("a newer version of this program wrote it")
            if document["of"] != self._of or document["sha256"] != _checksum(document):
                raise ValueError("it is damaged, or another environment's")
            confirmed_at_s = document["confirmed_at_s"]
            return Known(data_set(document), None if confirmed_at_s is None else amount(confirmed_at_s))
        except (LookupError, TypeError, AttributeError, RecursionError, json.JSONDecodeError, UnicodeDecodeError):
            raise ValueError("it is damaged") from None

    def _content(self, known: Known) -> bytes:
        document = document_of(known.data)
        head = {"format": _FORMAT, "of": self._of, "confirmed_at_s": known.confirmed_at_s}
        return json.dumps({**head, "sha256": _checksum(document), **document}, separators=(",", ":")).encode()


def _checksum(document: Any) -> str:
    text = json.dumps([document["flags"], document["segments"]], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_ino, status.st_mtime_ns


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the directory for as long as the block runs: workers that share it write one after the other.

    Raises:
        BlockingIOError: another process holds it.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
