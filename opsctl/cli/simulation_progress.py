"""Showing a simulation while it runs: a dashboard on a terminal, a line now and then elsewhere, or JSON lines."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live

from opsctl.cli.render import simulating as rendering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opsctl.cli.invocation import Call
    from opsctl.core.load.looks import SimulationLook
    from opsctl.core.load.scenario import Scenario

_SAY_EVERY_S = 5.0
_REDRAWS_PER_S = 4


@contextmanager
def shown_while_it_runs(call: Call, scenario: Scenario) -> Iterator[Callable[[SimulationLook], None]]:
    """Yield what is to be told of each look at a simulation."""
    if call.as_json:
        yield _JsonLines(call)
    elif call.common.quiet:
        yield lambda _look: None
    elif call.streams.redraws:
        dashboard = rendering.Dashboard(scenario)
        console = Console(file=call.streams.stderr, no_color=not call.streams.colour, highlight=False)
        live = Live(console=console, refresh_per_second=_REDRAWS_PER_S, transient=True)
        live.start()
        try:
            yield lambda look: live.update(dashboard.draw(look))
        finally:
            with suppress(OSError):  # a terminal that was closed ends no run
                live.stop()
    else:
        yield _Lines(call)


class _JsonLines:
    """One object a second."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._second = -1

    def __call__(self, look: SimulationLook) -> None:
        if int(look.at_s) != self._second:
            self._second = int(look.at_s)
            self._call.streams.result(json.dumps(rendering.to_data(look)))


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
