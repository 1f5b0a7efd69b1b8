"""Serving the feed with gevent: listen, serve, drain."""

from __future__ import annotations

import contextlib
import gc
import logging
import time
from typing import TYPE_CHECKING, Any

import gevent

from opsctl.core.addresses import url_at
from opsctl.core.rundir import run_dir
from opsctl.daemon.listener import inherited_listener, open_listener
from opsctl.daemon.stopping import stop_event
from webapp.application import build_feed
from webapp.bus import bus_link
from webapp.connections import ConnectionReadings, FeedServer, allow_many_connections
from webapp.control import ControlApp, control_server
from webapp.control_remote import RemoteControl
from webapp.timed_http import TimedHandler
from webapp.websockets import KEEP, OWN_SOCKET, close_websockets

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from opsctl.settings import Settings
    from webapp.application import FeedApp

_log = logging.getLogger(__name__)
_DRAIN_S = 5.0
_CONTROL_STOP_S = 0.5
_LOOK_AGAIN_S = 0.01
_COLLECT_AFTER = (50_000, 20, 50)


def serve(settings: Settings, environ: Mapping[str, str], *, number: int) -> None:
    """Serve the feed in this process until it is told to stop.

    Raises:
        OpsError: it cannot listen, or another worker of this number runs.
    """
    stopping = stop_event(environ)
    listener = inherited_listener(environ) or open_listener(
        settings.host, settings.port, what="the feed", option="--port"
    )
    instance = f"worker-{number}"
    path = run_dir(settings.data_dir) / f"{instance}.sock"
    remote = RemoteControl.opened(settings, environ, number=number)
    feed = build_feed(settings, instance=instance)
    controls = [control_server(feed, instance, path)]
    if remote is not None:
        controls.append(remote.server(ControlApp(feed, instance), feed.metrics.registry))
    link = bus_link(settings, feed, instance, "" if remote is None else remote.url)
    pages = pages_server(listener, feed)
    feed.metrics.registry.register(ConnectionReadings(pages))
    if link is not None:
        link.start()
    for control in controls:
        control.start()
    settle_memory()
    pages.start()
    _log.info("%s serves the feed at %s", instance, url_at(*pages.socket.getsockname()[:2]))
    if remote is not None:
        _log.info("its control channel is at %s", remote.url)
    try:
        stopping.wait()
        _drain(feed, pages)
    finally:
        if link is not None:
            link.close()
        for control in controls:
            control.stop(timeout=_CONTROL_STOP_S / len(controls))
        path.unlink(missing_ok=True)
        _remove_emptied(path.parent, settings)
        feed.lifecycle.close()
        _log.info("%s stopped", instance)


def pages_server(listener: Any, feed: FeedApp) -> FeedServer:
    """Return the server of a feed's pages and websockets, not started."""
    most = allow_many_connections(feed.settings.max_connections)
    return FeedServer(listener, feed.app, most=most, handler_class=_FeedHandler)


def settle_memory() -> None:
    """Leave what the start made out of garbage collections, and make them rare: each would stop every connection."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def _remove_emptied(directory: Path, settings: Settings) -> None:
    """Remove a directory of sockets that stands outside the data directory, once no socket is left in it."""
    if not directory.is_relative_to(settings.data_dir.absolute()):
        with contextlib.suppress(OSError):
            directory.rmdir()


def _drain(feed: FeedApp, pages: FeedServer) -> None:
    """Take no new connections, let the answers under way leave, close the websockets; at most five seconds."""
    ends_at = time.monotonic() + _DRAIN_S
    _log.info("draining: %d browsers connected", feed.board.connected)
    feed.lifecycle.drain()
    pages.stop_accepting()
    close_websockets(feed.socketio, ends_at - time.monotonic() - _CONTROL_STOP_S)
    while pages.answering and time.monotonic() < ends_at - _CONTROL_STOP_S:
        gevent.sleep(_LOOK_AGAIN_S)
    pages.stop()


class _FeedHandler(TimedHandler):
    """Serves one connection of a browser; those of websockets are watched by their pings."""

    server: FeedServer

    def handle(self) -> None:
        """Serve the connection (gevent)."""
        try:
            super().handle()
        finally:
            self.server.goes_on(self)

    def handle_one_request(self) -> Any:
        """Serve the next request (gevent)."""
        self.server.waits(self)
        return super().handle_one_request()

    def get_environ(self) -> Any:
        """Return the WSGI environment, with the connection itself (gevent)."""
        self.server.goes_on(self)
        environ = super().get_environ()
        environ[OWN_SOCKET] = self.socket
        environ[KEEP] = self.server.keep
        return environ

    def handle_one_response(self) -> None:
        """Answer one request; one that was to become a websocket serves no other (gevent)."""
        if self.environ and self.environ.get("HTTP_UPGRADE", "").lower() == "websocket":
            super().handle_one_response()
            self.close_connection = True
            return
        self.server.answering += 1
        try:
            super().handle_one_response()
        finally:
            self.server.answering -= 1
