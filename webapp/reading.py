"""One greenlet that reads from whichever connection has sent something, where each would have one that waits."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

import gevent

from webapp.stints import Stint

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)
_TO_READ = 1
_STINT_S = 0.0025
"""Of reading between two turns of everybody else: less than of a broadcast, which comes before what is said of it."""
_BETWEEN_LOOKS = 16
"""Connections between two looks at the clock."""
FAILURES: tuple[type[BaseException], ...] = (Exception, gevent.Timeout, gevent.GreenletExit)
"""What is one connection's own failure, and keeps nobody from reading the others; gevent's own are no `Exception`."""


class Readable(Protocol):
    """What can be read from without waiting."""

    def take_turn(self) -> None:
        """Read what is there and deal with it, which may take a while; raise nothing."""


class Reader:
    """Gives those that have something to read their turns.

    One that has to wait while it deals with what it read holds nobody up: the next to be read has another greenlet
    then. No connection is given two turns at the same time.
    """

    def __init__(self) -> None:
        self._ready: deque[Turn] = deque()
        self._free = 0
        """How many greenlets are going to look for one that is ready."""

    def watch(self, fd: int, readable: Readable) -> Turn:
        """Give `readable` a turn whenever there is something to read from `fd`, until the turn is ended."""
        return Turn(fd, readable, self._add)

    def _add(self, turn: Turn) -> None:
        self._ready.append(turn)
        self._see_to_it()

    def _see_to_it(self) -> None:
        if not self._free:
            self._free += 1
            gevent.spawn(self._run)

    def _run(self) -> None:
        stint = Stint(_STINT_S)
        given = 0
        try:
            while self._ready:
                turn = self._ready.popleft()
                self._free -= 1
                try:
                    if self._ready:
                        self._see_to_it()  # for them this one is of no use if it has to wait now
                    turn.give()
                except FAILURES:
                    _log.exception("a connection could not be read from")
                finally:
                    self._free += 1
                given += 1
                if not given % _BETWEEN_LOOKS and stint.is_over:
                    stint.rest()
        finally:
            self._free -= 1
            if self._ready:
                self._see_to_it()


class Turn:
    """The turns of one connection."""

    __slots__ = ("_add", "_is_paused", "_is_ready", "_readable", "_watcher")

    def __init__(self, fd: int, readable: Readable, add: Callable[[Turn], None]) -> None:
        self._readable = readable
        self._add = add
        self._is_ready = self._is_paused = False
        self._watcher: Any = gevent.get_hub().loop.io(fd, _TO_READ)
        self._watcher.start(self._on_readable)

    def give(self) -> None:
        """Let the connection be read from, once."""
        try:
            self._readable.take_turn()
        finally:
            self._is_ready = False
            if self._is_paused and self._watcher is not None:
                self._is_paused = False
                self._watcher.start(self._on_readable)

    def end(self) -> None:
        """Give no more of them."""
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.stop()
            watcher.close()

    def _on_readable(self) -> None:
        """Take note (called by the event loop, again and again until it is read)."""
        if self._is_ready:
            self._is_paused = True
            self._watcher.stop()
        else:
            self._is_ready = True
            self._add(self)
