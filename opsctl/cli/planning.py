"""`--dry-run`: what a kill or a restore would come to. Nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.cli.render import blast as rendering
from opsctl.core.blast import exit_code_of_blast

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.cli.invocation import Call
    from opsctl.core.blast import Blast
    from opsctl.core.switch import Receipt
    from opsctl.services.prepared import PreparedSwitch, SwitchRequest


def plan(call: Call, request: SwitchRequest, completed: Callable[[Receipt], Receipt]) -> int:
    """Look what the change would come to, and show it; return the exit code, which is 6 for one that is refused.

    `completed` adds to the receipt of the dry run what else would be done.

    Raises:
        OpsError: what `SwitchService.prepare` raises.
    """
    service = call.services.switch(call.note)
    prepared: PreparedSwitch = service.prepare(request)
    call.announce_target()
    blast: Blast = call.services.blast().look(prepared, completed(service.preview(prepared)))
    call.answer(
        human=lambda view: rendering.to_text(blast, view),
        data=lambda view: rendering.to_data(blast, view),
        is_report=True,
    )
    return exit_code_of_blast(blast)
