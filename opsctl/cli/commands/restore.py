"""`restore`: on again, and proven."""

from opsctl.cli.command import command
from opsctl.cli.invocation import Call, ProofOptions, WriteOptions


@command(names_flag=True, writes=True, proves=True)
def restore(call: Call, write: WriteOptions, proof: ProofOptions) -> int:
    """Turn the kill switch on again.

    It returns when every instance and every connected browser confirmed, and says who did not. Where no instance of
    the feed runs on this machine, nobody can confirm: use --no-wait there.

    Example: opsctl restore --reason "checkout is fine again"
    """
    from opsctl.cli.switching import switch  # noqa: PLC0415 - start-up
    from opsctl.core.switch import Change  # noqa: PLC0415 - start-up

    return switch(call, Change.RESTORE, write, proof)
