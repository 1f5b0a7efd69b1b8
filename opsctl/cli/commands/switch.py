"""`kill` and `restore`: the two commands that write."""

from typing import TYPE_CHECKING

from opsctl.cli.command import command
from opsctl.cli.invocation import Call, WriteOptions

if TYPE_CHECKING:
    from opsctl.core.switch import Receipt


@command(names_flag=True, writes=True)
def kill(call: Call, write: WriteOptions) -> int:
    """Turn the kill switch off.

    It returns when every instance and every connected browser confirmed, and says who did not. Where no instance of
    the feed runs on this machine, nobody can confirm: use --no-wait there.

    Example: opsctl kill --reason "checkout p99 above 2 s" --incident INC-4312
    """
    return _switch(call, "kill", write)


@command(names_flag=True, writes=True)
def restore(call: Call, write: WriteOptions) -> int:
    """Turn the kill switch on again.

    It returns when every instance and every connected browser confirmed, and says who did not. Where no instance of
    the feed runs on this machine, nobody can confirm: use --no-wait there.

    Example: opsctl restore --reason "checkout is fine again"
    """
    return _switch(call, "restore", write)


def _switch(call: Call, verb: str, write: WriteOptions) -> int:
    from opsctl.cli.confirmation import ensure_confirmed  # noqa: PLC0415 - start-up
    from opsctl.cli.exit_codes import exit_code_of  # noqa: PLC0415 - start-up
    from opsctl.cli.render import receipt as rendering  # noqa: PLC0415 - start-up
    from opsctl.core.errors import ErrorCode, OpsError  # noqa: PLC0415 - start-up
    from opsctl.core.switch import Change  # noqa: PLC0415 - start-up
    from opsctl.services.prepared import SwitchRequest  # noqa: PLC0415 - start-up

    service = call.services.switch(call.note, lambda seen: call.progress(rendering.progress(seen)))
    request = SwitchRequest(
        ref=call.ref,
        change=Change(verb),
        reason=write.reason,
        incident=write.incident,
        timeout_s=call.settings.timeout_s,
        wait=not write.no_wait,
    )
    prepared = service.prepare(request)
    call.announce_target()
    if write.dry_run:
        receipt = service.preview(prepared)
    else:
        ensure_confirmed(call, prepared, yes=write.yes)
        receipt = service.apply(prepared)
    try:
        _show(call, receipt)
    except KeyboardInterrupt:
        look = f"look first: {call.command('status', call.ref.key)}"
        raise OpsError(ErrorCode.INTERRUPTED, "interrupted before all of the report was shown", hint=look) from None
    return exit_code_of(receipt)


def _show(call: Call, receipt: "Receipt") -> None:
    from opsctl.cli.render import receipt as rendering  # noqa: PLC0415 - start-up

    call.answer(
        human=lambda view: rendering.to_text(receipt, view),
        data=lambda view: rendering.to_data(receipt, view),
        is_report=True,
    )
