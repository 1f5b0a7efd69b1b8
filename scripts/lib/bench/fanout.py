"""One broadcast to many websocket clients: opsctl's way against its peers, in turns."""

from __future__ import annotations

import http.client
import statistics
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from bench.fleet import Fleet
from bench.installing import PEERS, node_peer, picows_python
from bench.processes import Server, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_FIRST_VERSION = 2
_THREADS_AT_MOST = 1000


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to broadcast; `command` is given a port."""

    name: str
    command: Callable[[int], Sequence[str]]
    most_clients: int = 1_000_000


@dataclass(slots=True)
class Figures:
    """What was measured of one peer with one number of clients; a value for each round."""

    last_ms: list[float] = field(default_factory=list)
    connects_per_s: list[float] = field(default_factory=list)
    kb_per_client: list[float] = field(default_factory=list)
    stall_ms: list[float] = field(default_factory=list)
    lost: int = 0

    def median(self, name: str) -> float:
        """Return the middle of a figure's rounds."""
        values: list[float] = getattr(self, name)
        return statistics.median(values)


def peers() -> list[Peer]:
    """Return opsctl's way first, then the peers that there are on this machine."""
    feed, flask = str(PEERS / "feed_peer.py"), str(PEERS / "flask_socketio_peer.py")
    found = [
        Peer("opsctl: Flask-SocketIO, direct fan-out", lambda port: [sys.executable, feed, str(port)]),
        Peer("Flask-SocketIO gevent, stock", lambda port: [sys.executable, flask, "stock", str(port)]),
        Peer(
            "Flask-SocketIO threading (the tutorial's)",
            lambda port: [sys.executable, flask, "threading", str(port)],
            _THREADS_AT_MOST,
        ),
    ]
    if (script := node_peer()) is not None:
        found.append(Peer("Node socket.io", lambda port: ["node", str(script), str(port)]))
    if (python := picows_python()) is not None:
        found.append(Peer("picows, no Socket.IO", lambda port: [str(python), str(PEERS / "picows_peer.py"), str(port)]))
    return found


def measure(some: Sequence[Peer], clients: int, *, rounds: int, broadcasts: int) -> dict[str, Figures]:
    """Measure each peer in turn, `rounds` times over; each time anew and with `broadcasts` broadcasts."""
    figures = {peer.name: Figures() for peer in some if clients <= peer.most_clients}
    for number in range(rounds):
        for peer in some:
            if peer.name in figures:
                print(f"  {clients:>6,} clients, round {number + 1}/{rounds}: {peer.name}", file=sys.stderr, flush=True)
                _one_round(peer, clients, broadcasts, figures[peer.name])
    return figures


def _one_round(peer: Peer, clients: int, broadcasts: int, figures: Figures) -> None:
    port = free_port()
    server = Server(peer.command(port), port)
    try:
        empty_kb = server.memory_kb()
        fleet = Fleet(server.url, clients, is_mute=True)
        try:
            joined = fleet.connected["browsers"]
            figures.lost += fleet.connected["lost"]
            figures.connects_per_s.append(joined / fleet.connected["seconds"])
            figures.kb_per_client.append((server.memory_kb() - empty_kb) / joined)
            times, stalls = [], []
            for version in range(_FIRST_VERSION, _FIRST_VERSION + broadcasts):
                with _Prober(port) as prober:
                    began_ns = server.tell(version)
                    seen = fleet.next("change")
                figures.lost += joined - seen["browsers"]
                times.append((seen["last_ns"] - began_ns) / 1e6)
                stalls.append(prober.worst_ms(began_ns, seen["last_ns"]))
            figures.last_ms.append(statistics.median(times))
            figures.stall_ms.append(statistics.median(stalls))
        finally:
            fleet.stop()
    finally:
        server.stop()


class _Prober(threading.Thread):
    """Asks for a page again and again, and remembers how long each answer took."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._is_over = threading.Event()
        self._has_begun = threading.Event()
        self._answers: list[tuple[int, int]] = []

    def __enter__(self) -> Self:
        self.start()
        self._has_begun.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self.join(5)

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            while not self._is_over.is_set():
                asked_ns = time.monotonic_ns()
                connection.request("GET", "/")
                connection.getresponse().read()
                self._answers.append((asked_ns, time.monotonic_ns()))
                self._has_begun.set()
        except (OSError, http.client.HTTPException):
            self._has_begun.set()
        finally:
            connection.close()

    def worst_ms(self, began_ns: int, ended_ns: int) -> float:
        """Return the longest answer of those under way in that time; 0 where pages are not served."""
        lasting = [end - start for start, end in self._answers if end >= began_ns and start <= ended_ns]
        return max(lasting, default=0) / 1e6
