"""A websocket of simple-websocket's that is read by whoever waits for a message, with the feed's limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gevent
from simple_websocket.errors import ConnectionClosed
from simple_websocket.ws import Server

from webapp.frames import Incoming, RefusedFrameError, short_text
from webapp.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable

_CLOSING_S = 15.0
"""How long the other end may take to answer that the websocket is closed."""
_READ_BYTES = 4096
_BETWEEN_TURNS_BYTES = 512
_EACH_READ_BYTES = 32


class WireServer(Server):
    """A websocket that is read by whoever waits for a message, not by a greenlet of its own.

    What nearly all messages are, one short masked text frame, is read here; everything else is left to the library, a
    whole frame at a time. One whose other end never stops sending leaves everybody else their turns, and is closed when
    it sends more frames than a browser would.
    """

    def __init__(self, environ: dict[str, Any], **options: Any) -> None:
        super().__init__(environ, thread_class=_NoThread, **options)  # type: ignore[no-untyped-call]  # it ships no types
        self.sock = Wire(self.sock)
        self._incoming = Incoming()
        self._since_turn = 0
        self.environ = {}  # kilobytes that nobody reads again

    def receive(self, timeout: float | None = None) -> Any:  # noqa: ARG002 - of the library; nobody here gives one
        """Return the next message.

        Raises:
            ConnectionClosed: there is none any more.
        """
        try:
            while self.connected and not self.input_buffer:
                data = self._read()
                if not data:
                    break
                self._take(data)
        except Exception:  # noqa: BLE001 - whatever a peer sent that is no websocket ends it
            self.input_buffer.clear()
        if self.input_buffer:
            return self.input_buffer.pop(0)
        self.connected = False
        self.sock.close()
        raise ConnectionClosed(self.close_reason, self.close_message)  # type: ignore[no-untyped-call]  # as above

    def close(self, *why: Any) -> None:
        """Close the websocket, and end the connection when the other end takes too long to see that."""
        gevent.spawn_later(_CLOSING_S, self.sock.break_off)
        super().close(*why)  # type: ignore[no-untyped-call]  # as above

    def _read(self) -> bytes:
        if self._since_turn >= _BETWEEN_TURNS_BYTES:
            # What is there already is read without waiting, so that nobody else would run as long as more comes.
            self._since_turn = 0
            gevent.sleep(0)
        data: bytes = self.sock.recv(_READ_BYTES)
        self._since_turn += len(data) + _EACH_READ_BYTES
        return data

    def _take(self, data: bytes) -> None:
        try:
            for frame in self._incoming.feed(data):
                text = short_text(frame) if self.incoming_message is None else None
                if text is not None:
                    self.input_buffer.append(text)
                    continue
                self.ws.receive_data(frame)
                self.connected = self._handle_events()  # type: ignore[no-untyped-call]  # as above
                if not self.connected:
                    return
        except RefusedFrameError as refused:
            self.close(refused.code, refused.reason)


class _NoThread:
    """Stands in for the thread that simple-websocket would start."""

    name = ""

    def __init__(self, target: Callable[[], None]) -> None:
        """Take what is not going to be run."""

    def start(self) -> None:
        """Do nothing."""


def ended(websocket: WireServer) -> list[bytes]:
    """Leave the WSGI server in the way it wants for a connection that is no longer HTTP, as python-engineio does."""
    if websocket.mode == "gunicorn":
        raise StopIteration
    if websocket.mode == "werkzeug":
        raise ConnectionError
    return []
