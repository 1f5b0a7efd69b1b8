"""Settings: what is in force, and where it came from."""

from opsctl.cli.command import command
from opsctl.cli.invocation import Call


@command()
def show(call: Call) -> None:
    """Show every setting and its source.

    Secrets show their last four characters at most.

    Example: opsctl config show --env production
    """
    from opsctl.cli.render import settings  # noqa: PLC0415 - start-up

    entries = tuple(call.settings.entries())
    call.answer(human=lambda view: settings.to_text(entries, view), data=lambda _: settings.to_data(entries))
