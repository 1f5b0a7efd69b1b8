"""Proving, in CI or after a deployment, that the switch works."""

from pathlib import Path
from typing import Annotated

import typer

from opsctl.cli.command import command
from opsctl.cli.invocation import Call
from opsctl.core.errors import ErrorCode, OpsError


@command(names_flag=True)
def smoke(
    call: Call,
    *,
    target: Annotated[
        str | None, typer.Option("--target", metavar="URL", help="A running feed; without it a throw-away stack.")
    ] = None,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write a JUnit report.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --target: kill it without asking.")] = False,
) -> int:
    """Prove that the switch works here.

    Kill and restore for real, look at the page and at a connected client, and give a verdict.

    Example: opsctl smoke --junit smoke.xml
    """
    from opsctl.cli.exit_codes import ExitCode  # noqa: PLC0415 - start-up
    from opsctl.cli.outputs import ensure_can_write  # noqa: PLC0415 - start-up
    from opsctl.cli.render import smoking as rendering  # noqa: PLC0415 - start-up
    from opsctl.core.smoke import SmokeStep  # noqa: PLC0415 - start-up

    def on_step(step: SmokeStep) -> None:
        call.note(rendering.step(step))

    ensure_can_write(junit, "--junit")
    if target is not None:
        target = _url(target)
        _confirm_kill(call, yes=yes)
        report = call.services.smoke(target, on_step).run()
    else:
        _refuse_what_needs_a_target(call)
        call.note("starting a throw-away stack")
        with call.services.throw_away(call.environ, timeout_s=call.settings.timeout_s) as (url, services):
            report = services.smoke(url, on_step, expects_avatars=True).run()
    if junit is not None:
        junit.write_text(rendering.junit(report), encoding="utf-8")
    call.answer(human=lambda view: rendering.human(report, view), data=lambda _: rendering.data(report))
    return ExitCode.OK if report.passed else ExitCode.FAILED


def _url(target: str) -> str:
    from opsctl.settings.uris import parse_uri  # noqa: PLC0415 - start-up

    try:
        return parse_uri(target)
    except ValueError as error:
        raise OpsError.of_option(ErrorCode.USAGE, "--target", error) from error


def _refuse_what_needs_a_target(call: Call) -> None:
    """A throw-away stack has one project, two environments and one flag: whoever names others means another feed."""
    given = [name for name in ("flag", "project", "environment") if call.settings.sources.get(name) == "option"]
    if given:
        raise OpsError(
            ErrorCode.USAGE,
            f"a {given[0]} was named, but a throw-away stack has only its own",
            hint="name the feed too: opsctl smoke --target http://HOST:PORT",
        )


def _confirm_kill(call: Call, *, yes: bool) -> None:
    """Ask what `opsctl kill` would ask: a smoke run degrades the feed for everybody, if only for a moment."""
    from opsctl.cli.confirmation import ensure_confirmed  # noqa: PLC0415 - start-up
    from opsctl.core.switch import Change  # noqa: PLC0415 - start-up
    from opsctl.services.prepared import SwitchRequest  # noqa: PLC0415 - start-up

    request = SwitchRequest(ref=call.ref, change=Change.KILL, timeout_s=call.settings.timeout_s)
    call.announce_target()
    ensure_confirmed(call, call.services.switch(call.note).prepare(request), yes=yes)
