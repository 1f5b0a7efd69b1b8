"""A light transport for python-engineio's websockets, with what it leaves open: limits and whole frames.

This, and `webapp.stock_websockets`, are what knows of `_async`, the table of classes of a python-engineio server, and
of how its sockets use them: minor versions of it, and of simple-websocket, are pinned for that.
"""

from __future__ import annotations

import contextlib
import time
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import gevent
from engineio import exceptions, packet
from gevent import monkey
from gevent.socket import socket
from gevent.ssl import SSLSocket

from webapp.channel import Channel
from webapp.frames import LONGEST_MESSAGE_BYTES, message_frame
from webapp.handshake import RefusedHandshakeError, handshake_answer
from webapp.messages import end_a_stranger, is_ended, refuse_what_no_browser_sends, report
from webapp.outbox import Outbox
from webapp.pings import Pings
from webapp.reading import Reader
from webapp.wire_server import WireServer, ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask_socketio import SocketIO

    from webapp.wire import Wire

_LOOK_AGAIN_S = 0.01
_WRITE_S = 15.0
"""How long a browser may take to read one message."""
OWN_SOCKET = "opsctl.socket"
"""Where a server of the feed's own puts a request's socket, which a websocket may take over."""
KEEP = "opsctl.keep"
"""What it puts there to be called when that happens; it returns what is to be called when the connection ends."""


def best_async_mode() -> str:
    """Return python-engineio's mode for this process: `gevent` where it is patched, else `threading`."""
    return "gevent" if monkey.is_module_patched("socket") else "threading"


def lighten_websockets(socketio: SocketIO, express: Callable[[str, str], bool] = lambda _sid, _message: False) -> None:
    """Make the websockets of a server under gevent without a greenlet for each, where python-engineio has four.

    Under another server than the feed's own each has one. The limits are the same. Each engine socket has a `wire`
    besides, its `webapp.wire.Wire`. `express` is given each message first, with the engine socket's id, and may have
    dealt with it: then it returns true, and python-engineio does not see that one.
    """
    server: Any = socketio.server
    engine = server.eio
    light = {
        "websocket": _light(engine._async["websocket"], express),  # noqa: SLF001 - see above
        "queue": Outbox,
        "thread": _light_thread(engine._async["thread"], server),  # noqa: SLF001 - see above
    }
    engine._async = {**engine._async, **light}  # noqa: SLF001 - see above
    refuse_what_no_browser_sends(socketio)


def close_websockets(socketio: SocketIO, limit_s: float) -> None:
    """Tell every browser goodbye, and return when they have all left or after `limit_s` (under gevent)."""
    server: Any = socketio.server
    engine = server.eio
    ends_at = time.monotonic() + limit_s
    wires = [one.wire for one in engine.sockets.values() if hasattr(one, "wire")]
    for sid in list(engine.sockets):
        gevent.spawn(engine.disconnect, sid)
    while any(not wire.is_closed for wire in wires) and time.monotonic() < ends_at:
        gevent.sleep(_LOOK_AGAIN_S)


def _light(driver: type[Any], express: Callable[[str, str], bool]) -> type[Any]:
    reader = Reader()

    class LightWebSocket(driver):  # type: ignore[misc]  # the class is chosen at run time
        """Makes the transport of one engine socket from its request.

        A plain connection of the feed's own server is taken over, and the request ends. Else its greenlet reads, to the
        end of the connection.
        """

        def __init__(self, handler: Any, server: Any) -> None:
            super().__init__(handler, server)
            self._engine_socket = handler.__self__

        def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
            own = environ.pop(OWN_SOCKET, None)
            if own is None or isinstance(own, SSLSocket):
                return self._serve(own, environ)
            return _take_over(own, self._engine_socket, environ, start_response, reader, express)

        def _serve(self, own: Any, environ: dict[str, Any]) -> list[bytes]:
            # simple-websocket takes a socket it finds under this name as it is, and duplicates others.
            given = {**environ, "werkzeug.socket": own} if own is not None else dict(environ)
            given.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
            self.ws = WireServer(given, max_message_size=LONGEST_MESSAGE_BYTES)
            _begin(self._engine_socket, self.ws.sock)
            self._engine_socket.queue.attach(self)
            try:
                while not is_ended(self._engine_socket) and (message := self.wait()) is not None:
                    _take(self._engine_socket, message, express)
            except Exception as error:  # noqa: BLE001 - one browser's connection ends in order, whatever it made fail
                report(error)
            finally:
                _end(self._engine_socket)
            return [] if own is not None else ended(self.ws)

        def offer(self, frame: bytes) -> bool:
            is_offered: bool = self.ws.connected and self.ws.sock.offer(frame)
            return is_offered

        def break_off(self) -> None:
            self.ws.sock.break_off()

    return LightWebSocket


class _EngineChannel(Channel):
    """The websocket of one engine socket, on a connection of the feed's own server."""

    __slots__ = ("_engine_socket", "_express", "_let_go")

    def __init__(
        self, sock: Any, reader: Reader, engine_socket: Any, express: Callable[[str, str], bool], let_go: Any
    ) -> None:
        self._engine_socket = engine_socket
        self._express = express
        self._let_go = let_go
        super().__init__(sock, reader)

    def on_message(self, message: str | bytes) -> None:
        _take(self._engine_socket, message, self._express)

    def on_error(self, error: BaseException) -> None:
        report(error)

    def on_end(self) -> None:
        try:
            _end(self._engine_socket)
        finally:
            self._let_go()


def _take_over(
    own: Any,
    engine_socket: Any,
    environ: dict[str, Any],
    start_response: Any,
    reader: Reader,
    express: Callable[[str, str], bool],
) -> list[bytes]:
    """Make a request's connection the transport of an engine socket; the web server knows nothing of it any more."""
    try:
        first = handshake_answer(environ)
    except RefusedHandshakeError as refused:
        engine_socket.close(wait=False, abort=True, reason=engine_socket.server.reason.TRANSPORT_ERROR)
        start_response(refused.status, refused.headers)
        return [f"{refused}\n".encode()]
    let_go = environ.pop(KEEP, _nothing)()
    environ.pop("wsgi.input", None)  # python-socketio keeps the rest until the browser has joined
    taken = socket(own.family, own.type, own.proto, fileno=own.detach())
    taken.settimeout(_WRITE_S)
    channel = _EngineChannel(taken, reader, engine_socket, express, let_go)
    _begin(engine_socket, channel.wire)
    while not engine_socket.queue.empty():
        first += message_frame(engine_socket.queue.get().encode())
    with contextlib.suppress(OSError):  # whoever reads from it finds out too
        channel.wire.write(first)
    engine_socket.queue.attach(channel)
    return []


def _nothing() -> Any:
    return _nothing


def _begin(engine_socket: Any, wire: Wire) -> None:
    engine_socket.wire = wire
    engine_socket.connected = engine_socket.upgraded = True


def _take(engine_socket: Any, message: str | bytes, express: Callable[[str, str], bool]) -> None:
    if is_ended(engine_socket):
        return
    if not (isinstance(message, str) and express(engine_socket.sid, message)):
        _handle(engine_socket, packet.Packet(encoded_packet=message))


def _end(engine_socket: Any) -> None:
    """Close an engine socket whose websocket has ended, once what was to be written is."""
    engine_socket.queue.put(None)
    engine_socket.queue.join()
    engine_socket.wire.break_off()
    engine_socket.close(wait=False, abort=True, reason=engine_socket.server.reason.TRANSPORT_CLOSE)
    engine_socket.server.sockets.pop(engine_socket.sid, None)


def _handle(engine_socket: Any, engine_packet: packet.Packet) -> None:
    """Handle a packet; what goes wrong is raised, where python-engineio would log it each time and go on."""
    if engine_packet.packet_type == packet.MESSAGE:
        engine_socket.server.handlers["message"](engine_socket.sid, engine_packet.data)
        return
    with contextlib.suppress(exceptions.UnknownPacketError):
        engine_socket.receive(engine_packet)


def _light_thread(thread: type[Any], server: Any) -> Callable[..., Any]:
    pings = Pings(server.eio.ping_interval, partial(_ping, server))

    def light_thread(target: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Return a background task to be started; the wait for the next ping is none that sleeps."""
        if getattr(target, "__name__", "") == "_send_ping":
            return SimpleNamespace(start=lambda: pings.add(target.__self__))
        return thread(target=target, args=args, kwargs=kwargs or {})

    return light_thread


def _ping(server: Any, engine_socket: Any) -> None:
    if is_ended(engine_socket):
        return
    engine_socket.last_ping = time.time()
    engine_socket.send(packet.Packet(packet.PING))
    end_a_stranger(server, engine_socket)
