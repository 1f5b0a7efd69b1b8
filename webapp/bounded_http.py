"""urllib3 with a timeout that bounds a whole answer: a server that sends a byte now and then cannot stretch it."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any, Literal

import urllib3

if TYPE_CHECKING:
    from socket import socket


class BoundedPoolManager(urllib3.PoolManager):
    """A pool manager whose read timeout is for status line, headers and body together."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


class _BoundedSocket:
    """A socket whose timeout is a deadline for everything that is read after it was set.

    urllib3 sets it when it begins to send, and again, to what is left, when it begins to read the answer.
    """

    def __init__(self, sock: socket) -> None:
        self._socket = sock
        self.settimeout(sock.gettimeout())

    def settimeout(self, timeout_s: float | None) -> None:
        self._socket.settimeout(timeout_s)
        self._ends_at = None if timeout_s is None else time.monotonic() + timeout_s

    def limit_next(self) -> None:
        """Let the next wait last no longer than the deadline."""
        if self._ends_at is not None:
            left_s = self._ends_at - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("the answer takes too long")
            self._socket.settimeout(left_s)

    def makefile(self, mode: Literal["rb"]) -> io.BufferedReader:
        return io.BufferedReader(_BoundedReader(self, self._socket.makefile(mode, buffering=0)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


class _BoundedReader(io.RawIOBase):
    def __init__(self, sock: _BoundedSocket, raw: Any) -> None:
        self._socket = sock
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.limit_next()
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _HTTPConnection(urllib3.connection.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock: Any = _BoundedSocket(self.sock)


class _HTTPSConnection(urllib3.connection.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock: Any = _BoundedSocket(self.sock)


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection
