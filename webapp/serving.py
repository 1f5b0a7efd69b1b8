"""Serving the feed with gevent: listen, serve, drain."""

from __future__ import annotations

import contextlib
import logging
import resource
import time
from typing import TYPE_CHECKING, Any

import gevent
from gevent import pywsgi

from opsctl.core.addresses import url_at
from opsctl.core.rundir import run_dir
from opsctl.daemon.listener import inherited_listener, open_listener
from opsctl.daemon.stopping import stop_event
from webapp.application import build_feed
from webapp.control import control_server
from webapp.websockets import OWN_SOCKET

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from opsctl.settings import Settings
    from webapp.application import FeedApp

_log = logging.getLogger(__name__)
_DRAIN_S = 5.0
_CONTROL_STOP_S = 0.5
_FEW_FILES = 4096
_IDLE_S = 75.0
"""How long a connection may be silent; those of websockets are watched by their pings."""
_HEADERS_S = 15.0
_BODY_S = 15.0


def serve(settings: Settings, environ: Mapping[str, str], *, number: int) -> None:
    """Serve the feed in this process until it is told to stop.

    Raises:
        OpsError: it cannot listen, or another worker of this number runs.
    """
    stopping = stop_event(environ)
    _allow_many_connections()
    listener = inherited_listener(environ) or open_listener(
        settings.host, settings.port, what="the feed", option="--port"
    )
    instance = f"worker-{number}"
    path = run_dir(settings.data_dir) / f"{instance}.sock"
    feed = build_feed(settings, instance=instance)
    control = control_server(feed, instance, path)
    pages = pywsgi.WSGIServer(
        listener, feed.app, handler_class=_FeedHandler, log=None, error_log=logging.getLogger("webapp.http")
    )
    control.start()
    pages.start()
    _log.info("%s serves the feed at %s", instance, url_at(*pages.socket.getsockname()[:2]))
    try:
        stopping.wait()
        _drain(feed, pages)
    finally:
        control.stop(timeout=_CONTROL_STOP_S)
        path.unlink(missing_ok=True)
        _remove_emptied(path.parent, settings)
        feed.lifecycle.close()
        _log.info("%s stopped", instance)


def _allow_many_connections() -> None:
    """Take as many open files as the system allows: every connected browser is one of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < _FEW_FILES:
        _log.warning("at most %d open files (ulimit -n): fewer browsers can connect", hard)
    elif soft < _FEW_FILES:
        _log.debug("raised the limit of open files from %d to %d", soft, hard)


def _remove_emptied(directory: Path, settings: Settings) -> None:
    """Remove a directory of sockets that stands outside the data directory, once no socket is left in it."""
    if not directory.is_relative_to(settings.data_dir.absolute()):
        with contextlib.suppress(OSError):
            directory.rmdir()


def _drain(feed: FeedApp, pages: pywsgi.WSGIServer) -> None:
    """Take no new connections, let the answers under way leave, close the websockets; at most five seconds."""
    ends_at = time.monotonic() + _DRAIN_S
    _log.info("draining: %d browsers connected", feed.board.connected)
    feed.lifecycle.drain()
    pages.stop_accepting()
    server: Any = feed.socketio.server
    engine = server.eio
    for sid in list(engine.sockets):
        gevent.spawn(engine.disconnect, sid)
    pages.stop(timeout=max(0.0, ends_at - time.monotonic() - _CONTROL_STOP_S))


class _FeedHandler(pywsgi.WSGIHandler):
    """Serves one connection, but does not wait for ever: not for a request, nor for its headers, nor for its body."""

    def handle(self) -> None:
        """Serve the connection (gevent)."""
        self.socket.settimeout(_IDLE_S)
        super().handle()

    def read_requestline(self) -> Any:
        """Return the first line of the next request; nothing when it does not come in time (gevent)."""
        try:
            with gevent.Timeout(_IDLE_S):
                return super().read_requestline()
        except gevent.Timeout:
            return ""

    def read_request(self, raw_requestline: str) -> Any:
        """Read the headers; a client that takes too long for them is refused (gevent)."""
        try:
            with gevent.Timeout(_HEADERS_S):
                return super().read_request(raw_requestline)
        except gevent.Timeout:
            return False

    def get_environ(self) -> Any:
        """Return the WSGI environment, with a body that has to come in time as a whole (gevent)."""
        environ = super().get_environ()
        environ[OWN_SOCKET] = self.socket
        body: Any = self.wsgi_input
        body.rfile = _TimedBody(body.rfile, self)
        return environ

    def handle_one_response(self) -> None:
        """Answer one request, and close the connection of a websocket that has ended (gevent)."""
        super().handle_one_response()
        if self.environ and self.environ.get("HTTP_UPGRADE"):
            self.close_connection = True

    def log_error(self, msg: Any, *args: Any) -> None:
        """Keep what a client sent out of the log (gevent): what it is told says enough."""


class _TimedBody:
    """A request's body; a client that takes too long for it is cut off."""

    def __init__(self, rfile: Any, handler: _FeedHandler) -> None:
        self._rfile = rfile
        self._handler = handler
        self._ends_at = time.monotonic() + _BODY_S

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
