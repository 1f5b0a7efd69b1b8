"""Showing a simulation while it runs: a dashboard on a terminal, a line now and then elsewhere, or JSON lines."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.live import Live

from opsctl.cli.render import simulating as rendering
from opsctl.cli.render.steps import step_lines
from opsctl.core.load.steps import step_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opsctl.cli.invocation import Call
    from opsctl.core.load.looks import SimulationLook
    from opsctl.core.load.scenario import Scenario
    from opsctl.core.load.steps import Step

_SAY_EVERY_S = 5.0
_REDRAWS_PER_S = 4


class Shown(Protocol):
    """What is told how far it is."""

    def __call__(self, look: SimulationLook) -> None:
        """Be told of a look at it."""
        ...

    def step(self, step: Step) -> None:
        """Be told of a step of a rehearsal, as it begins and as it is over."""
        ...


@contextmanager
def shown_while_it_runs(call: Call, scenario: Scenario, *, title: str = "simulate") -> Iterator[Shown]:
    """Yield what is to be told of each look at a simulation."""
    if call.as_json:
        yield _JsonLines(call)
    elif call.common.quiet:
        yield _Nothing()
    elif call.streams.redraws:
        dashboard = rendering.Dashboard(scenario, title)
        console = Console(file=call.streams.stderr, no_color=not call.streams.colour, highlight=False)
        live = Live(console=console, refresh_per_second=_REDRAWS_PER_S, transient=True)
        live.start()
        try:
            yield _OnTerminal(call, dashboard, live)
        finally:
            with suppress(OSError):  # a terminal that was closed ends no run
                live.stop()
    else:
        yield _Lines(call)


class _Nothing:
    def __call__(self, look: SimulationLook) -> None:
        """Say nothing."""

    def step(self, step: Step) -> None:
        """Say nothing."""


class _OnTerminal:
    """The dashboard, with the steps above it."""

    def __init__(self, call: Call, dashboard: rendering.Dashboard, live: Live) -> None:
        self._call = call
        self._dashboard = dashboard
        self._live = live

    def __call__(self, look: SimulationLook) -> None:
        self._live.update(self._dashboard.draw(look))

    def step(self, step: Step) -> None:
        for line in step_lines(step, self._call.view()):
            self._live.console.print(line, markup=False, highlight=False, soft_wrap=True)


class _JsonLines:
    """One object a second."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._second = -1

    def __call__(self, look: SimulationLook) -> None:
        if int(look.at_s) != self._second:
            self._second = int(look.at_s)
            self._call.streams.result(json.dumps(rendering.to_data(look)))

    def step(self, step: Step) -> None:
        self._call.streams.result(json.dumps({"event": "step", **step_data(step)}))


class _Lines:
    """A line whenever something begins, and every few seconds."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._doing = ""
        self._said_s = 0.0

    def __call__(self, look: SimulationLook) -> None:
        if look.doing != self._doing or look.at_s - self._said_s >= _SAY_EVERY_S:
            self._doing, self._said_s = look.doing, look.at_s
            self._call.streams.note(rendering.line(look))

    def step(self, step: Step) -> None:
        for line in step_lines(step, self._call.view()):
            self._call.streams.note(line)
