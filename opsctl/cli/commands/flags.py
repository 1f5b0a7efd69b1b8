"""Flags: list them, read one, create a kill switch."""

from typing import Annotated

import typer

from opsctl.cli import options
from opsctl.cli.command import command
from opsctl.cli.invocation import Call

NameOption = Annotated[str | None, typer.Option("--name", metavar="TEXT", help="Name for people; else the key.")]
DescriptionOption = Annotated[str, typer.Option("--description", metavar="TEXT", help="What it shuts off.")]
TagOption = Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="A tag; may be repeated.")]


@command()
def list_flags(call: Call) -> None:
    """List the flags of the project.

    With what each serves in the environment.

    Example: opsctl flags list --env production
    """
    from opsctl.cli.render import flags as rendering  # noqa: PLC0415 - start-up

    found = call.services.flags().list_flags(call.ref.project, call.ref.environment)
    call.remember_keys(flags=(flag.key for flag in found))
    call.answer(
        human=lambda view: rendering.list_to_text(found, view), data=lambda view: rendering.list_to_data(found, view)
    )


@command(names_flag=True)
def get_flag(call: Call) -> None:
    """Show one flag in every environment.

    Its variations, and in every environment its targeting and what it serves now.

    Example: opsctl flags get show-avatars-and-reccs
    """
    from opsctl.cli.render import flags as rendering  # noqa: PLC0415 - start-up

    flag = call.services.flags().get_flag(call.ref.project, call.ref.key)
    call.remember_keys(environments=flag.targeting)
    call.answer(
        human=lambda view: rendering.flag_to_text(flag, view), data=lambda view: rendering.flag_to_data(flag, view)
    )


@command()
def create_flag(
    call: Call,
    key: options.FlagKeyArgument,
    *,
    name: NameOption = None,
    description: DescriptionOption = "",
    tag: TagOption = None,
) -> None:
    """Create a kill switch.

    A permanent boolean flag with the variations Enabled and Disabled, off in every environment.

    Example: opsctl flags create show-search --description "Shut off the search suggestions."
    """
    from opsctl.cli.render import flags as rendering  # noqa: PLC0415 - start-up
    from opsctl.core.flags import NewFlag  # noqa: PLC0415 - start-up

    wanted = NewFlag(key, name or key, description, tuple(tag or ()))
    created = call.services.flags().create_kill_switch(call.ref.project, wanted)
    call.remember_keys(flags=[key])
    call.answer(
        human=lambda view: rendering.created_to_text(created, view),
        data=lambda view: rendering.created_to_data(created, view),
    )
