"""`reconcile`: after break-glass, have the provider and the feed agree again."""

from typing import Annotated

import typer

from opsctl.cli.command import command
from opsctl.cli.invocation import Call, WriteOptions

DiscardOption = Annotated[
    bool, typer.Option("--discard", help="Release the pin and write nothing: the provider decides again as it is.")
]


@command(names_flag=True, writes=True)
def reconcile(call: Call, write: WriteOptions, *, discard: DiscardOption = False) -> int:
    """End break-glass.

    It turns the kill switch off at the provider, with the reason and the incident of the break-glass; once every
    instance follows that, it releases the pin, and the feed goes by the provider again: still degraded, until somebody
    restores it. While the provider cannot be reached, the pin stays.

    With --discard it writes nothing, and releases the pin: where the provider has the switch on, avatars and
    recommendations come back at once.

    Example: opsctl reconcile
    """
    from opsctl.cli.reconciling import reconcile as carry_out  # noqa: PLC0415 - start-up

    return carry_out(call, write, discard=discard)
