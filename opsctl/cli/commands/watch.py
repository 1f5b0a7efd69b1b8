"""`watch`: every change as it happens."""

import json
import time
from typing import TYPE_CHECKING, Annotated

import typer

from opsctl.cli.command import command
from opsctl.cli.invocation import Call
from opsctl.core.watch_choices import Until, WatchSource

if TYPE_CHECKING:
    from opsctl.core.watching import WatchEvent

UntilOption = Annotated[Until | None, typer.Option("--until", help="End when the kill switch is in this state.")]
SourceOption = Annotated[
    WatchSource,
    typer.Option("--source", help="Watch the SDK's stream, a page of the feed, or the provider's audit log."),
]
SinceOption = Annotated[
    int | None,
    typer.Option("--since", metavar="VERSION", min=0, help="Begin with what was changed after this version."),
]
TargetOption = Annotated[
    str | None,
    typer.Option(
        "--target", metavar="URL", help="The feed, for --source browser.", show_default="that of opsctl serve"
    ),
]


@command(names_flag=True)
def watch(
    call: Call,
    *,
    until: UntilOption = None,
    source: SourceOption = WatchSource.STREAM,
    since: SinceOption = None,
    target: TargetOption = None,
) -> int:
    """Show changes as they happen.

    Each with who made it and why, until Ctrl-C, --until or --timeout. What was changed while the stream was lost, or
    after the version of --since, is told from the audit log. A state that --until names and that is not reached within
    --timeout is exit code 1.

    Example: opsctl watch --until restored --timeout 30m
    """
    from opsctl.cli.exit_codes import ExitCode  # noqa: PLC0415 - start-up
    from opsctl.core.errors import ErrorCode, OpsError  # noqa: PLC0415 - start-up
    from opsctl.core.watching import WatchEvent, WatchKind  # noqa: PLC0415 - start-up

    limit_s = call.settings.timeout_s if call.common.timeout is not None else None
    service = call.services.watch(source, _feed_url(call, source, target))
    call.announce_target()
    value: object = None
    try:
        for event in service.watch(
            call.ref,
            start_timeout_s=call.settings.timeout_s,
            until=until,
            timeout_s=limit_s,
            since=since,
            is_wanted=lambda: not call.streams.is_abandoned(),
        ):
            value = event.new if event.kind in {WatchKind.STATE, WatchKind.CHANGE, WatchKind.END} else value
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


def _feed_url(call: Call, source: WatchSource, target: str | None) -> str:
    from opsctl.core.addresses import url_at  # noqa: PLC0415 - start-up
    from opsctl.core.errors import ErrorCode, OpsError  # noqa: PLC0415 - start-up
    from opsctl.settings.uris import parse_uri  # noqa: PLC0415 - start-up

    if target is None:
        return url_at("127.0.0.1", call.settings.port)
    if source is not WatchSource.BROWSER:
        raise OpsError(ErrorCode.USAGE, "--target needs --source browser", hint="leave it out, or watch a page")
    try:
        return parse_uri(target)
    except ValueError as error:
        raise OpsError.of_option(ErrorCode.USAGE, "--target", error) from error


def _show(call: Call, event: "WatchEvent") -> None:
    from opsctl.cli.render import watch as rendering  # noqa: PLC0415 - start-up

    view = call.view()
    if call.as_json:
        call.streams.result(json.dumps(rendering.to_data(event, call.ref, view)))
    else:
        call.streams.result(rendering.to_text(event, call.ref, view))
