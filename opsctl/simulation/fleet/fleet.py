"""The loop of a fleet: connects its browsers, reads and answers for all of them, and notes what they saw."""

from __future__ import annotations

import errno
import select
import socket
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from opsctl.core.load.devices import device_of
from opsctl.simulation.fleet.boarding import Boarding
from opsctl.simulation.fleet.browser import Sight, Stage, VirtualBrowser, upgrade_request
from opsctl.simulation.fleet.frames import CLOSE, client_frame
from opsctl.simulation.fleet.meter import Stretch
from opsctl.simulation.fleet.sights import Arrivals
from opsctl.simulation.fleet.wires import WireError

if TYPE_CHECKING:
    from opsctl.simulation.fleet.entrance import Entrance
    from opsctl.simulation.fleet.wires import Wire

_CONNECTING_AT_ONCE = 128
_READ_BYTES = 64 * 1024
_NS = 1_000_000_000
_GOING_AWAY = client_frame((1001).to_bytes(2), CLOSE)
_QUIET_NS = 300_000_000
"""A change is over once nobody showed it for so long, if not everybody did."""
_GONE_EVENTS = select.EPOLLHUP | select.EPOLLERR


class Fleet:
    """A number of browsers of one feed.

    Args:
        entrance: Where they find it.
        browsers: How many; `want` changes it.
        rate: How many begin to connect in a second; 0: as fast as they are taken.
        seed: Makes the browsers' device keys; the same seed, the same devices.
        mute: Whether they acknowledge nothing.
    """

    def __init__(
        self,
        entrance: Entrance,
        browsers: int,
        *,
        rate: float = 0.0,
        seed: int = 0,
        mute: bool = False,
    ) -> None:
        self._entrance = entrance
        self._boarding = Boarding(browsers, rate=rate)
        self._seed = seed
        self._is_mute = mute
        self._epoll = select.epoll()
        self._connections: dict[int, _Connection] = {}
        self._arrivals: dict[Sight, Arrivals] = {}
        self._joined = 0
        self.lost_because: Counter[str] = Counter()
        self.went_back = 0
        self.repeated = 0
        self.stretch = Stretch()
        self._turned_ns = time.monotonic_ns()

    @property
    def joined(self) -> int:
        """How many browsers are connected and know what to show."""
        return self._joined

    @property
    def lost(self) -> int:
        """How many could not connect, or went away; `lost_because` says why, for people."""
        return self.lost_because.total()

    @property
    def is_settled(self) -> bool:
        """Whether every browser that was asked for is connected, or was lost."""
        return not self._boarding.left and self._joined == len(self._connections)

    def want(self, browsers: int) -> None:
        """Become so many: connect more, in the place of lost ones too, or have the newest leave."""
        for connection in list(self._connections.values())[browsers:]:
            self._dismiss(connection)
        self._boarding.want(browsers - len(self._connections))

    def close(self) -> None:
        """Close all connections."""
        for connection in list(self._connections.values()):
            connection.sock.close()
        self._connections.clear()
        self._epoll.close()

    def turn(self, timeout_s: float) -> None:
        """Let happen what can happen now, waiting for something at most that long."""
        self._connect_more()
        asked_ns = time.monotonic_ns()
        found = self._epoll.poll(timeout_s)
        woke_ns = time.monotonic_ns()
        overslept_ns = 0 if found else woke_ns - asked_ns - round(timeout_s * _NS)
        for fd, events in found:
            connection = self._connections.get(fd)
            if connection is None:
                continue
            if events & select.EPOLLOUT:
                self._flush(connection)
            if events & (select.EPOLLIN | _GONE_EVENTS):
                self._read(connection)
        before_ns, self._turned_ns = self._turned_ns, time.monotonic_ns()
        late_ns = max(asked_ns - before_ns, overslept_ns, self._turned_ns - woke_ns)
        self.stretch.add(late_ns)
        for arrivals in self._arrivals.values():
            if arrivals.last_ns >= woke_ns:
                arrivals.stretch.add(late_ns)

    def finished_changes(self) -> list[Arrivals]:
        """Return the changes that every connected browser showed by now, or nobody more for a while; each once."""
        now_ns = time.monotonic_ns()
        finished = []
        for sight, arrivals in list(self._arrivals.items()):
            if arrivals.count >= self._joined or now_ns - arrivals.last_ns > _QUIET_NS:
                finished.append(self._arrivals.pop(sight))
        return finished

    def _connect_more(self) -> None:
        room = _CONNECTING_AT_ONCE - len(self._connections) + self._joined
        for number in self._boarding.next(room):
            sock = socket.socket(self._entrance.family)
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if sock.connect_ex(self._entrance.address) not in {0, errno.EINPROGRESS}:
                sock.close()
                self.lost_because["not connected"] += 1
                continue
            browser = VirtualBrowser(self._on_sight, is_mute=self._is_mute)
            wire = self._entrance.wire()
            device = device_of(self._seed, number)
            request = upgrade_request(self._entrance.host, device=device, scheme=self._entrance.scheme)
            connection = _Connection(number, sock, wire, wire.send(request), browser)
            self._connections[sock.fileno()] = connection
            self._epoll.register(sock.fileno(), select.EPOLLIN | select.EPOLLOUT)

    def _on_sight(self, browser: VirtualBrowser, sight: Sight, now_ns: int) -> None:
        if not browser.has_begun:
            browser.has_begun = True
            self._joined += 1
            return
        arrivals = self._arrivals.get(sight)
        if arrivals is None:
            arrivals = self._arrivals[sight] = Arrivals(sight)
        arrivals.add(now_ns)

    def _read(self, connection: _Connection) -> None:
        browser = connection.browser
        try:
            data = connection.sock.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(connection, error.strerror or type(error).__name__)
            return
        if not data:
            self._lose(connection, "closed")
            return
        try:
            said, unsent = connection.wire.receive(data)
            if said:
                unsent += connection.wire.send(self._show(browser, said))
        except WireError as error:
            self._lose(connection, str(error), error.last_words)
            return
        if browser.stage is Stage.GONE:
            self._lose(connection, browser.ended_because)
        elif unsent:
            connection.unsent += unsent
            self._flush(connection)

    def _show(self, browser: VirtualBrowser, said: bytes) -> bytes:
        went_back, repeated = browser.went_back, browser.repeated
        answer = browser.receive(said, time.monotonic_ns())
        self.went_back += browser.went_back - went_back
        self.repeated += browser.repeated - repeated
        return answer

    def _flush(self, connection: _Connection) -> None:
        try:
            sent = connection.sock.send(connection.unsent) if connection.unsent else 0
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._lose(connection, error.strerror or type(error).__name__)
            return
        connection.unsent = connection.unsent[sent:]
        wants_to_write = bool(connection.unsent)
        if wants_to_write != connection.wants_to_write:
            connection.wants_to_write = wants_to_write
            self._epoll.modify(connection.sock.fileno(), select.EPOLLIN | (select.EPOLLOUT if wants_to_write else 0))

    def _lose(self, connection: _Connection, why: str, last_words: bytes = b"") -> None:
        if self._connections.get(connection.sock.fileno()) is connection:
            if last_words:
                with suppress(OSError):
                    connection.sock.send(last_words)
            stage = connection.browser.stage
            self.lost_because[why if stage is Stage.GONE else f"{why} while {stage}"] += 1
            self._remove(connection)

    def _dismiss(self, connection: _Connection) -> None:
        """Have a browser leave, as one does whose tab is closed."""
        if connection.browser.has_begun and not connection.unsent:
            with suppress(OSError, WireError):
                connection.sock.send(connection.wire.send(_GOING_AWAY))
        self._remove(connection)
        self._boarding.took_back(connection.number)

    def _remove(self, connection: _Connection) -> None:
        fd = connection.sock.fileno()
        del self._connections[fd]
        self._epoll.unregister(fd)
        connection.sock.close()
        if connection.browser.has_begun:
            self._joined -= 1


class _Connection:
    """A browser with its socket."""

    __slots__ = ("browser", "number", "sock", "unsent", "wants_to_write", "wire")

    def __init__(self, number: int, sock: socket.socket, wire: Wire, unsent: bytes, browser: VirtualBrowser) -> None:
        self.number = number
        self.sock = sock
        self.wire = wire
        self.unsent = unsent
        self.wants_to_write = True
        self.browser = browser
