"""The options that simulations share, each declared once."""

from pathlib import Path
from typing import Annotated

import typer

from opsctl.cli.options import YesOption
from opsctl.core.load.joining import MOST_PROCESSES

VisitorsOption = Annotated[
    int | None, typer.Option("--visitors", metavar="N", min=0, help="Visitors of pages, over HTTP.")
]
SocketsOption = Annotated[
    int | None, typer.Option("--sockets", metavar="N", min=0, help="Browsers that stay connected, and time the switch.")
]
DurationOption = Annotated[
    str | None, typer.Option("--duration", metavar="DURATION", help="How long all phases take together: 1m, 10m.")
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        "--seed",
        metavar="N",
        min=0,
        help="The same seed makes the same visitors.",
        show_default="of the scenario's file, or a new one",
    ),
]
ReportOption = Annotated[
    Path | None, typer.Option("--report", metavar="DIR", help="Write the report there: HTML, plots, JSON, CSV.")
]
ThresholdOption = Annotated[
    list[str] | None,
    typer.Option("--threshold", metavar="EXPR", help="What has to hold, else exit 9: 'degraded.p95<100ms'."),
]
JUnitOption = Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write a JUnit report.")]
TargetOption = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="URL",
        help="A running feed, or `serve`: the one that runs here.",
    ),
]
AllowRemoteOption = Annotated[
    bool, typer.Option("--allow-remote", help="Also load a feed that is not on this machine.")
]
RealAvatarsOption = Annotated[
    bool,
    typer.Option(
        "--real-avatars", help="Ask the avatar API of the settings, through a proxy that fails as the scenario says."
    ),
]
LoadWorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers", metavar="N", min=1, max=MOST_PROCESSES, help="Processes on this machine that make the visitors."
    ),
]
MasterOption = Annotated[
    str | None,
    typer.Option("--master", metavar="HOST:PORT", help="Have other machines join here and make the visitors."),
]
ExpectOption = Annotated[
    int | None,
    typer.Option(
        "--expect", metavar="N", min=1, max=MOST_PROCESSES, help="With --master: begin when so many processes joined."
    ),
]
JoinOption = Annotated[
    str | None, typer.Option("--join", metavar="HOST:PORT", help="Make visitors for the simulation that runs there.")
]


def declared(  # noqa: PLR0913 - each is an option
    *,
    visitors: VisitorsOption = None,
    sockets: SocketsOption = None,
    duration: DurationOption = None,
    seed: SeedOption = None,
    report: ReportOption = None,
    thresholds: ThresholdOption = None,
    junit: JUnitOption = None,
    target: TargetOption = None,
    allow_remote: AllowRemoteOption = False,
    real_avatars: RealAvatarsOption = False,
    load_workers: LoadWorkersOption = None,
    master: MasterOption = None,
    expect: ExpectOption = None,
    join: JoinOption = None,
    yes: YesOption = False,
) -> None:
    """Declare the parameters that are added to simulations; they are read, it is never called."""
