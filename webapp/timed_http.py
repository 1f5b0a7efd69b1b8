"""Serving HTTP connections with gevent without waiting for ever for those on the other side."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import gevent
from gevent import pywsgi

if TYPE_CHECKING:
    from collections.abc import Callable


class TimedHandler(pywsgi.WSGIHandler):
    """Serves one connection, but does not wait for ever: not for a request, nor for its headers, nor for its body."""

    idle_s = 75.0
    """How long a connection may be silent."""
    headers_s = 15.0
    body_s = 15.0

    def handle(self) -> None:
        """Serve the connection (gevent)."""
        self.socket.settimeout(self.idle_s)
        super().handle()

    def read_requestline(self) -> Any:
        """Return the first line of the next request; nothing when it does not come in time (gevent)."""
        try:
            with gevent.Timeout(self.idle_s):
                return super().read_requestline()
        except gevent.Timeout:
            return ""

    def read_request(self, raw_requestline: str) -> Any:
        """Read the headers; a client that takes too long for them is refused (gevent)."""
        try:
            with gevent.Timeout(self.headers_s):
                return super().read_request(raw_requestline)
        except gevent.Timeout:
            return False

    def get_environ(self) -> Any:
        """Return the WSGI environment, with a body that has to come in time as a whole (gevent)."""
        environ = super().get_environ()
        body: Any = self.wsgi_input
        body.rfile = _TimedBody(body.rfile, self)
        return environ

    def log_error(self, msg: Any, *args: Any) -> None:
        """Keep what a client sent out of the log (gevent): what it is told says enough."""


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
