"""Which messages of browsers python-socketio is given; any other ends its connection.

It would let a browser send the events that it makes itself, and would keep without limit what is said to belong to
binary data, which the feed has none of.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from engineio import exceptions

if TYPE_CHECKING:
    from flask_socketio import SocketIO

_log = logging.getLogger(__name__)
_CONNECT, _DISCONNECT, _EVENT, _ACK = "0123"
_TAKEN = frozenset({_CONNECT, _DISCONNECT, _EVENT, _ACK})
"""How a Socket.IO packet without binary data begins (its protocol, version 5)."""


def refuse_what_no_browser_sends(socketio: SocketIO) -> None:
    """Have a server raise `ValueError` for a message that no browser of the feed sends."""
    server: Any = socketio.server
    handlers = server.eio.handlers
    handle, handle_event = handlers["message"], server._handle_event  # noqa: SLF001 - it has no other seam for this

    def on_message(eio_sid: str, data: Any) -> None:
        if not isinstance(data, str) or data[:1] not in _TAKEN:
            raise ValueError("no message of a browser")
        handle(eio_sid, data)

    def on_event(eio_sid: str, namespace: str, ack_id: int | None, data: Any) -> None:
        name = data[0] if isinstance(data, list) and data else None
        if not isinstance(name, str) or name in server.reserved_events:
            raise ValueError("no event of a browser")
        handle_event(eio_sid, namespace, ack_id, data)

    handlers["message"] = on_message
    server._handle_event = on_event  # noqa: SLF001 - as above


def close_at_errors(socketio: SocketIO) -> None:
    """Have python-engineio close a connection whose message failed, where it would log each one and go on."""
    server: Any = socketio.server
    engine = server.eio
    handle = engine.handlers["message"]

    def on_message(eio_sid: str, data: Any) -> None:
        engine_socket = engine.sockets.get(eio_sid)
        if engine_socket is None or is_ended(engine_socket):
            return
        try:
            handle(eio_sid, data)
        except Exception as error:  # noqa: BLE001 - one browser's connection ends in order, whatever it made fail
            report(error)
            engine_socket.close(wait=False)

    engine.handlers["message"] = on_message


def is_ended(engine_socket: Any) -> bool:
    """Whether an engine socket is closed: what its browser still sends would bring back one that is gone."""
    return bool(engine_socket.closing or engine_socket.closed)


def _has_joined(server: Any, engine_socket: Any) -> bool:
    """Whether the browser of an engine socket has joined a namespace of a python-socketio server, and not left it."""
    manager = server.manager
    return any(manager.sid_from_eio_sid(engine_socket.sid, namespace) for namespace in list(manager.get_namespaces()))


def end_a_stranger(server: Any, engine_socket: Any) -> None:
    """Close who is pinged and has not joined: it is no browser of the feed, and all of its request is still kept."""
    if not _has_joined(server, engine_socket):
        engine_socket.close(wait=False)


def report(error: BaseException) -> None:
    """Log why a websocket is being closed."""
    if isinstance(error, exceptions.SocketIsClosedError):
        _log.debug("a websocket was closed meanwhile")
    elif isinstance(error, (ValueError, RecursionError)):
        _log.warning("closing a websocket: what it sent is no message (%s)", type(error).__name__)
    else:
        _log.error("a message could not be handled: closing its connection", exc_info=error)
