"""When a process is to stop: on SIGTERM, SIGINT or SIGHUP, or when the process that supervises it is gone."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import gevent
import gevent.event
import gevent.os

from opsctl.daemon.lifeline import lifeline

if TYPE_CHECKING:
    from collections.abc import Mapping


def stop_event(environ: Mapping[str, str]) -> gevent.event.Event:
    """Return an event that is set when this process is to stop. Call it once, from the main thread."""
    stopping = gevent.event.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        gevent.signal_handler(number, stopping.set)
    descriptor = lifeline(environ)
    if descriptor is not None:
        gevent.spawn(_set_when_orphaned, descriptor, stopping)
    return stopping


def _set_when_orphaned(pipe: int, stopping: gevent.event.Event) -> None:
    gevent.os.make_nonblocking(pipe)
    while gevent.os.nb_read(pipe, 64):
        pass
    stopping.set()
