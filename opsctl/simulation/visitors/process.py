"""Puts the parts of the process together, and ends it when it is to end."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

import gevent
from gevent.queue import Queue

from opsctl.core.errors import OpsError
from opsctl.daemon.stopping import stop_event
from opsctl.simulation.visitors.conductor import Conductor
from opsctl.simulation.visitors.crew import Crew
from opsctl.simulation.visitors.lines import is_stop, lines_in, say
from opsctl.simulation.visitors.local import LocalEngine
from opsctl.simulation.visitors.master import MasterEngine
from opsctl.simulation.visitors.options import options_of
from opsctl.simulation.visitors.worker import Worker

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence

    from gevent.event import AsyncResult, Event


def main(arguments: Sequence[str]) -> int:
    """Run until told to stop; return the exit code."""
    options = options_of(arguments)
    # What people are to know is said as an event; what Locust logs besides is for those who use it themselves.
    logging.getLogger("locust").setLevel(logging.CRITICAL)
    ending = stop_event(os.environ)
    lines = _commands(ending)
    try:
        error = _work_as(options, lines, ending)
    except OpsError as failed:
        error = failed
    if error is not None:
        say("error", message=error.message, fix=error.hint)
    return 0 if error is None else 1


def _work_as(options: argparse.Namespace, lines: Iterable[str], ending: Event) -> OpsError | None:
    if options.join is not None:
        worker = Worker(options.join, zero_ns=options.zero)
        return _until(ending, worker.run, worker.trouble, worker.close)
    crew = Crew(seed=options.seed, think_s=options.think, zero_ns=options.zero)
    engine: LocalEngine | MasterEngine
    if options.master is None and not options.workers:
        engine = LocalEngine(options.url, crew)
    else:
        engine = MasterEngine(options.url, crew, options.master, own=options.workers, others=options.expect)
    conductor = Conductor(engine, options.zero)
    return _until(ending, lambda: conductor.run(lines), conductor.trouble, engine.close)


def _until(
    ending: Event, run: Callable[[], None], trouble: AsyncResult[OpsError], close: Callable[[], None]
) -> OpsError | None:
    """Run it to its end, to its trouble, or until the process is to end; return what went wrong."""
    work = gevent.spawn(_outcome, run)
    try:
        gevent.wait((ending, work, trouble), count=1)
        return trouble.get() if trouble.ready() else work.value
    finally:
        close()
        work.kill()


def _outcome(run: Callable[[], None]) -> OpsError | None:
    try:
        run()
    except OpsError as error:
        return error
    return None


def _commands(ending: Event) -> Iterable[str]:
    """Return the lines of standard input as they come; its end sets `ending`, unless the last command was to stop."""
    lines: Queue[str | None] = Queue()

    def read() -> None:
        last = ""
        for last in lines_in(sys.stdin.fileno()):
            lines.put(last)
        if not is_stop(last):
            ending.set()

    gevent.spawn(read)
    return iter(lines.get, None)
