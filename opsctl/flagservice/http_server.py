"""The HTTP server: gevent's, without monkey-patching, with patience that ends and a way to finish what was begun."""

from __future__ import annotations

import contextlib
import logging
import socket
from typing import TYPE_CHECKING, Any

import gevent
import gevent.socket
from gevent.event import Event
from gevent.pywsgi import WSGIHandler, WSGIServer

if TYPE_CHECKING:
    from collections.abc import Callable

_LOG = logging.getLogger(__name__)
_PATIENCE_S = 60.0
_HEADERS_LIMIT_S = 10.0
ABORT = "opsctl.abort"
"""Where a request's environment has what breaks its connection off, in the middle of an answer or before it."""


class _Handler(WSGIHandler):
    """One connection; it lets the server know while a request of it is being answered."""

    server: HttpServer

    def read_request(self, raw_requestline: str) -> Any:
        """Read the headers of a request; a client that does not get to their end in time is sent away."""
        with gevent.Timeout(_HEADERS_LIMIT_S, TimeoutError):
            return super().read_request(raw_requestline)

    def get_environ(self) -> dict[str, Any]:
        """Return what the application is told of a request."""
        environ: dict[str, Any] = super().get_environ()
        environ[ABORT] = self._abort
        return environ

    def handle_error(self, t: Any, v: Any, tb: Any) -> None:
        """End a connection whose client is gone or stopped reading; anything else is a defect, and logged."""
        if issubclass(t, OSError):
            self.close_connection = True
        else:
            super().handle_error(t, v, tb)

    def _handle_client_error(self, ex: Exception) -> object:
        """Answer a request that cannot be read; a client that is gone gets no answer, and no line in the log."""
        if isinstance(ex, OSError) and not self.response_length:
            self.close_connection = True
            return None
        return super()._handle_client_error(ex)  # type: ignore[misc]  # a documented hook that the stubs leave out

    def _abort(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def handle_one_response(self) -> None:
        """Answer one request."""
        with self.server.answering:
            super().handle_one_response()


class _Answering:
    """Counts the requests that are being answered."""

    def __init__(self) -> None:
        self._count = 0
        self.idle = Event()
        self.idle.set()

    def __enter__(self) -> None:
        self._count += 1
        self.idle.clear()

    def __exit__(self, *_: object) -> None:
        self._count -= 1
        if self._count == 0:
            self.idle.set()


class HttpServer(WSGIServer):
    """Serves an application on a listening socket, whose descriptor it takes over. Writes no access log.

    Args:
        listener: The socket.
        application: What answers.
        patience_s: For a client's next request, and for room to write in its window.
    """

    handler_class = _Handler

    def __init__(
        self, listener: socket.socket, application: Callable[..., Any], *, patience_s: float = _PATIENCE_S
    ) -> None:
        served = gevent.socket.socket(fileno=listener.detach())
        super().__init__(served, application, log=None, error_log=_LOG)
        self.answering = _Answering()
        self._patience_s = patience_s

    def handle(self, sock: gevent.socket.socket, address: Any) -> None:
        """Serve one connection."""
        sock.settimeout(self._patience_s)
        super().handle(sock, address)

    def drain(self, timeout_s: float) -> None:
        """Accept no more, let the requests that are being answered finish, and close; idle connections do not count."""
        self.stop_accepting()
        self.answering.idle.wait(timeout_s)
        # One turn, for the last bytes of the last answer.
        gevent.sleep(0)
        self.stop(timeout=0)
