"""How one event reaches many browsers: a small seam, with Flask-SocketIO's own way behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from opsctl.core.modes import Mode

if TYPE_CHECKING:
    from flask_socketio import SocketIO

_NAMESPACE = "/"


class Broadcaster(Protocol):
    """Sends events. None of these waits for a browser."""

    def to_one(self, sid: str, event: str, data: dict[str, Any]) -> None:
        """Send to one browser."""

    def to_mode(self, mode: Mode, event: str, data: dict[str, Any]) -> None:
        """Send to the browsers that were placed in `mode`."""

    def to_all(self, event: str, data: dict[str, Any]) -> None:
        """Send to every browser."""

    def place(self, sid: str, mode: Mode) -> bool:
        """Put a browser among those of `mode`, and out of the others; return whether it is still there."""

    def drop(self, sid: str) -> None:
        """Close a browser's connection."""


class SocketIoBroadcaster:
    """Flask-SocketIO's broadcast: one send queue per browser."""

    def __init__(self, socketio: SocketIO) -> None:
        self._server: Any = socketio.server

    def to_one(self, sid: str, event: str, data: dict[str, Any]) -> None:
        """Send to one browser."""
        self._server.emit(event, data, to=sid, namespace=_NAMESPACE)

    def to_mode(self, mode: Mode, event: str, data: dict[str, Any]) -> None:
        """Send to the browsers that were placed in `mode`."""
        self._server.emit(event, data, to=_room(mode), namespace=_NAMESPACE)

    def to_all(self, event: str, data: dict[str, Any]) -> None:
        """Send to every browser."""
        self._server.emit(event, data, namespace=_NAMESPACE)

    def place(self, sid: str, mode: Mode) -> bool:
        """Put a browser among those of `mode`, and out of the others; return whether it is still there."""
        try:
            self._server.enter_room(sid, _room(mode), namespace=_NAMESPACE)
        except (KeyError, ValueError):  # how python-socketio says that it knows no such connection
            return False
        for one in Mode:
            if one is not mode:
                self._server.leave_room(sid, _room(one), namespace=_NAMESPACE)
        return True

    def drop(self, sid: str) -> None:
        """Close a browser's connection, also under Socket.IO, without waiting for it."""
        eio_sid = self._server.manager.eio_sid_from_sid(sid, _NAMESPACE)
        if eio_sid is not None:
            self._server.start_background_task(self._server.eio.disconnect, eio_sid)


def _room(mode: Mode) -> str:
    return f"mode:{mode}"
