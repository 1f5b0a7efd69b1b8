"""Visitors in this process."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

import gevent

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.simulation.visitors.engine import Process
from opsctl.simulation.visitors.strain import Gauge
from opsctl.simulation.visitors.visitor import environment_for, visitor_of, without_statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from locust.env import Environment

    from opsctl.core.load.tally import Tallies
    from opsctl.simulation.visitors.crew import Crew
    from opsctl.simulation.visitors.engine import Listeners
    from opsctl.simulation.visitors.strain import Strain


class LocalEngine:
    """Makes a crew's visitors of a page, with Locust's runner for one process."""

    def __init__(self, url: str, crew: Crew) -> None:
        self._crew = crew
        self._environment = environment_for(url)
        self._environment.user_classes.append(visitor_of(crew, url))
        self._runner = self._environment.create_local_runner()
        without_statistics(self._runner)
        self._process = Process(worker=0, host=socket.gethostname(), pid=os.getpid())

    @property
    def present(self) -> int:
        """How many visitors there are."""
        return self._runner.user_count

    @property
    def processes(self) -> Sequence[Process]:
        """This one."""
        self._process.visitors = self.present
        return (self._process,)

    def begin(self, listeners: Listeners) -> None:
        """Measure this process from now on."""

        def on_window(strain: Strain) -> None:
            self._process.before, self._process.strain = self._process.strain, strain
            listeners.on_window(self._process)

        on_user_error(self._environment, listeners.on_trouble)
        gevent.spawn(Gauge(on_window).run)

    def go_to(self, visitors: int) -> None:
        """Make it that many, and wait for it."""
        self._runner.start(visitors, spawn_rate=max(abs(visitors - self.present), 1))
        if self._runner.spawning_greenlet is not None:
            self._runner.spawning_greenlet.join()

    def set_stretch(self, number: int) -> None:
        """Count requests that begin from now on in that stretch."""
        self._crew.stretch = number

    def take(self) -> Tallies:
        """Return what ended since this was asked last."""
        return self._crew.take()

    def finish(self) -> None:
        """Everything is here already."""

    def close(self) -> None:
        """The visitors end with their process."""


def on_user_error(environment: Environment, on_trouble: Callable[[OpsError], None]) -> None:
    """Have it told when a visitor fails in a way that nobody thought of: a run with such visitors proves nothing."""

    def listener(exception: BaseException, **_: Any) -> None:
        message = f"a visitor failed: {type(exception).__name__}: {exception}"
        on_trouble(OpsError(ErrorCode.FAILED, message, hint="this is a defect of opsctl: report it with this line"))

    environment.events.user_error.add_listener(listener)
