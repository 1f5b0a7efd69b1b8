"""The stand-in's process: listen, say that it is ready, serve, and stop when asked or orphaned."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import gevent.event
import gevent.socket
from gevent.pywsgi import WSGIServer

from opsctl.avatarservice.app import AvatarApp
from opsctl.avatarservice.provider import Provider, portraits
from opsctl.avatarservice.upstream import Upstream
from opsctl.daemon.listener import inherited_listener, open_listener
from opsctl.daemon.ready_file import write_ready_file
from opsctl.daemon.stopping import stop_event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LOG = logging.getLogger(__name__)
_HOST = "127.0.0.1"
_DRAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Options:
    """How to run the stand-in.

    Attributes:
        port: Port on loopback; 0 is any free one.
        before: URL of the API to stand before: what no knob changes is asked there. `None`: cats of our own.
        ready_file: Where `{"url", "pid", "before"}` is written once it answers; removed at the end.
        environ: The process environment: a supervisor hands down a listener and a lifeline there.
    """

    port: int = 0
    before: str | None = None
    ready_file: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict)


def run(options: Options) -> None:
    """Serve until SIGTERM, SIGINT, or the end of the supervisor's pipe. Call it from the main thread.

    Searches that still wait are refused at once when it stops: nobody behind a proxy is asked then.

    Raises:
        OpsError: `port_in_use`, when the port is taken; `failed`, when it cannot be had otherwise.
    """
    listener = inherited_listener(options.environ) or open_listener(
        _HOST, options.port, what="the avatar stand-in", option="--port"
    )
    url = f"http://{_HOST}:{listener.getsockname()[1]}"
    stopping = stop_event(options.environ)
    images = portraits if options.before is None else Upstream(options.before).images
    provider = Provider(
        wait=lambda seconds: _wait(stopping, seconds),
        now=time.monotonic,
        images=images,
        passes_on=options.before is not None,
    )
    app = AvatarApp(provider, has_images=options.before is None)
    served = gevent.socket.socket(fileno=listener.detach())
    server = WSGIServer(served, app, log=None, error_log=_LOG)
    server.start()
    try:
        if options.ready_file is not None:
            write_ready_file(options.ready_file, {"url": url, "pid": os.getpid(), "before": options.before})
        _LOG.info("avatar API stand-in answers on %s%s", url, f", before {options.before}" if options.before else "")
        stopping.wait()
    finally:
        if options.ready_file is not None:
            options.ready_file.unlink(missing_ok=True)
        server.stop(timeout=_DRAIN_S)
    _LOG.info(
        "avatar API stand-in stopped after %d searches and %d images", provider.stats.calls, provider.stats.images
    )


def _wait(stopping: gevent.event.Event, seconds: float | None) -> bool:
    return bool(stopping.wait(seconds)) if seconds is None or seconds > 0 else False
