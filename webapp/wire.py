"""One websocket as the server holds it: read by whoever waits for a message, written a whole frame at a time."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from typing import TYPE_CHECKING, Any

import gevent
from gevent.lock import Semaphore
from gevent.ssl import SSLSocket
from simple_websocket.errors import ConnectionClosed
from simple_websocket.ws import Server
from wsproto.frame_protocol import CloseReason

from webapp.ratelimit import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_MESSAGE_BYTES = 16 * 1024
_READ_BYTES = 4096
_BETWEEN_TURNS_BYTES = 512
_EACH_READ_BYTES = 32
_FRAMES_PER_S = 100.0
_FRAMES_AT_ONCE = 500.0
_FINAL_TEXT, _MASKED, _LENGTH = 0x81, 0x80, 0x7F
_SHORT, _LONG = 126, 127
_LONGEST_SHORT = 0xFFFF
_MASK = 4
_HEAD = 2 + _MASK
_LONGEST_HEAD = _HEAD + 8


class Wire:
    """The socket of one websocket: whoever writes to it writes whole frames, one after the other.

    simple-websocket does not look at how much was written, and answers pings from the greenlet that reads.
    """

    __slots__ = ("_is_encrypted", "_socket", "_turn")

    def __init__(self, sock: Any) -> None:
        self._socket = sock
        self._is_encrypted = isinstance(sock, SSLSocket)
        self._turn = Semaphore(1)

    def send(self, data: bytes) -> int:
        """Write all of it, however slowly the other end reads."""
        with self._turn:
            self._socket.sendall(data)
        return len(data)

    def offer(self, frame: bytes) -> bool:
        """Write a whole frame if that can be begun at once, and return whether it was.

        What the system did not take is written by a greenlet of its own; whoever writes next waits for it. Under TLS
        none can.

        Raises:
            OSError: the connection is broken.
        """
        if self._is_encrypted or self._turn.locked():
            return False
        try:
            written = os.write(self._socket.fileno(), frame)
        except BlockingIOError:
            return False
        if written < len(frame):
            self._turn.acquire()
            gevent.spawn(self._finish, frame[written:])
        return True

    def break_off(self) -> None:
        """End the connection without a word, also under a greenlet that is writing to it."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _finish(self, rest: bytes) -> None:
        try:
            self._socket.sendall(rest)
        except OSError:
            # Half a frame is on its way: nothing that is sent after it could be understood.
            self.break_off()
        finally:
            self._turn.release()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


class WireServer(Server):
    """A websocket that is read by whoever waits for a message, not by a greenlet of its own.

    What nearly all messages are, one short masked text frame, is read here; everything else is left to the library, a
    whole frame at a time. One whose other end never stops sending leaves everybody else their turns, and is closed when
    it sends more frames than a browser would.
    """

    def __init__(self, environ: dict[str, Any], **options: Any) -> None:
        super().__init__(environ, thread_class=_NoThread, **options)  # type: ignore[no-untyped-call]  # it ships no types
        self.sock = Wire(self.sock)
        self._unread = b""
        self._since_turn = 0
        self._allowance = TokenBucket(_FRAMES_PER_S, _FRAMES_AT_ONCE, _FRAMES_AT_ONCE, time.monotonic())
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
                self._take(self._unread + data if self._unread else data)
        except Exception:  # noqa: BLE001 - whatever a peer sent that is no websocket ends it
            self.input_buffer.clear()
        if self.input_buffer:
            return self.input_buffer.pop(0)
        self.connected = False
        self.sock.close()
        raise ConnectionClosed(self.close_reason, self.close_message)  # type: ignore[no-untyped-call]  # as above

    def _read(self) -> bytes:
        if self._since_turn >= _BETWEEN_TURNS_BYTES:
            # What is there already is read without waiting, so that nobody else would run as long as more comes.
            self._since_turn = 0
            gevent.sleep(0)
        data: bytes = self.sock.recv(_READ_BYTES)
        self._since_turn += len(data) + _EACH_READ_BYTES
        return data

    def _take(self, data: bytes) -> None:
        at = 0
        while self.connected and (end := _end_of_frame(data, at)) is not None:
            if end - at > LONGEST_MESSAGE_BYTES + _LONGEST_HEAD:
                self.close(CloseReason.MESSAGE_TOO_BIG, "message is too big")  # type: ignore[no-untyped-call]  # as above
                return
            if end > len(data):
                break
            if not self._allowance.take():
                self.close(CloseReason.POLICY_VIOLATION, "too many messages")  # type: ignore[no-untyped-call]  # as above
                return
            is_short_text = data[at] == _FINAL_TEXT and _MASKED <= data[at + 1] < _MASKED | _SHORT
            if is_short_text and self.incoming_message is None:
                self.input_buffer.append(_unmasked(data[at + 2 : at + _HEAD], data[at + _HEAD : end]).decode())
            else:
                self.ws.receive_data(data[at:end])
                self.connected = self._handle_events()  # type: ignore[no-untyped-call]  # as above
            at = end
        self._unread = data[at:]


def _end_of_frame(data: bytes, at: int) -> int | None:
    """Return where the masked frame that starts at `at` ends, which may be later than `data` does (RFC 6455).

    `None` while its head is not all there.
    """
    if len(data) < at + 2:
        return None
    length, start = data[at + 1] & _LENGTH, at + 2
    more = {_SHORT: 2, _LONG: 8}.get(length, 0)
    if more:
        if len(data) < start + more:
            return None
        length, start = int.from_bytes(data[start : start + more]), start + more
    return start + (_MASK if data[at + 1] & _MASKED else 0) + length


def _unmasked(mask: bytes, payload: bytes) -> bytes:
    length = len(payload)
    key = (mask * (length // _MASK + 1))[:length]
    return (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(length)


class _NoThread:
    """Stands in for the thread that simple-websocket would start."""

    name = ""

    def __init__(self, target: Callable[[], None]) -> None:
        """Take what is not going to be run."""

    def start(self) -> None:
        """Do nothing."""


def text_frame(text: str) -> bytes:
    """Return one whole text frame of a websocket server (RFC 6455)."""
    payload = text.encode()
    length = len(payload)
    if length < _SHORT:
        return bytes((_FINAL_TEXT, length)) + payload
    if length <= _LONGEST_SHORT:
        return bytes((_FINAL_TEXT, _SHORT)) + length.to_bytes(2) + payload
    return bytes((_FINAL_TEXT, _LONG)) + length.to_bytes(8) + payload
