"""How python-engineio makes its websockets itself, with what it leaves open: limits and whole frames."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from webapp.frames import LONGEST_MESSAGE_BYTES
from webapp.messages import close_at_errors, end_a_stranger, is_ended, refuse_what_no_browser_sends, report
from webapp.wire_server import WireServer, ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask_socketio import SocketIO


def limit_websockets(socketio: SocketIO) -> None:
    """Make the websockets of a server as python-engineio does, with limits.

    A message that grows too long, or that no browser sends, closes its websocket; nothing is compressed, which would
    cost a hundred kilobytes for each; frames are written whole.
    """
    server: Any = socketio.server
    engine = server.eio
    limited = _read_in_turns if engine.async_mode == "gevent" else _limited
    guarded = {
        "websocket": limited(_ended_in_order(engine._async["websocket"])),  # noqa: SLF001 - see `webapp.websockets`
        "thread": _stock_thread(engine._async["thread"], server),  # noqa: SLF001 - see `webapp.websockets`
    }
    engine._async = {**engine._async, **guarded}  # noqa: SLF001 - see `webapp.websockets`
    refuse_what_no_browser_sends(socketio)
    close_at_errors(socketio)


def _stock_thread(thread: type[Any], server: Any) -> Callable[..., Any]:
    def stock_thread(target: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Return a background task to be started."""
        if getattr(target, "__name__", "") != "_send_ping":
            return thread(target=target, args=args, kwargs=kwargs or {})

        def send_ping() -> None:
            target()
            end_a_stranger(server, target.__self__)

        return thread(target=send_ping)

    return stock_thread


def _ended_in_order(driver: type[Any]) -> type[Any]:
    class WebSocketEndedInOrder(driver):  # type: ignore[misc]  # chosen at run time
        """The transport of an engine socket that reads no further once that is closed, or sent what is no packet."""

        def __init__(self, handler: Any, server: Any) -> None:
            super().__init__(self._handle, server)
            self._handler = handler

        def wait(self) -> Any:
            return None if is_ended(self._handler.__self__) else super().wait()

        def _handle(self, websocket: Any) -> Any:
            engine_socket = self._handler.__self__
            try:
                return self._handler(websocket)
            except (ValueError, RecursionError) as error:
                report(error)
                engine_socket.close(wait=False, abort=True, reason=engine_socket.server.reason.TRANSPORT_ERROR)
                return []

    return WebSocketEndedInOrder


def _limited(driver: type[Any]) -> type[Any]:
    class LimitedWebSocket(driver):  # type: ignore[misc]  # chosen at run time
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
    class WebSocketInTurns(driver):  # type: ignore[misc]  # chosen at run time
        """The transport under gevent: no greenlet reads on without letting the others go on."""

        def __call__(self, environ: dict[str, Any], _start_response: Any) -> Any:
            given = dict(environ)
            given.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
            self.ws = WireServer(given, max_message_size=LONGEST_MESSAGE_BYTES)
            try:
                self.app(self)
            finally:
                self.ws.sock.break_off()
            return ended(self.ws)

    return WebSocketInTurns


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
