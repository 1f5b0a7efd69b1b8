"""`status`: who serves what."""

from opsctl.cli.command import command
from opsctl.cli.invocation import Call


@command(names_flag=True)
def status(call: Call) -> int:
    """Show who serves what.

    The flag as the provider has it, each instance and its browsers, and who changed it last.

    Example: opsctl status --env production
    """
    from opsctl.cli.exit_codes import EXIT_CODES, ExitCode  # noqa: PLC0415 - start-up
    from opsctl.cli.render import status as rendering  # noqa: PLC0415 - start-up

    found = call.services.status().get_status(call.ref)
    call.answer(
        human=lambda view: rendering.to_text(found, view),
        data=lambda view: rendering.to_data(found, view),
        is_report=True,
    )
    return ExitCode.OK if found.error is None else EXIT_CODES[found.error.code]
