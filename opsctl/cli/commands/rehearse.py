"""A game day in one command."""

from pathlib import Path
from typing import Annotated

import typer

from opsctl.cli import load_options, options
from opsctl.cli.command import command
from opsctl.cli.invocation import Call, LoadOptions
from opsctl.core.load.failures import Failure

FailureOption = Annotated[
    Failure, typer.Option("--failure", help="What the avatar API does: gets slow, goes down, or nothing.")
]
ObjectiveOption = Annotated[
    list[str] | None,
    typer.Option("--objective", metavar="EXPR", help="What has to hold, else exit 9: 'kill.shown.p99<500ms'."),
]
ReportOption = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="DIR",
        help="Write the report there.",
        show_default="a place of its own in the data directory",
    ),
]


@command(names_flag=True)
def rehearse(  # noqa: PLR0913 - each is an option
    call: Call,
    *,
    failure: FailureOption = Failure.SLOW,
    objectives: ObjectiveOption = None,
    visitors: load_options.VisitorsOption = None,
    sockets: load_options.SocketsOption = None,
    duration: load_options.DurationOption = None,
    seed: load_options.SeedOption = None,
    report: ReportOption = None,
    junit: load_options.JUnitOption = None,
    target: load_options.TargetOption = None,
    allow_remote: load_options.AllowRemoteOption = False,
    real_avatars: load_options.RealAvatarsOption = False,
    yes: options.YesOption = False,
) -> int:
    """Rehearse the switch: a game day in one command.

    Note the state, make the avatar API fail under load, kill, prove it, measure what that saved and what people lost,
    restore, and verify that all is as it was. It passes when every objective was met. Whenever it ends, by Ctrl-C too,
    everything is put back. `opsctl status` says when the switch was last rehearsed.

    Without --target it starts a stack of its own: that tries the drill, and is no rehearsal of the switch.

    Example: opsctl rehearse --target serve --failure down --objective 'kill.shown.p99<500ms'
    """
    from opsctl.cli.rehearsing import rehearse as run  # noqa: PLC0415 - start-up

    load = LoadOptions(
        visitors=visitors,
        sockets=sockets,
        duration=duration,
        seed=seed,
        report=report,
        thresholds=objectives,
        junit=junit,
        target=target,
        allow_remote=allow_remote,
        real_avatars=real_avatars,
        yes=yes,
    )
    return run(call, load, failure)
