"""Visitors of pages over HTTP/1.1: a fixed number of connections, each asking again as soon as it was answered.

A connection is kept for as long as the server keeps it, and else made anew.

Raw sockets and epoll, so that the load costs little beside what it measures. It reads answers with a Content-Length
or in chunks, and nothing else of them but their status.
"""

from __future__ import annotations

import re
import select
import socket
import time
from dataclasses import dataclass, field

from opsctl.core.latency import Histogram

_READ_BYTES = 256 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_LAST_CHUNK = b"0\r\n\r\n"
_SERVER_ERRORS = range(500, 600)


@dataclass(slots=True)
class PageLoad:
    """What came of a load.

    Attributes:
        answers: Whole answers, by status.
        lost: Connections that broke, or answers that could not be read.
        seconds: How long it went on.
        latency: From each request to the end of its answer.
    """

    answers: dict[int, int] = field(default_factory=dict)
    lost: int = 0
    seconds: float = 0.0
    latency: Histogram = field(default_factory=Histogram)

    @property
    def total(self) -> int:
        """How many answers there were."""
        return sum(self.answers.values())

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return self.total / self.seconds if self.seconds else 0.0

    @property
    def errors(self) -> int:
        """Answers that were a 5xx."""
        return sum(count for status, count in self.answers.items() if status in _SERVER_ERRORS)


def load_pages(host: str, port: int, request: bytes, *, connections: int, seconds: float) -> PageLoad:
    """Ask for a page on that many connections for that long.

    Args:
        host: Address of the server.
        port: Its port.
        request: A whole HTTP/1.1 request without a body.
        connections: Kept open, each with one request at a time.
        seconds: How long; answers that are under way at the end do not count.

    Raises:
        OSError: the first connection cannot be made.
    """
    result = PageLoad()
    room = memoryview(bytearray(_READ_BYTES))
    with select.epoll() as epoll:
        open_ones = {}
        for _ in range(connections):
            one = _Connection(host, port, request)
            open_ones[one.sock.fileno()] = one
            epoll.register(one.sock.fileno(), select.EPOLLIN)
        began_s = time.perf_counter()
        ends_s = began_s + seconds
        while (now_s := time.perf_counter()) < ends_s:
            for fd, _ in epoll.poll(ends_s - now_s):
                one = open_ones[fd]
                if one.read(result, room):
                    continue
                epoll.unregister(fd)
                del open_ones[fd]
                one.sock.close()
                again = _Connection(host, port, request)
                open_ones[again.sock.fileno()] = again
                epoll.register(again.sock.fileno(), select.EPOLLIN)
        result.seconds = time.perf_counter() - began_s
        for one in open_ones.values():
            one.sock.close()
    return result


class _Connection:
    """One kept connection with a request under way."""

    __slots__ = ("_asked_s", "_buffer", "_request", "sock")

    def __init__(self, host: str, port: int, request: bytes) -> None:
        self.sock = socket.create_connection((host, port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = request
        self._buffer = b""
        self._ask()

    def read(self, result: PageLoad, room: memoryview) -> bool:
        """Take in what came, and ask again after a whole answer; return false when a new connection is needed.

        Args:
            result: What an answer is added to.
            room: What came is read into this, which costs less than room of its own each time.
        """
        try:
            count = self.sock.recv_into(room)
            self._buffer += room[:count]
            status = _whole_answer(self._buffer)
            if status is None and count:
                return True
            if status is None:
                result.lost += 1
                return False
            result.answers[status] = result.answers.get(status, 0) + 1
            result.latency.add((time.perf_counter() - self._asked_s) * 1000)
            if _CLOSES.search(self._buffer.partition(b"\r\n\r\n")[0]):
                return False
            self._buffer = b""
            self._ask()
        except (OSError, ValueError):
            result.lost += 1
            return False
        return True

    def _ask(self) -> None:
        self._asked_s = time.perf_counter()
        self.sock.sendall(self._request)


def _whole_answer(data: bytes) -> int | None:
    """Return the status of the answer if it is all there.

    Raises:
        ValueError: it is none that can be read, or more than one.
    """
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return None
    status = _STATUS.match(head)
    if status is None:
        raise ValueError("no HTTP answer")
    length = _LENGTH.search(head)
    if length is None:
        if not _CHUNKED.search(head):
            raise ValueError("an answer of unknown length")
        return int(status[1]) if body.endswith(_LAST_CHUNK) else None
    if len(body) > int(length[1]):
        raise ValueError("more than was asked for")
    return int(status[1]) if len(body) == int(length[1]) else None
