"""The connections of one worker: how many it holds, and what becomes of one more."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import resource
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
from gevent import pywsgi
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prometheus_client import Metric

    from webapp.timed_http import TimedHandler

_log = logging.getLogger(__name__)
_FEW_FILES = 4096
_MOST = 50_000
_LARGEST_RESERVE = 256
_SMALLEST_RESERVE = 16
_OF_A_START = 40
_OUT_OF_FILES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_ACCEPT_AGAIN_S = 0.2
_SAY_AGAIN_S = 60.0
_LEFT_ALONE_S = 1.0
_REFUSALS_AT_ONCE = 64
_OF_CONNECTIONS = 16
"""Of so many connections, one file more may be used to answer those there is no room for."""
_REFUSAL_S = 1.0
_CHUNK = 4096
_ROOM_AGAIN = 0.9
_FULL = b"The feed is full right now. Try again in a few seconds.\n"
_REFUSAL = b"".join(
    (
        b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nCache-Control: no-store\r\n",
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n" % len(_FULL),
        _FULL,
    )
)


def allow_many_connections(wanted: int | None) -> int:
    """Take as many open files as the system allows, and return how many connections may be held.

    Each is one of them. Some stay reserved for the control channel, the provider, and whatever else has to go on when
    browsers have taken the rest. `wanted` is what the settings say.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS has a limit below the one that it names
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    room = _room(soft)
    if soft != resource.RLIM_INFINITY and soft < _FEW_FILES:
        _log.warning("at most %d open files (ulimit -n): no more than %d connections", soft, room)
    if wanted is not None and wanted > room:
        _log.warning("OPSCTL_MAX_CONNECTIONS is %d, and the open files allow %d (ulimit -n)", wanted, room)
    return min(room, wanted or _MOST)


def _room(files: int) -> int:
    if files == resource.RLIM_INFINITY:
        return _MOST
    reserve = max(_SMALLEST_RESERVE, min(_LARGEST_RESERVE, files // 4))
    return max(1, files - _open_files() - reserve)


def _open_files() -> int:
    try:
        return sum(1 for _ in Path("/dev/fd").iterdir())
    except OSError:
        return _OF_A_START


class PatientServer(pywsgi.WSGIServer):
    """Waits a moment when there is no file left for another connection, and says so: those there are live on."""

    _say_again_at = 0.0

    def do_read(self) -> Any:
        """Accept one connection; nothing when there is none, or no file for it (gevent)."""
        try:
            return super().do_read()
        except OSError as error:
            if error.errno not in _OUT_OF_FILES:
                raise
            self._pause(error)
            return None

    def _pause(self, error: OSError) -> None:
        now = time.monotonic()
        if now >= self._say_again_at:
            self._say_again_at = now + _SAY_AGAIN_S
            _log.error("no more connections for now: %s; raise the limit (ulimit -n)", error.strerror)
        self.stop_accepting()
        # Where gevent keeps the timer of its own pauses: it is stopped with the server.
        self._timer: Any = self.loop.timer(_ACCEPT_AGAIN_S)
        self._timer.start(self.start_accepting)


class FeedServer(PatientServer):
    """Holds `most` connections. When they are all taken, the one that has said nothing for longest makes room.

    Where all of them are busy, one more is answered 503 at once.

    Attributes:
        open: Connections held now.
        turned_away: Connections that were answered 503, since the start.
        answering: Requests being answered now; a websocket is none.
    """

    def __init__(self, listener: Any, app: Any, *, most: int, handler_class: type[TimedHandler]) -> None:
        self.most = most
        self.open = 0
        self.turned_away = 0
        self.answering = 0
        self._silent: dict[TimedHandler, float] = {}
        self._refusals = 0
        self._refusals_at_once = max(1, min(_REFUSALS_AT_ONCE, most // _OF_CONNECTIONS))
        self._is_full = False
        super().__init__(
            listener, app, handler_class=handler_class, log=None, error_log=logging.getLogger("webapp.http")
        )

    def waits(self, handler: TimedHandler) -> None:
        """Note that a connection waits for its next request, and may be ended for another one."""
        self._silent[handler] = time.monotonic()

    def goes_on(self, handler: TimedHandler) -> None:
        """Note that it has its request, or is at its end."""
        self._silent.pop(handler, None)

    def do_handle(self, *accepted: Any) -> None:
        """Serve a connection, if there is room for it (gevent)."""
        if self.open >= self.most and not self._end_a_silent_one():
            self._turn_away(accepted[0])
            return
        self.open += 1
        super().do_handle(*accepted)

    def keep(self) -> Callable[[], None]:
        """Hold a connection that a websocket takes over; what this returns is to be called when it ends."""
        self.open += 1
        return self._let_go

    def do_close(self, sock: Any, *more: Any) -> None:
        """Close a connection that was served (gevent)."""
        self._let_go()
        super().do_close(sock, *more)

    def _let_go(self) -> None:
        self.open -= 1
        if self._is_full and self.open < self.most * _ROOM_AGAIN:
            self._is_full = False
            _log.info("there is room for connections again; %d were turned away so far", self.turned_away)

    def _end_a_silent_one(self) -> bool:
        handler = next(iter(self._silent), None)
        if handler is None or time.monotonic() - self._silent[handler] < _LEFT_ALONE_S:
            return False
        del self._silent[handler]
        with contextlib.suppress(OSError):
            handler.socket.shutdown(socket.SHUT_RDWR)
        return True

    def _turn_away(self, sock: Any) -> None:
        self.turned_away += 1
        if not self._is_full:
            self._is_full = True
            _log.warning(
                "full: %d connections; more are answered 503 (OPSCTL_MAX_CONNECTIONS, ulimit -n, or more workers)",
                self.open,
            )
        with contextlib.suppress(OSError):
            os.write(sock.fileno(), _REFUSAL)
            sock.shutdown(socket.SHUT_WR)
        if self._refusals >= self._refusals_at_once:
            sock.close()
            return
        self._refusals += 1
        gevent.spawn(self._end, sock)

    def _end(self, sock: Any) -> None:
        """Read what the other end sends before its connection is closed: closing at once could take the answer away."""
        try:
            with contextlib.suppress(OSError), gevent.Timeout(_REFUSAL_S, TimeoutError):
                while sock.recv(_CHUNK):
                    pass
        finally:
            self._refusals -= 1
            sock.close()


class ConnectionReadings(Collector):
    """Reads the connections of one server when its metrics are asked for."""

    def __init__(self, server: FeedServer) -> None:
        self._server = server

    def collect(self) -> Iterable[Metric]:
        """Yield the readings (prometheus-client)."""
        yield GaugeMetricFamily("feed_connections", "Connections held", value=self._server.open)
        yield GaugeMetricFamily("feed_connections_most", "Connections held at most", value=self._server.most)
        yield CounterMetricFamily(
            "feed_connections_turned_away", "Connections answered 503, for want of room", value=self._server.turned_away
        )
