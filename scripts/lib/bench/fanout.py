"""One broadcast to many websocket clients: opsctl's way against its peers, in turns."""

from __future__ import annotations

import http.client
import statistics
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

from bench.fleet import Fleet
from bench.installing import PEERS, NotInstalledError, node_peer, picows_python, version_of_picows, version_of_socket_io
from bench.processes import NotMeasuredError, Server, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.options import Options

OURS = "opsctl's feed, direct fan-out"
STOCK = "Flask-SocketIO gevent, stock"
THREADING = "Flask-SocketIO threading (the tutorial's)"
NODE = "Node socket.io"
PICOWS = "picows, no Socket.IO"
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
    """What was measured of one peer with one number of clients; a value for each round.

    `why_not` says why there is nothing, or not everything.
    """

    last_ms: list[float] = field(default_factory=list)
    connects_per_s: list[float] = field(default_factory=list)
    kb_per_client: list[float] = field(default_factory=list)
    stall_ms: list[float] = field(default_factory=list)
    lost: int = 0
    why_not: str = ""


def measure(options: Options) -> dict[str, Any]:
    """Measure each peer in turn, round after round, each time anew; those that cannot be had stand there with why."""
    peers, missing, versions = _peers()
    found = {}
    for clients in options.clients:
        figures = {peer.name: Figures() for peer in peers} | {name: Figures(why_not=why) for name, why in missing}
        for number in range(options.rounds):
            for peer in peers:
                _say(f"{clients:>6,} clients, round {number + 1}/{options.rounds}: {peer.name}")
                _take_round(peer, clients, options.broadcasts, figures[peer.name])
        found[str(clients)] = {name: asdict(figures[name]) for name in (OURS, STOCK, THREADING, NODE, PICOWS)}
    return {"versions": versions, "clients": found}


def _peers() -> tuple[list[Peer], list[tuple[str, str]], list[str]]:
    """Return those that there are, those that there are not with why, and the versions of what was installed."""
    feed, flask = str(PEERS / "feed_peer.py"), str(PEERS / "flask_socketio_peer.py")
    peers = [
        Peer(OURS, lambda port: [sys.executable, feed, str(port)]),
        Peer(STOCK, lambda port: [sys.executable, flask, "stock", str(port)]),
        Peer(THREADING, lambda port: [sys.executable, flask, "threading", str(port)], _THREADS_AT_MOST),
    ]
    missing, versions = [], []
    try:
        script = node_peer()
        versions.append(version_of_socket_io(script))
        peers.append(Peer(NODE, lambda port: ["node", str(script), str(port)]))
    except NotInstalledError as error:
        missing.append((NODE, str(error)))
    try:
        python = picows_python()
        versions.append(version_of_picows(python))
        peers.append(Peer(PICOWS, lambda port: [str(python), str(PEERS / "picows_peer.py"), str(port)]))
    except NotInstalledError as error:
        missing.append((PICOWS, str(error)))
    return peers, missing, versions


def _take_round(peer: Peer, clients: int, broadcasts: int, figures: Figures) -> None:
    if clients > peer.most_clients:
        figures.why_not = f"not tried beyond {peer.most_clients:,}"
    if figures.why_not:
        return
    try:
        _one_round(peer, clients, broadcasts, figures)
    except NotMeasuredError as error:
        figures.why_not = f"failed: {error}"
        _say(figures.why_not)


def _one_round(peer: Peer, clients: int, broadcasts: int, figures: Figures) -> None:
    port = free_port()
    server = Server(peer.command(port), port)
    try:
        empty_kb = server.memory_kb()
        fleet = Fleet(server.url, clients, is_mute=True)
        try:
            joined = fleet.connected["browsers"]
            if not joined:
                raise NotMeasuredError(f"nobody could connect: {fleet.connected['why']}")
            lost = fleet.connected["lost"]
            kb_per_client = (server.memory_kb() - empty_kb) / joined
            times, stalls = [], []
            for version in range(_FIRST_VERSION, _FIRST_VERSION + broadcasts):
                with _Prober(port) as prober:
                    began_ns = server.tell(version)
                    seen = fleet.follow(version, joined)
                lost += joined - seen.browsers
                times.append((seen.last_ns - began_ns) / 1e6)
                stalls.append(prober.worst_ms(began_ns, seen.last_ns))
        finally:
            fleet.stop()
    finally:
        server.stop()
    figures.lost += lost
    figures.connects_per_s.append(joined / fleet.connected["seconds"])
    figures.kb_per_client.append(kb_per_client)
    figures.last_ms.append(statistics.median(times))
    figures.stall_ms.append(statistics.median(stalls))


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


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
