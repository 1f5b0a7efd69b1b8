"""The stand-in's process: listen, say that it is ready, serve, and stop when asked or orphaned."""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import gevent
import gevent.event
import gevent.os
import gevent.socket
from gevent.pywsgi import WSGIServer

from opsctl.avatarservice.app import AvatarApp
from opsctl.avatarservice.provider import Provider
from opsctl.core.errors import ErrorCode, OpsError

if TYPE_CHECKING:
    from pathlib import Path

_LOG = logging.getLogger(__name__)
_HOST = "127.0.0.1"
_BACKLOG = 512
_DRAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Options:
    """How to run the stand-in.

    Attributes:
        port: Port on loopback; 0 is any free one.
        ready_file: Where `{"url", "pid"}` is written once it answers; removed at the end.
        supervisor_fd: Read end of a pipe whose end of file means that the parent is gone.
    """

    port: int = 0
    ready_file: Path | None = None
    supervisor_fd: int | None = None


def run(options: Options) -> None:
    """Serve until SIGTERM, SIGINT, or the end of the supervisor's pipe. Call it from the main thread.

    Searches that still wait are answered at once when it stops.

    Raises:
        OpsError: `port_in_use`, when the port is taken; `failed`, when it cannot be had otherwise.
    """
    listener = _listen(options.port)
    url = f"http://{_HOST}:{listener.getsockname()[1]}"
    stopping = gevent.event.Event()
    provider = Provider(wait=lambda seconds: _wait(stopping, seconds), now=time.monotonic)
    server = WSGIServer(listener, AvatarApp(provider), log=None, error_log=_LOG)
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stopping.set)
    if options.supervisor_fd is not None:
        gevent.spawn(_stop_when_orphaned, options.supervisor_fd, stopping)
    server.start()
    try:
        if options.ready_file is not None:
            _write_ready_file(options.ready_file, url)
        _LOG.info("avatar API stand-in answers on %s", url)
        stopping.wait()
    finally:
        if options.ready_file is not None:
            options.ready_file.unlink(missing_ok=True)
        server.stop(timeout=_DRAIN_S)
    _LOG.info(
        "avatar API stand-in stopped after %d searches and %d images", provider.stats.calls, provider.stats.images
    )


def _listen(port: int) -> gevent.socket.socket:
    listener = gevent.socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Accepted connections inherit it; without it every answer waits for a delayed ACK, some 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((_HOST, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise OpsError(
                ErrorCode.PORT_IN_USE,
                f"port {port} on {_HOST} is taken",
                hint="stop what listens there, or use --port 0 for any free port",
            ) from error
        raise OpsError(
            ErrorCode.FAILED,
            f"cannot listen on {_HOST}:{port}: {error.strerror}",
            hint="use --port 0 for any free port",
        ) from error
    return listener


def _wait(stopping: gevent.event.Event, seconds: float | None) -> None:
    if seconds is None or seconds > 0:
        stopping.wait(seconds)


def _stop_when_orphaned(pipe: int, stopping: gevent.event.Event) -> None:
    gevent.os.make_nonblocking(pipe)
    while gevent.os.nb_read(pipe, 64):
        pass
    stopping.set()


def _write_ready_file(path: Path, url: str) -> None:
    """Write it whole or not at all: who waits for the file must never read half of it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps({"url": url, "pid": os.getpid()}), encoding="utf-8")
    partial.replace(path)
