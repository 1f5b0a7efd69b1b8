"""Lines to a file descriptor whose reader may have stopped reading: whoever logs never waits for it."""

from __future__ import annotations

import os
import time
from typing import Any

from gevent import monkey

# Real threads and locks also under gevent: a greenlet that blocks in a write would take the whole process with it.
_start_new_thread: Any = monkey.get_original("_thread", "start_new_thread")
_allocate_lock: Any = monkey.get_original("_thread", "allocate_lock")
_simple_queue: Any = monkey.get_original("queue", "SimpleQueue")

_LONGEST_QUEUE = 10_000
_LOOK_EVERY_S = 0.01


class LinePipe:
    """Writes lines from a thread of its own. Beyond `most` that wait, further ones are dropped, counted and reported.

    Args:
        fd: Where to write; it stays the caller's, and blocking.
        most: How many lines may wait.
    """

    def __init__(self, fd: int, *, most: int = _LONGEST_QUEUE) -> None:
        self._fd = fd
        self._most = most
        self._lines = _simple_queue()
        self._counting = _allocate_lock()
        self._waiting = 0
        self._dropped = 0
        self._writer_pid = 0

    @property
    def dropped(self) -> int:
        """How many lines were dropped and not reported yet."""
        return self._dropped

    def write(self, line: str) -> None:
        """Have a line written, without its line break; never waits."""
        if self._writer_pid != os.getpid():
            self._start_writer()
        with self._counting:
            if self._waiting >= self._most:
                self._dropped += 1
                return
            self._waiting += 1
        self._lines.put(f"{line}\n".encode(errors="backslashreplace"))

    def flush(self, timeout_s: float) -> None:
        """Wait until everything is written, but not longer than that."""
        ends_at = time.monotonic() + timeout_s
        while self._waiting and time.monotonic() < ends_at:
            time.sleep(_LOOK_EVERY_S)

    def _start_writer(self) -> None:
        self._writer_pid = os.getpid()
        _start_new_thread(self._write_all, ())

    def _write_all(self) -> None:
        while True:
            line = self._lines.get()
            self._write(line)
            with self._counting:
                self._waiting -= 1
                dropped, self._dropped = (0, self._dropped) if self._waiting else (self._dropped, 0)
            if dropped:
                self._write(f"{dropped} lines of the log were dropped: nobody read them\n".encode())

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError:
            return
