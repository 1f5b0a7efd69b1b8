"""`kill`: off, now, and proven."""

from typing import Annotated

import typer

from opsctl.cli.command import command
from opsctl.cli.invocation import Call, ProofOptions, WriteOptions
from opsctl.cli.options import MaxErrorRateOption, MaxP99Option

ForOption = Annotated[
    str | None, typer.Option("--for", metavar="DURATION", help="Have LaunchDarkly turn it on again after this long.")
]
HereOption = Annotated[
    bool, typer.Option("--here", help="With --for: wait here and restore, without LaunchDarkly's schedule.")
]

BreakGlassOption = Annotated[
    bool, typer.Option("--break-glass", help="Pin the instances to degraded without asking LaunchDarkly.")
]


@command(names_flag=True, writes=True, proves=True)
def kill(  # noqa: PLR0913 - each is an option
    call: Call,
    write: WriteOptions,
    proof: ProofOptions,
    *,
    duration: ForOption = None,
    here: HereOption = False,
    max_error_rate: MaxErrorRateOption = None,
    max_p99: MaxP99Option = None,
    break_glass: BreakGlassOption = False,
) -> int:
    """Turn the kill switch off.

    It returns when every instance and every connected browser confirmed, and says who did not. Where no instance of
    the feed runs on this machine, nobody can confirm: use --no-wait there.

    With --for it ends by itself, also when this machine is gone: LaunchDarkly turns the switch on again, and instances
    that break the objective then stay degraded until they meet it. A further --for moves the time; a kill without it
    makes the kill last. With --here this process waits and restores instead, for plans without scheduled changes.

    With --break-glass it asks LaunchDarkly nothing, for when that is down: every instance that can be reached is pinned
    to degraded, and stays so across restarts and whatever LaunchDarkly says, until opsctl reconcile. It exits with 8.

    Example: opsctl kill --reason "checkout p99 above 2 s" --incident INC-4312
    """
    from opsctl.cli import glass  # noqa: PLC0415 - start-up

    if break_glass:
        glass.ensure_alone({"--for": duration, "--here": here, "--request-approval": proof.request_approval})
        return glass.break_glass(call, write, proof)

    from opsctl.cli.switching import switch  # noqa: PLC0415 - start-up
    from opsctl.cli.timing import until_of  # noqa: PLC0415 - start-up
    from opsctl.core.switch import Change  # noqa: PLC0415 - start-up

    until = until_of(duration, here=here, max_error_rate=max_error_rate, max_p99=max_p99)
    with glass.offering_break_glass(call, write):
        return switch(call, Change.KILL, write, proof, until=until)
