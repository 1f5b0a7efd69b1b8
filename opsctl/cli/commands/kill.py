"""`kill`: off, now, and proven."""

from opsctl.cli.command import command
from opsctl.cli.invocation import Call, WriteOptions


@command(names_flag=True, writes=True)
def kill(call: Call, write: WriteOptions) -> int:
    """Turn the kill switch off.

    It returns when every instance and every connected browser confirmed, and says who did not. Where no instance of
    the feed runs on this machine, nobody can confirm: use --no-wait there.

    Example: opsctl kill --reason "checkout p99 above 2 s" --incident INC-4312
    """
    from opsctl.cli.switching import switch  # noqa: PLC0415 - start-up
    from opsctl.core.switch import Change  # noqa: PLC0415 - start-up

    return switch(call, Change.KILL, write)
