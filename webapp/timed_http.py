"""Serving HTTP connections with gevent without waiting for ever for those on the other side."""

from __future__ import annotations

import http.client
import time
from typing import TYPE_CHECKING, Any

import gevent
from gevent import pywsgi

if TYPE_CHECKING:
    from collections.abc import Callable


_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 40\r\n\r\nThe headers of this request are too big.\n"
)


class TimedHandler(pywsgi.WSGIHandler):
    """Serves one connection, but does not wait for ever: not for a request, nor for its headers, nor for its body."""

    idle_s = 75.0
    """How long a connection may be silent between two requests."""
    headers_s = 15.0
    """How long the first line and the headers of a request may take, the first one's from the acceptance on."""
    headers_bytes = 32 * 1024
    body_s = 15.0

    def handle(self) -> None:
        """Serve the connection (gevent)."""
        self.socket.settimeout(self.headers_s)
        super().handle()

    def read_requestline(self) -> Any:
        """Return the first line of the next request; nothing when it does not come in time (gevent)."""
        reader: Any = self.rfile
        reader.peek(1)
        self.socket.settimeout(self.idle_s)
        self._headers_end_at = time.monotonic() + self.headers_s
        try:
            with gevent.Timeout(self.headers_s):
                return super().read_requestline()
        except gevent.Timeout:
            return ""

    def read_request(self, raw_requestline: str) -> Any:
        """Read the headers; a client that takes too long for them is refused (gevent)."""
        try:
            with gevent.Timeout(max(0.001, self._headers_end_at - time.monotonic())):
                return super().read_request(raw_requestline)
        except gevent.Timeout:
            return False

    def MessageClass(self, *args: Any) -> Any:  # noqa: N802 - gevent's
        """Read the headers, but not without end (gevent)."""
        bounded: Any = _Bounded(args[0], self.headers_bytes)
        return super().MessageClass(bounded, *args[1:])

    def get_environ(self) -> Any:
        """Return the WSGI environment, with a body that has to come in time as a whole (gevent)."""
        environ = super().get_environ()
        body: Any = self.wsgi_input
        body.rfile = _TimedBody(body.rfile, self)
        return environ

    def _handle_client_error(self, ex: Exception) -> Any:
        """Answer a request that cannot be read; a client that is gone gets no answer, and no line in the log."""
        if isinstance(ex, OSError):
            self.close_connection = True
            return None
        if isinstance(ex, (_TooLargeError, http.client.HTTPException)):
            return "431", _TOO_LARGE
        return super()._handle_client_error(ex)  # type: ignore[misc]  # a documented hook that the stubs leave out

    def log_request(self) -> None:
        """Write no line for each request, and do not make one up to be thrown away either (gevent)."""

    def log_error(self, msg: Any, *args: Any) -> None:
        """Keep what a client sent out of the log (gevent): what it is told says enough."""


class _TooLargeError(Exception):
    """The headers of a request are larger than any browser's."""


class _Bounded:
    """What headers are read from: only so much of it."""

    def __init__(self, rfile: Any, most: int) -> None:
        self._rfile = rfile
        self._left = most

    def readline(self, length: int) -> Any:
        line = self._rfile.readline(min(length, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise _TooLargeError
        return line


class _TimedBody:
    """A request's body; a client that takes too long for it is cut off."""

    def __init__(self, rfile: Any, handler: TimedHandler) -> None:
        self._rfile = rfile
        self._handler = handler
        self._ends_at = time.monotonic() + handler.body_s

    def read(self, *length: int) -> Any:
        return self._in_time(self._rfile.read, *length)

    def readline(self, *length: int) -> Any:
        return self._in_time(self._rfile.readline, *length)

    def _in_time(self, read: Callable[..., Any], *length: int) -> Any:
        late = TimeoutError("the body of a request took too long")
        try:
            with gevent.Timeout(max(0.001, self._ends_at - time.monotonic()), late):
                return read(*length)
        except TimeoutError:
            self._handler.close_connection = True
            raise
