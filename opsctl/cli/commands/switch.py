"""`kill` and `restore`: the two commands that write."""

from opsctl.cli import options
from opsctl.cli.command import command
from opsctl.cli.invocation import Call


@command(names_flag=True)
def kill(
    call: Call,
    *,
    reason: options.ReasonOption = None,
    incident: options.IncidentOption = None,
    yes: options.YesOption = False,
    dry_run: options.DryRunOption = False,
    no_wait: options.NoWaitOption = False,
) -> int:
    """Turn the kill switch off.

    It returns when every instance and every connected browser confirmed, and says who did not.

    Example: opsctl kill --reason "checkout p99 above 2 s" --incident INC-4312
    """
    return _switch(call, "kill", (reason, incident), yes=yes, dry_run=dry_run, wait=not no_wait)


@command(names_flag=True)
def restore(
    call: Call,
    *,
    reason: options.ReasonOption = None,
    incident: options.IncidentOption = None,
    yes: options.YesOption = False,
    dry_run: options.DryRunOption = False,
    no_wait: options.NoWaitOption = False,
) -> int:
    """Turn the kill switch on again.

    It returns when every instance and every connected browser confirmed, and says who did not.

    Example: opsctl restore --reason "checkout is fine again"
    """
    return _switch(call, "restore", (reason, incident), yes=yes, dry_run=dry_run, wait=not no_wait)


def _switch(call: Call, verb: str, why: tuple[str | None, str | None], *, yes: bool, dry_run: bool, wait: bool) -> int:
    from opsctl.cli.confirmation import ensure_confirmed  # noqa: PLC0415 - start-up
    from opsctl.cli.exit_codes import exit_code_of  # noqa: PLC0415 - start-up
    from opsctl.cli.render import receipt as rendering  # noqa: PLC0415 - start-up
    from opsctl.core.switch import Change  # noqa: PLC0415 - start-up
    from opsctl.services.switch import SwitchRequest  # noqa: PLC0415 - start-up

    service = call.services.switch(call.note)
    prepared = service.prepare(
        SwitchRequest(
            ref=call.ref,
            change=Change(verb),
            reason=why[0],
            incident=why[1],
            timeout_s=call.settings.timeout_s,
            wait=wait,
        )
    )
    call.announce_target()
    if dry_run:
        receipt = service.preview(prepared)
    else:
        ensure_confirmed(call, prepared, yes=yes)
        receipt = service.apply(prepared)
    call.answer(
        human=lambda view: rendering.to_text(receipt, view),
        data=lambda view: rendering.to_data(receipt, view),
        is_report=True,
    )
    return exit_code_of(receipt.outcome)
