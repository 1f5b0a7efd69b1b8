"""The socket of one websocket: what is written to it is whole frames, one after the other."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any

import gevent
from gevent.lock import Semaphore
from gevent.ssl import SSLSocket

if TYPE_CHECKING:
    from collections.abc import Callable


class Wire:
    """The socket of one websocket: whoever writes to it writes whole frames, one after the other.

    simple-websocket does not look at how much was written, and answers pings from the greenlet that reads.
    """

    __slots__ = ("_socket", "_turn", "send_at_once")

    def __init__(self, sock: Any) -> None:
        self._socket = sock
        self._turn: Semaphore | None = None
        self.send_at_once: Callable[[bytes], int] | None = self._system_send()
        """Writes what the system takes at once, and says how much; `None` while somebody writes, and under TLS.

        It is found once, as a broadcast asks each browser's for it. Half a frame is to be finished with `finish`.
        """

    @property
    def is_closed(self) -> bool:
        """Whether the connection is no longer held."""
        is_closed: bool = self._socket.fileno() < 0
        return is_closed

    def send(self, data: bytes) -> int:
        """Write all of it, however slowly the other end reads."""
        self._take_turn()
        try:
            self._socket.sendall(data)
        finally:
            self._end_turn()
        return len(data)

    def offer(self, frame: bytes) -> bool:
        """Write a whole frame if that can be begun at once, and return whether it was.

        What the system did not take is written by a greenlet of its own; whoever writes next waits for it. Under TLS
        none can.

        Raises:
            OSError: the connection is broken.
        """
        if self.send_at_once is None:
            return False
        try:
            written = self.send_at_once(frame)
        except BlockingIOError:
            return False
        if written < len(frame):
            self.finish(frame[written:])
        return True

    def finish(self, rest: bytes) -> None:
        """Have a greenlet write what the system did not take; whoever writes next waits for it."""
        self._take_turn()
        gevent.spawn(self._finish, rest)

    def write(self, data: bytes) -> None:
        """Write all of it, at once if that is possible.

        Raises:
            OSError: the connection is broken.
        """
        if not self.offer(data):
            self.send(data)

    def break_off(self) -> None:
        """End the connection without a word, also under a greenlet that is writing to it."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _system_send(self) -> Callable[[bytes], int] | None:
        """Return it from the system's socket, on which gevent's is built: that one never waits.

        It knows when it is closed, where the number of a file could be somebody else's by then.
        """
        if isinstance(self._socket, SSLSocket):
            return None
        send: Callable[[bytes], int] = getattr(self._socket, "_sock", self._socket).send
        return send

    def _take_turn(self) -> None:
        if self._turn is None:
            self._turn = Semaphore(1)  # hardly any connection ever needs it
        self._turn.acquire()
        self.send_at_once = None

    def _end_turn(self) -> None:
        if self._turn is not None:
            self._turn.release()
        self.send_at_once = self._system_send()

    def _finish(self, rest: bytes) -> None:
        try:
            self._socket.sendall(rest)
        except OSError:
            # Half a frame is on its way: nothing that is sent after it could be understood.
            self.break_off()
        finally:
            self._end_turn()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)
