"""Proving, in CI or after a deployment, that the switch works."""

from pathlib import Path
from typing import Annotated

import typer

from opsctl.cli.command import command
from opsctl.cli.invocation import Call


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
    from opsctl.cli.targets import confirm_kill, refuse_what_needs_a_target, target_url  # noqa: PLC0415 - start-up
    from opsctl.core.smoke import SmokeStep  # noqa: PLC0415 - start-up

    def on_step(step: SmokeStep) -> None:
        call.note(rendering.step(step))

    ensure_can_write(junit, "--junit")
    if target is not None:
        target = target_url(target)
        confirm_kill(call, yes=yes)
        report = call.services.smoke(target, on_step).run()
    else:
        refuse_what_needs_a_target(call, "opsctl smoke")
        call.note("starting a throw-away stack")
        with call.services.throw_away(call.environ, timeout_s=call.settings.timeout_s) as (url, services):
            report = services.smoke(url, on_step, expects_avatars=True).run()
    if junit is not None:
        junit.write_text(rendering.junit(report), encoding="utf-8")
    call.answer(human=lambda view: rendering.human(report, view), data=lambda _: rendering.data(report))
    return ExitCode.OK if report.passed else ExitCode.FAILED
