"""Load on the feed around a real flip of the switch: what degradation buys."""

from pathlib import Path
from typing import Annotated

import typer

from opsctl.cli.command import command
from opsctl.cli.invocation import Call, LoadOptions

ScenarioArgument = Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario in TOML.", show_default=False)]


@command(names_flag=True, loads=True)
def compare(call: Call, load: LoadOptions) -> int:
    """Full against degraded: the same visitors before a kill, during it, and after the restore.

    Without --target it starts a stack of its own, whose avatar API takes 200 ms. Ctrl-C ends it early: the switch is
    put back, and what was measured until then is reported.

    Example: opsctl simulate compare --visitors 300 --sockets 1000 --report out
    """
    return _run(call, load, "compare")


@command(names_flag=True, loads=True)
def spike(call: Call, load: LoadOptions) -> int:
    """A launch: visitors rise tenfold, the switch is killed at the peak, and restored.

    Example: opsctl simulate spike --visitors 50 --threshold 'degraded.p95<500ms'
    """
    return _run(call, load, "spike")


@command(names_flag=True, loads=True)
def avatar_slow(call: Call, load: LoadOptions) -> int:
    """The avatar API gets slow, then answers nothing: what a kill saves then.

    Example: opsctl simulate avatar-slow --duration 1m
    """
    return _run(call, load, "avatar-slow")


@command(names_flag=True, loads=True)
def avatar_down(call: Call, load: LoadOptions) -> int:
    """The avatar API fails and refuses: what a kill saves then.

    Example: opsctl simulate avatar-down --json
    """
    return _run(call, load, "avatar-down")


@command(loads=True)
def run_scenario(call: Call, load: LoadOptions, *, scenario: ScenarioArgument) -> int:
    """Run a scenario of one's own: phases, visitors and troubles of the avatar API, written down in TOML.

    Example: opsctl simulate run launch-day.toml --report out
    """
    from opsctl.cli.simulating import simulate_file  # noqa: PLC0415 - start-up

    return simulate_file(call, load, scenario)


def _run(call: Call, load: LoadOptions, name: str) -> int:
    from opsctl.cli.simulating import simulate  # noqa: PLC0415 - start-up

    return simulate(call, load, name)
