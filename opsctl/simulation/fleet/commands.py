"""What a fleet is told on its standard input: one JSON object a line."""

from __future__ import annotations

import json
import os
import select

_MOST_BYTES = 64 * 1024


class BadCommandError(ValueError):
    """A line that is no command; the message says what one is."""


class Commands:
    """Reads commands from a descriptor, without waiting for any."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._unread = b""
        self.are_over = False

    def newest(self) -> int | None:
        """Return how many browsers there are to be, as it was said last; `None` when nothing was said since.

        Raises:
            BadCommandError: a line cannot be read; those after it are read by the next call.
        """
        self._read()
        wanted = None
        while b"\n" in self._unread:
            line, _, self._unread = self._unread.partition(b"\n")
            if line.strip():
                wanted = _browsers(line)
        return wanted

    def _read(self) -> None:
        while len(self._unread) < _MOST_BYTES and select.select([self._descriptor], [], [], 0)[0]:
            data = os.read(self._descriptor, _MOST_BYTES)
            if not data:
                self.are_over = True
                return
            self._unread += data


def _browsers(line: bytes) -> int:
    try:
        wanted = json.loads(line)["browsers"]
    except (ValueError, TypeError, LookupError, RecursionError):
        wanted = None
    if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted < 0:
        raise BadCommandError('a command is a line such as {"browsers": 2000}')
    return wanted
