"""Follows the commands, and says what is in force and what visitors were answered."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NoReturn

import gevent
import locust
from gevent.event import AsyncResult

from opsctl.core.errors import OpsError
from opsctl.simulation.visitors.engine import Listeners
from opsctl.simulation.visitors.lines import Stop, Stretch, command_of, files_for, say
from opsctl.simulation.visitors.ramp import Goal, Ramp
from opsctl.simulation.visitors.strain import LIMIT_FIX, limits_reached

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opsctl.simulation.visitors.engine import Engine, Process

TALLY_EVERY_S = 0.5


class Conductor:
    """Drives an engine. `trouble` is set to the error that ends the run before it is told to.

    Args:
        engine: Makes the visitors.
        zero_ns: When the run began, on this machine's monotonic clock.
    """

    def __init__(self, engine: Engine, zero_ns: int) -> None:
        self.trouble: AsyncResult[OpsError] = AsyncResult()
        self._engine = engine
        self._zero_ns = zero_ns
        self._ramp = Ramp(lambda: engine.present, engine.go_to, self._on_reached)
        self._warned: dict[tuple[int, str], float] = {}

    def run(self, lines: Iterable[str]) -> None:
        """Follow the commands, until one says stop and everything has stopped.

        Raises:
            OpsError: it cannot begin.
        """
        self._engine.begin(Listeners(self._on_window, self._on_lost, self.trouble.set, self._say))
        processes = [
            {**process.who(), "clock_within_ms": process.clock_within_ms} for process in self._engine.processes
        ]
        self._say("ready", locust=locust.__version__, processes=processes)
        greenlets = [gevent.spawn(self._ramp.run), gevent.spawn(self._report)]
        for line in lines:
            try:
                command = command_of(line)
                if isinstance(command, Goal):
                    files_for(command.visitors // max(len(self._engine.processes), 1))
            except OpsError as error:
                self._say("error", message=error.message, fix=error.hint)
                continue
            if isinstance(command, Stop):
                break
            if isinstance(command, Stretch):
                self._engine.set_stretch(command.number)
                self._say("stretch", number=command.number)
            else:
                self._ramp.pursue(command)
        gevent.killall(greenlets)
        self._engine.go_to(0)
        self._engine.finish()
        self._say("stopped", **self._standing())

    def _report(self) -> NoReturn:
        while True:
            gevent.sleep(TALLY_EVERY_S)
            self._say("tally", **self._standing())

    def _standing(self) -> dict[str, Any]:
        return {
            "visitors": self._engine.present,
            "tallies": self._engine.take().to_wire(),
            "generator": [process.how() for process in self._engine.processes],
        }

    def _on_reached(self, goal: Goal, took_s: float | None) -> None:
        if took_s is None:
            self._say("visitors", number=self._engine.present, wanted=goal.visitors, is_superseded=True)
        else:
            self._say("visitors", number=self._engine.present, wanted=goal.visitors, took_s=round(took_s, 3))

    def _on_window(self, process: Process) -> None:
        for kind, (value, message) in limits_reached(process.before, process.strain).items():
            if value > self._warned.get((process.worker, kind), 0.0):
                self._warned[process.worker, kind] = value
                self._say("warning", kind=kind, worker=process.worker, message=message, fix=LIMIT_FIX)

    def _on_lost(self, process: Process, why: str, left: int) -> None:
        self._say("lost", **process.who(), visitors=process.visitors, workers=left, why=why)
        if left:
            gevent.spawn(self._ramp.refill)

    def _say(self, event: str, **fields: Any) -> None:
        say(event, at_s=round((time.monotonic_ns() - self._zero_ns) / 1e9, 3), **fields)
