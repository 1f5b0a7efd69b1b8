"""The socket of one websocket: what is written to it is whole frames, one after the other."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Any

import gevent
from gevent.lock import Semaphore
from gevent.ssl import SSLSocket


class Wire:
    """The socket of one websocket: whoever writes to it writes whole frames, one after the other.

    simple-websocket does not look at how much was written, and answers pings from the greenlet that reads.
    """

    __slots__ = ("_is_encrypted", "_socket", "_turn")

    def __init__(self, sock: Any) -> None:
        self._socket = sock
        self._is_encrypted = isinstance(sock, SSLSocket)
        self._turn: Semaphore | None = None

    @property
    def is_closed(self) -> bool:
        """Whether the connection is no longer held."""
        is_closed: bool = self._socket.fileno() < 0
        return is_closed

    def send(self, data: bytes) -> int:
        """Write all of it, however slowly the other end reads."""
        with self._turns():
            self._socket.sendall(data)
        return len(data)

    def offer(self, frame: bytes) -> bool:
        """Write a whole frame if that can be begun at once, and return whether it was.

        What the system did not take is written by a greenlet of its own; whoever writes next waits for it. Under TLS
        none can.

        Raises:
            OSError: the connection is broken.
        """
        if self._is_encrypted or (self._turn is not None and self._turn.locked()):
            return False
        try:
            written = os.write(self._socket.fileno(), frame)
        except BlockingIOError:
            return False
        if written < len(frame):
            self._turns().acquire()
            gevent.spawn(self._finish, frame[written:])
        return True

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

    def _turns(self) -> Semaphore:
        """Return what those who write take turns by; hardly any connection ever needs it."""
        if self._turn is None:
            self._turn = Semaphore(1)
        return self._turn

    def _finish(self, rest: bytes) -> None:
        try:
            self._socket.sendall(rest)
        except OSError:
            # Half a frame is on its way: nothing that is sent after it could be understood.
            self.break_off()
        finally:
            self._turns().release()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)
