"""How python-engineio makes its websockets, with two limits it leaves open.

This is the one place that knows of `_async`, the table of classes of a python-engineio server: minor versions of it
are pinned for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gevent import monkey

if TYPE_CHECKING:
    from flask_socketio import SocketIO

LONGEST_MESSAGE_BYTES = 16 * 1024


def best_async_mode() -> str:
    """Return python-engineio's mode for this process: `gevent` where it is patched, else `threading`."""
    return "gevent" if monkey.is_module_patched("socket") else "threading"


def limit_websockets(socketio: SocketIO) -> None:
    """Close a websocket whose message grows too long, and write whole frames to one whose peer reads slowly."""
    server: Any = socketio.server
    engine = server.eio
    engine._async = {**engine._async, "websocket": _limited(engine._async["websocket"])}  # noqa: SLF001 - see above


def _limited(driver: type[Any]) -> type[Any]:
    class LimitedWebSocket(driver):  # type: ignore[misc]  # the class is chosen at run time
        def __init__(self, handler: Any, server: Any) -> None:
            super().__init__(handler, server)
            self.server_args["max_message_size"] = LONGEST_MESSAGE_BYTES

        def send(self, message: Any) -> Any:
            self.ws.sock = _whole(self.ws.sock)
            return super().send(message)

    return LimitedWebSocket


class _WholeSends:
    """A socket whose `send` writes everything: simple-websocket does not look at how much was written."""

    __slots__ = ("_socket",)

    def __init__(self, sock: Any) -> None:
        self._socket = sock

    def send(self, data: bytes) -> int:
        self._socket.sendall(data)
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


def _whole(sock: Any) -> Any:
    return sock if isinstance(sock, _WholeSends) else _WholeSends(sock)
