"""The record of what was done: list it, verify it, tell an incident."""

from pathlib import Path
from typing import Annotated

import typer

from opsctl.cli.command import command
from opsctl.cli.invocation import Call

LimitOption = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=500, help="How many rows at most.")]
SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="DURATION", help="Only what is not older: 30m, 2h, 48h.")
]
IncidentOption = Annotated[str | None, typer.Option("--incident", metavar="ID", help="Only what names this incident.")]
StoryOption = Annotated[str, typer.Option("--incident", metavar="ID", help="The incident to tell.")]
OutputOption = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Write it there instead of to standard output.")
]


@command(names_flag=True)
def list_audit(
    call: Call, *, limit: LimitOption = 20, since: SinceOption = None, incident: IncidentOption = None
) -> None:
    """List what was done to a kill switch, newest first.

    Every command of this machine has one row. The provider's audit log is merged in: a change made in its user
    interface shows too, and what both know of shows once.

    Example: opsctl audit list --since 2h
    """
    import time  # noqa: PLC0415 - start-up

    from opsctl.cli.render import audit as rendering  # noqa: PLC0415 - start-up

    since_s = None if since is None else time.time() - _duration_s(since)
    listing = call.services.audit().list_rows(call.ref, limit=limit, since_s=since_s, incident=incident)
    call.answer(
        human=lambda view: rendering.list_to_text(listing, view),
        data=lambda view: rendering.list_to_data(listing, view),
    )


@command()
def verify(call: Call) -> int:
    """Look whether every record is as it was written.

    Records are chained by their hashes, so that none can be changed, taken out or put in unseen. It names the first bad
    row, and exits with 1 then.

    Example: opsctl audit verify
    """
    from opsctl.cli.exit_codes import ExitCode  # noqa: PLC0415 - start-up
    from opsctl.cli.render import audit as rendering  # noqa: PLC0415 - start-up

    service = call.services.audit()
    verdict = service.verify()
    call.answer(
        human=lambda view: rendering.verify_to_text(verdict, service.place, view),
        data=lambda _: rendering.verify_to_data(verdict, service.place),
        is_report=True,
    )
    return ExitCode.OK if verdict.defect is None else ExitCode.FAILED


@command()
def timeline(call: Call, *, incident: StoryOption, output: OutputOption = None) -> None:
    """Tell an incident, in Markdown, for the post-mortem.

    What happened when, who did it and why, what was measured, for how long the feed was degraded, and what others did
    to the same flags meanwhile.

    Example: opsctl audit timeline --incident INC-4312 --output INC-4312.md
    """
    from opsctl.cli.outputs import ensure_can_write  # noqa: PLC0415 - start-up
    from opsctl.cli.render import timeline as rendering  # noqa: PLC0415 - start-up

    ensure_can_write(output, "--output")
    story = call.services.audit().incident(incident)
    text = rendering.to_markdown(story)
    if output is not None:
        _write(output, text)
        call.note(f"written to {output}")
    if call.as_json:
        call.answer(human=lambda _: "", data=lambda _: rendering.to_data(story))
    elif output is None:
        call.streams.result(text.rstrip("\n"))


def _write(path: Path, text: str) -> None:
    from opsctl.core.errors import ErrorCode, OpsError  # noqa: PLC0415 - start-up

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OpsError(
            ErrorCode.FAILED,
            f"the timeline could not be written to {path}: {error.strerror}",
            hint="name another place, or leave --output out",
        ) from error


def _duration_s(text: str) -> float:
    from opsctl.core.durations import parse_duration_s  # noqa: PLC0415 - start-up
    from opsctl.core.errors import ErrorCode, OpsError  # noqa: PLC0415 - start-up

    try:
        return parse_duration_s(text)
    except ValueError as error:
        raise OpsError(ErrorCode.USAGE, f"--since {error}", hint="opsctl audit list --since 2h") from error
