"""`watch`: every change as it happens."""

import json
import time
from typing import Annotated

import typer

from opsctl.cli.command import command
from opsctl.cli.invocation import Call
from opsctl.core.watching import Until, WatchEvent

UntilOption = Annotated[Until | None, typer.Option("--until", help="End when the kill switch is in this state.")]


@command(names_flag=True)
def watch(call: Call, *, until: UntilOption = None) -> int:
    """Show changes as they happen.

    Each with who made it and why, until Ctrl-C, --until or --timeout.

    Example: opsctl watch --until restored --timeout 30m
    """
    from opsctl.cli.exit_codes import ExitCode  # noqa: PLC0415 - start-up
    from opsctl.core.errors import ErrorCode, OpsError  # noqa: PLC0415 - start-up
    from opsctl.core.watching import WatchKind  # noqa: PLC0415 - start-up

    limit_s = call.settings.timeout_s if call.common.timeout is not None else None
    service = call.services.watch()
    call.announce_target()
    value: object = None
    try:
        for event in service.watch(call.ref, start_timeout_s=call.settings.timeout_s, until=until, timeout_s=limit_s):
            value = event.new
            is_said = event.kind is WatchKind.END and until is not None and until.is_reached_by(value)
            if call.as_json or not is_said:
                _show(call, event)
            if call.streams.closed:
                break
    except KeyboardInterrupt:
        _show(call, WatchEvent(WatchKind.END, time.time(), new=value))
        return ExitCode.INTERRUPTED
    if until is not None and not until.is_reached_by(value):
        raise OpsError(
            ErrorCode.FAILED,
            f"{call.ref.key} was not {until} within {call.common.timeout}",
            hint=call.command("status", call.ref.key),
        )
    return ExitCode.OK


def _show(call: Call, event: WatchEvent) -> None:
    from opsctl.cli.render import watch as rendering  # noqa: PLC0415 - start-up

    view = call.view()
    if call.as_json:
        call.streams.result(json.dumps(rendering.to_data(event, call.ref, view)))
    else:
        call.streams.result(rendering.to_text(event, call.ref, view))
