"""Serving HTTP connections with gevent without waiting for ever for those on the other side."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import gevent
from gevent import pywsgi

from webapp.answer_head import answer_head
from webapp.request_head import END, LONGEST_LINE, MOST_HEADERS, RefusedHeadError, RequestHead, parse_head

if TYPE_CHECKING:
    from collections.abc import Callable

_EMPTY_LINES = frozenset({b"\r\n", b"\n"})
_WITHOUT_BODY = frozenset({204, 304})
_SENT_AS_ONE_BYTES = 128 * 1024


class TimedHandler(pywsgi.WSGIHandler):
    """Serves one connection, but does not wait for ever: not for a request, nor for its headers, nor for its body.

    It reads what requests say with llhttp, and sends an answer's head and what is there of its body as one.
    """

    idle_s = 75.0
    """How long a connection may be silent between two requests."""
    headers_s = 15.0
    """How long the first line and the headers of a request may take, the first one's from the acceptance on."""
    headers_bytes = 32 * 1024
    body_s = 15.0

    # What the stubs of gevent have as text, or not at all.
    client_address: Any
    status: Any
    response_headers: Any
    rfile: Any

    _head: RequestHead
    _lines = b""
    _has_asked = False

    def handle(self) -> None:
        """Serve the connection (gevent)."""
        self.socket.settimeout(self.headers_s)
        super().handle()

    def handle_one_request(self) -> Any:
        """Serve the next request: true, when there may be another one; what refuses it; or nothing (gevent)."""
        try:
            head = self._read_head()
            if not head:
                return None
            self._head = parse_head(head)
        except RefusedHeadError as refused:
            return refused.status, refused.answer
        except OSError:
            return None
        self.command = self._head.method
        self.request_version = self._head.version
        self.close_connection = not self._head.keeps_alive
        self.environ = self.get_environ()
        self.application = self.server.application
        self.handle_one_response()
        return None if self.close_connection or self.rfile.closed else True

    def get_environ(self) -> Any:
        """Return the WSGI environment, with a body that has to come in time as a whole (gevent)."""
        head = self._head
        environ: dict[str, Any] = self.server.get_environ()
        head.add_to(environ)
        if isinstance(self.client_address, tuple):
            environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = str(self.client_address[0]), str(self.client_address[1])
        has_body = head.is_chunked or bool(head.content_length)
        waits = self.socket if environ.get("HTTP_EXPECT", "").lower() == "100-continue" else None
        reader: Any = _TimedBody(self.rfile, self) if has_body else self.rfile
        self.wsgi_input = pywsgi.Input(reader, head.content_length, socket=waits, chunked_input=head.is_chunked)
        # A websocket goes on where the request ends.
        goes_on = not has_body and environ.get("HTTP_UPGRADE", "").lower() == "websocket"
        environ["wsgi.input"] = self.rfile if goes_on else self.wsgi_input
        environ["wsgi.input_terminated"] = not goes_on
        return environ

    def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Any:
        """Take the head of the answer from the application (gevent, WSGI)."""
        try:
            if exc_info and self.headers_sent:
                raise exc_info[1].with_traceback(exc_info[2])
        finally:
            exc_info = None
        head = answer_head(status, tuple(headers))
        if head.code in _WITHOUT_BODY and head.length not in {None, "0"}:
            raise self.ApplicationError(f"an answer with the status {status} has no length")
        self.code, self.status, self._lines = head.code, head.status, head.lines
        self.provided_content_length, self.provided_date = head.length, head.date
        self.response_headers = []  # those that are added to the application's
        if head.connection == "close":
            self.close_connection = True
        elif head.connection is None and self.request_version == "HTTP/1.0":
            self.response_headers.append((b"Connection", b"close" if self.close_connection else b"keep-alive"))
        return self.write

    def finalize_headers(self) -> None:
        """Complete the headers of the answer (gevent)."""
        if self.provided_date is None:
            self.provided_date = "now"
            self.response_headers.append((b"Date", _now.text()))
        super().finalize_headers()

    def write(self, data: bytes) -> None:
        """Send a piece of the answer, the first one with the head (gevent, WSGI)."""
        if self.headers_sent:
            super().write(data)
            return
        if not self.status:
            raise self.ApplicationError("the application did not call start_response()")
        if data and self.code in _WITHOUT_BODY:
            raise self.ApplicationError(f"an answer with the status {self.code} has no body")
        self.headers_sent = True
        self.finalize_headers()
        added = b"".join([b"%b: %b\r\n" % header for header in self.response_headers])
        head = b"HTTP/1.1 %b\r\n%b%b\r\n" % (self.status, self._lines, added)
        if self.response_use_chunked or len(data) > _SENT_AS_ONE_BYTES:
            self._send(head)
            super().write(data)
        else:
            self._send(head + data)

    def log_request(self) -> None:
        """Write no line for each request, and do not make one up to be thrown away either (gevent)."""

    def log_error(self, msg: Any, *args: Any) -> None:
        """Keep what a client sent out of the log (gevent): what it is told says enough."""

    def _read_head(self) -> bytes:
        """Return the head of the next request; nothing when the other side is gone.

        Raises:
            RefusedHeadError: it is too large, or takes too long.
            TimeoutError: the connection is silent for too long.
        """
        reader = self.rfile
        there = reader.peek(1)
        if not self._has_asked:
            self._has_asked = True
            self.socket.settimeout(self.idle_s)
        end = there.find(END)
        if 0 <= end < LONGEST_LINE:
            whole: bytes = reader.read(end + len(END))
            return whole
        with gevent.Timeout(self.headers_s, RefusedHeadError("408 Request Timeout")):
            return self._read_lines(reader)

    def _read_lines(self, reader: Any) -> bytes:
        line = reader.readline(LONGEST_LINE)
        if len(line) >= LONGEST_LINE:
            raise RefusedHeadError("414 URI Too Long")
        lines, left = [line], self.headers_bytes
        while line not in _EMPTY_LINES:
            if not line.endswith(b"\n"):
                return b""
            line = reader.readline(left + 1)
            left -= len(line)
            if left < 0 or len(lines) > MOST_HEADERS + 1:
                raise RefusedHeadError("431 Request Header Fields Too Large")
            lines.append(line)
        return b"".join(lines)

    def _send(self, data: bytes) -> None:
        sent = self.socket.send(data)
        if sent < len(data):
            self.socket.sendall(memoryview(data)[sent:])
        self.response_length += len(data)


class _Now:
    """The time as HTTP writes it, made once a second."""

    def __init__(self) -> None:
        self._at_s, self._text = 0, b""

    def text(self) -> bytes:
        at_s = int(time.time())
        if at_s != self._at_s:
            self._at_s, self._text = at_s, formatdate(at_s, usegmt=True).encode("ascii")
        return self._text


_now = _Now()


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
