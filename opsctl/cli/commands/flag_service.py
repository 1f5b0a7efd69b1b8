"""Running the embedded flag service alone."""

from pathlib import Path
from typing import Annotated

import typer

from opsctl.cli.command import command
from opsctl.cli.invocation import Call

PortOption = Annotated[
    int | None,
    typer.Option(
        "--port", metavar="PORT", min=0, max=65535, help="Port to listen on; 0: any free one. [default: 8765]"
    ),
]
HostOption = Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Loopback address to listen on.")]
ReadyFileOption = Annotated[
    Path | None,
    typer.Option("--ready-file", metavar="PATH", help="Gets URL and credentials, as JSON (0600), once it answers."),
]
RateLimitOption = Annotated[
    int | None,
    typer.Option("--rate-limit", metavar="N", min=1, help="REST requests answered in ten seconds; 429 beyond."),
]
RouteRateLimitOption = Annotated[
    int | None, typer.Option("--route-rate-limit", metavar="N", min=1, help="The same, of each route.")
]
EphemeralOption = Annotated[bool, typer.Option("--ephemeral", help="Keep nothing: a data directory for this run only.")]
SeedOption = Annotated[
    Path | None,
    typer.Option("--seed", metavar="FILE", help="Flags a new database begins with: TOML, or LaunchDarkly's JSON."),
]
RequestLogOption = Annotated[
    Path | None,
    typer.Option("--request-log", metavar="FILE", help="Note each request's method, route, status and client."),
]
FaultsOption = Annotated[
    bool, typer.Option("--faults", help="For rehearsals: let admin tokens have requests fail, at /faults.")
]


@command(sets=("data_dir",), starts_local=True)
def flag_service(  # noqa: PLR0913 - one for each option
    call: Call,
    *,
    port: PortOption = None,
    host: HostOption = "127.0.0.1",
    ready_file: ReadyFileOption = None,
    ephemeral: EphemeralOption = False,
    rate_limit: RateLimitOption = None,
    route_rate_limit: RouteRateLimitOption = None,
    seed: SeedOption = None,
    request_log: RequestLogOption = None,
    faults: FaultsOption = False,
) -> None:
    """Run the flag service alone, until Ctrl-C.

    LaunchDarkly's SDKs and REST client work against it, with no account.

    Example: opsctl flag-service --port 0 --ephemeral --ready-file ready.json
    """
    from opsctl.flagservice.options import FlagServiceOptions, RateLimits, Ready  # noqa: PLC0415 - start-up
    from opsctl.flagservice.server import run  # noqa: PLC0415 - start-up

    def on_ready(ready: Ready) -> None:
        call.answer(
            human=lambda view: f"{view.line('ready file', str(ready.ready_file))}\nthe flag service is at {ready.url}",
            data=lambda _: {"url": ready.url, "ready_file": str(ready.ready_file)},
        )

    options = FlagServiceOptions(
        data_dir=call.settings.data_dir,
        host=host,
        port=call.settings.flag_service_port if port is None else port,
        ready_file=ready_file,
        ephemeral=ephemeral,
        environ=call.environ,
        rate_limits=RateLimits(rate_limit, route_rate_limit),
        seed=seed,
        request_log=request_log,
        faults=faults,
    )
    run(options, on_ready)
    call.note("stopped")
