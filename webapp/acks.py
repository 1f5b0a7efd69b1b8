"""How far the connected browsers are: who shows the present epoch, since when, and who does not yet."""

from __future__ import annotations

import itertools
import threading
import time
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsctl.core.epochs import Epoch
from opsctl.core.instances import BrowserReport
from opsctl.core.latency import Histogram
from opsctl.core.modes import Mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from webapp.visitors import Visitor

_NAMED_WAITING = 20
_MS_PER_S = 1000


@dataclass(slots=True)
class Connection:
    """One browser's Socket.IO connection, and the mode its page should be in."""

    sid: str
    name: str
    visitor: Visitor
    mode: Mode
    is_hidden: bool = False


class AckBoard:
    """Counts acknowledgements of the present epoch, in constant time each.

    Only an acknowledgement of the present epoch with the mode that the browser should show counts, once. `on_change`
    is called after each change, by whoever made it, and must be quick.
    """

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self._on_change = on_change
        self._lock = threading.Lock()
        self._connections: dict[str, Connection] = {}
        self._unconfirmed: dict[str, None] = {}
        self._confirmed_at = array("d")
        self._generation = 0
        self._full = 0
        self.epoch = Epoch()
        self.total = 0

    @property
    def connected(self) -> int:
        """How many browsers are connected."""
        return len(self._connections)

    def connections(self) -> list[Connection]:
        """Return all connections as of now."""
        return list(self._connections.values())

    def get(self, sid: str) -> Connection | None:
        """Return one connection."""
        return self._connections.get(sid)

    def join(self, connection: Connection) -> None:
        """Take in a browser that has just connected."""
        with self._lock:
            self._forget(connection.sid)
            self._connections[connection.sid] = connection
            self._full += connection.mode is Mode.FULL
            self._unconfirmed[connection.sid] = None
        self._on_change()

    def leave(self, sid: str) -> None:
        """Forget a browser that is gone."""
        with self._lock:
            self._forget(sid)
        self._on_change()

    def advance(self, epoch: Epoch) -> None:
        """Await acknowledgements of a newer epoch from everybody."""
        with self._lock:
            if epoch <= self.epoch:
                return
            self.epoch = epoch
            self._unconfirmed = dict.fromkeys(self._connections)
            self._confirmed_at = array("d")
            self._generation += 1
        self._on_change()

    def expect(self, connection: Connection, mode: Mode) -> None:
        """Await that a browser shows `mode`."""
        with self._lock:
            if connection.mode is not mode:
                connection.mode = mode
                if connection.sid in self._connections:
                    self._full += 1 if mode is Mode.FULL else -1
                    self._unconfirmed[connection.sid] = None

    def expect_all(self, mode: Mode) -> int:
        """Await that every browser shows `mode`, and return how many were to show another until now."""
        with self._lock:
            moved = [connection for connection in self._connections.values() if connection.mode is not mode]
            for connection in moved:
                connection.mode = mode
                self._unconfirmed[connection.sid] = None
            self._full += len(moved) if mode is Mode.FULL else -len(moved)
        return len(moved)

    def confirm(self, sid: str, epoch: Epoch, mode: Mode) -> bool:
        """Record that a page says what it shows; return whether that counted."""
        with self._lock:
            connection = self._connections.get(sid)
            if connection is None or epoch != self.epoch or mode is not connection.mode or sid not in self._unconfirmed:
                return False
            del self._unconfirmed[sid]
            self._confirmed_at.append(time.monotonic())
            self.total += 1
        self._on_change()
        return True

    def observe(self, since_s: float) -> AckObserver:
        """Return an observer of the acknowledgements from `since_s` on, on the monotonic clock."""
        return AckObserver(self, since_s)

    def report(self, epoch: Epoch, latency: Histogram) -> BrowserReport:
        """Return the counts of now for `epoch`, with the latencies somebody observed.

        When the board has not heard of that epoch yet nobody has confirmed it.
        """
        with self._lock:
            is_present = epoch == self.epoch
            waiting = self._unconfirmed if is_present else self._connections
            connected, confirmed = len(self._connections), len(self._connections) - len(waiting)
            names = tuple(_shown_name(self._connections[sid]) for sid in itertools.islice(waiting, _NAMED_WAITING))
            full = self._full
        return BrowserReport(connected, confirmed, latency if is_present else Histogram(), names, full)

    def confirmations(self, generation: int, start: int) -> tuple[int, array[float]]:
        """Return the present generation, and the times of its acknowledgements from `start` on.

        A generation begins with each epoch; for another one than the given all its times are returned.
        """
        with self._lock:
            first = start if generation == self._generation else 0
            return self._generation, self._confirmed_at[first:]

    def _forget(self, sid: str) -> None:
        connection = self._connections.pop(sid, None)
        self._unconfirmed.pop(sid, None)
        self._full -= connection is not None and connection.mode is Mode.FULL


class AckObserver:
    """Collects the latencies of the present epoch's acknowledgements for one observing request."""

    def __init__(self, board: AckBoard, since_s: float) -> None:
        self._board = board
        self._since_s = since_s
        self._generation = -1
        self._seen = 0
        self._latency = Histogram()

    def report(self, epoch: Epoch) -> BrowserReport:
        """Return the counts of now for `epoch`, with all latencies since the request."""
        generation, times = self._board.confirmations(self._generation, self._seen)
        if generation != self._generation:
            self._generation, self._seen, self._latency = generation, 0, Histogram()
        self._seen += len(times)
        for time_s in times:
            if time_s >= self._since_s:
                self._latency.add((time_s - self._since_s) * _MS_PER_S)
        return self._board.report(epoch, self._latency)


def _shown_name(connection: Connection) -> str:
    return f"{connection.name} · hidden tab" if connection.is_hidden else connection.name
