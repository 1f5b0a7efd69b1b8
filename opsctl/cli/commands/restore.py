"""`restore`: on again, and proven."""

from typing import Annotated

import typer

from opsctl.cli.command import command
from opsctl.cli.invocation import Call, ProofOptions, WriteOptions
from opsctl.cli.options import MaxErrorRateOption, MaxP99Option

RampOption = Annotated[
    str | None,
    typer.Option("--ramp", metavar="STEPS", help="Restore for a part of the visitors at a time: 5,25,50,100."),
]
StepOption = Annotated[
    str | None, typer.Option("--step", metavar="DURATION", help="How long each step is watched.", show_default="60s")
]
BakeOption = Annotated[
    str | None, typer.Option("--bake", metavar="DURATION", help="How long 100 % is watched.", show_default="2m")
]
ContextKindOption = Annotated[
    str | None,
    typer.Option("--context-kind", metavar="KIND", help="What the parts are counted by.", show_default="device"),
]


@command(names_flag=True, writes=True, proves=True)
def restore(  # noqa: PLR0913 - each is an option
    call: Call,
    write: WriteOptions,
    proof: ProofOptions,
    *,
    ramp: RampOption = None,
    step: StepOption = None,
    bake: BakeOption = None,
    max_error_rate: MaxErrorRateOption = None,
    max_p99: MaxP99Option = None,
    context_kind: ContextKindOption = None,
) -> int:
    """Turn the kill switch on again.

    It returns when every instance and every connected browser confirmed, and says who did not. Where no instance of
    the feed runs on this machine, nobody can confirm: use --no-wait there.

    With --ramp it happens in steps, by a percentage rollout on the default rule, which is put back at the end. Between
    the steps the instances are watched: where they break the objective it kills again. Ctrl-C leaves it where it is,
    and says how to go on; a restore without --ramp finishes it.

    Example: opsctl restore --ramp 5,25,50,100 --step 60s --bake 2m --reason "checkout is fine again"
    """
    from opsctl.cli.switching import switch  # noqa: PLC0415 - start-up
    from opsctl.core.switch import Change  # noqa: PLC0415 - start-up

    given = {
        "ramp": ramp,
        "step": step,
        "bake": bake,
        "max_error_rate": max_error_rate,
        "max_p99": max_p99,
        "context_kind": context_kind,
    }
    if any(one is not None for one in given.values()) or call.services.ramps().read(call.ref) is not None:
        from opsctl.cli.ramping import RampOptions, restore_in_steps  # noqa: PLC0415 - start-up

        code = restore_in_steps(call, write, proof, RampOptions(**given))
        if code is not None:
            return code
    return switch(call, Change.RESTORE, write, proof)
