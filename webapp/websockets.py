"""How python-engineio makes its websockets, with what it leaves open: limits, whole frames, and a light transport.

This is the one place that knows of `_async`, the table of classes of a python-engineio server, and of how its sockets
use them: minor versions of it, and of simple-websocket, are pinned for that.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import gevent
from engineio import exceptions, packet
from gevent import monkey

from webapp.outbox import Outbox
from webapp.wire import LONGEST_MESSAGE_BYTES, WireServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask_socketio import SocketIO

_log = logging.getLogger(__name__)
OWN_SOCKET = "opsctl.socket"
"""Where a server of the feed's own puts a request's socket, which is then used as it is: one open file for each."""


def best_async_mode() -> str:
    """Return python-engineio's mode for this process: `gevent` where it is patched, else `threading`."""
    return "gevent" if monkey.is_module_patched("socket") else "threading"


def limit_websockets(socketio: SocketIO) -> None:
    """Make the websockets of a server as python-engineio does, with limits.

    A message that grows too long closes its websocket; nothing is compressed, which would cost a hundred kilobytes for
    each; frames are written whole.
    """
    server: Any = socketio.server
    engine = server.eio
    limited = _read_in_turns if engine.async_mode == "gevent" else _limited
    engine._async = {**engine._async, "websocket": limited(engine._async["websocket"])}  # noqa: SLF001 - see above


def lighten_websockets(socketio: SocketIO, express: Callable[[str, str], bool] = lambda _sid, _message: False) -> None:
    """Make the websockets of a server under gevent with one greenlet each, where python-engineio has four.

    The limits are the same. Each engine socket has a `wire` besides, its `webapp.wire.Wire`. `express` is given each
    message first, with the engine socket's id, and may have dealt with it: then it returns true, and python-engineio
    does not see that one.
    """
    server: Any = socketio.server
    engine = server.eio
    light = {
        "websocket": _light(engine._async["websocket"], express),  # noqa: SLF001 - see above
        "queue": Outbox,
        "thread": _light_thread(engine._async["thread"]),  # noqa: SLF001 - see above
    }
    engine._async = {**engine._async, **light}  # noqa: SLF001 - see above


def _light(driver: type[Any], express: Callable[[str, str], bool]) -> type[Any]:
    class LightWebSocket(driver):  # type: ignore[misc]  # the class is chosen at run time
        """The transport of one engine socket, from its handshake to its end, in the greenlet of its request."""

        def __init__(self, handler: Any, server: Any) -> None:
            super().__init__(handler, server)
            self._engine_socket = handler.__self__

        def __call__(self, environ: dict[str, Any], _start_response: Any) -> Any:
            own = environ.pop(OWN_SOCKET, None)
            # simple-websocket takes a socket it finds under this name as it is, and duplicates others.
            given = {**environ, "werkzeug.socket": own} if own is not None else dict(environ)
            given.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
            self.ws = WireServer(given, max_message_size=LONGEST_MESSAGE_BYTES)
            self._serve()
            return [] if own is not None else _ended(self.ws)

        def _serve(self) -> None:
            engine_socket = self._engine_socket
            engine_socket.wire = self.ws.sock
            engine_socket.connected = engine_socket.upgraded = True
            engine_socket.queue.attach(self)
            try:
                while (message := self.wait()) is not None:
                    if isinstance(message, str) and express(engine_socket.sid, message):
                        continue
                    _handle(engine_socket, packet.Packet(encoded_packet=message))
            except exceptions.SocketIsClosedError:
                _log.debug("a websocket was closed meanwhile")
            except (ValueError, RecursionError) as error:
                _log.warning("closing a websocket: what it sent is no message (%s)", type(error).__name__)
            except Exception:  # noqa: BLE001 - one browser's connection ends in order, whatever it made fail
                _log.exception("a message could not be handled: closing its connection")
            finally:
                engine_socket.queue.put(None)
                engine_socket.queue.join()
                self.ws.sock.break_off()
                reason = engine_socket.server.reason.TRANSPORT_CLOSE
                engine_socket.close(wait=False, abort=True, reason=reason)

    return LightWebSocket


def _handle(engine_socket: Any, engine_packet: packet.Packet) -> None:
    """Handle a packet; what goes wrong is raised, where python-engineio would log it each time and go on."""
    if engine_packet.packet_type == packet.MESSAGE:
        engine_socket.server.handlers["message"](engine_socket.sid, engine_packet.data)
        return
    with contextlib.suppress(exceptions.UnknownPacketError):
        engine_socket.receive(engine_packet)


def _light_thread(thread: type[Any]) -> type[Any]:
    class LightThread(thread):  # type: ignore[misc]  # as above
        """A background task; the wait for the next ping is a timer rather than a greenlet that sleeps."""

        def __init__(self, target: Any, args: Any = (), kwargs: Any = None) -> None:
            self._waiting_socket = target.__self__ if getattr(target, "__name__", "") == "_send_ping" else None
            super().__init__(target=target, args=args, kwargs=kwargs or {})

        def start(self) -> None:
            if self._waiting_socket is None:
                super().start()
            else:
                gevent.spawn_later(self._waiting_socket.server.ping_interval, _ping, self._waiting_socket)

    return LightThread


def _ping(engine_socket: Any) -> None:
    if not engine_socket.closing and not engine_socket.closed:
        engine_socket.last_ping = time.time()
        engine_socket.send(packet.Packet(packet.PING))


def _limited(driver: type[Any]) -> type[Any]:
    class LimitedWebSocket(driver):  # type: ignore[misc]  # as above
        def __init__(self, handler: Any, server: Any) -> None:
            super().__init__(handler, server)
            self.server_args["max_message_size"] = LONGEST_MESSAGE_BYTES

        def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
            environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
            return super().__call__(environ, start_response)

        def send(self, message: Any) -> Any:
            self.ws.sock = _whole(self.ws.sock)
            return super().send(message)

    return LimitedWebSocket


def _read_in_turns(driver: type[Any]) -> type[Any]:
    class WebSocketInTurns(driver):  # type: ignore[misc]  # as above
        """The transport under gevent: no greenlet reads on without letting the others go on."""

        def __call__(self, environ: dict[str, Any], _start_response: Any) -> Any:
            given = dict(environ)
            given.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
            self.ws = WireServer(given, max_message_size=LONGEST_MESSAGE_BYTES)
            try:
                self.app(self)
            finally:
                self.ws.sock.break_off()
            return _ended(self.ws)

    return WebSocketInTurns


def _ended(websocket: WireServer) -> list[bytes]:
    """Leave the WSGI server in the way it wants for a connection that is no longer HTTP, as python-engineio does."""
    if websocket.mode == "gunicorn":
        raise StopIteration
    if websocket.mode == "werkzeug":
        raise ConnectionError
    return []


class _WholeSends:
    """A socket whose `send` writes everything, whole frames of one thread after those of another."""

    __slots__ = ("_socket", "_turn")

    def __init__(self, sock: Any) -> None:
        self._socket = sock
        self._turn = threading.Lock()

    def send(self, data: bytes) -> int:
        with self._turn:
            self._socket.sendall(data)
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


def _whole(sock: Any) -> Any:
    return sock if isinstance(sock, _WholeSends) else _WholeSends(sock)
