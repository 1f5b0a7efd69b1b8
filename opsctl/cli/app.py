"""The program: its commands, and the one boundary where errors become text and exit codes."""

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.exceptions import TyperException

from opsctl import __version__
from opsctl.cli.commands import (
    audit,
    config,
    flag_service,
    flags,
    kill,
    reconcile,
    restore,
    serve,
    smoke,
    status,
    watch,
)
from opsctl.cli.exit_codes import EXIT_CODES
from opsctl.cli.invocation import Invocation
from opsctl.cli.io import Streams
from opsctl.cli.lean_options import spare_validation
from opsctl.cli.program import DEFAULT_PROGRAM, as_called
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.text import plain, without_secrets
from opsctl.wiring import Wiring

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from opsctl.settings import Settings

_PROGRAM_HELP = """Kill switches for high-traffic events: turn the non-essential off, and prove that everyone followed.

Start here: opsctl serve
"""


def build_app() -> typer.Typer:
    """Return the program with all its commands. Nothing is opened or read before a command runs."""
    app = typer.Typer(
        help=_PROGRAM_HELP,
        rich_markup_mode=None,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_program)
    app.command()(serve.serve)
    app.command()(status.status)
    app.command()(kill.kill)
    app.command()(restore.restore)
    app.command()(reconcile.reconcile)
    app.command()(watch.watch)
    app.add_typer(
        _group(flags.__doc__, list=flags.list_flags, get=flags.get_flag, create=flags.create_flag), name="flags"
    )
    app.add_typer(
        _group(audit.__doc__, list=audit.list_audit, verify=audit.verify, timeline=audit.timeline), name="audit"
    )
    app.command()(smoke.smoke)
    app.command("flag-service")(flag_service.flag_service)
    app.add_typer(_group(config.__doc__, show=config.show), name="config")
    return app


def _group(about: str | None, **commands: Callable[..., int | None]) -> typer.Typer:
    group = typer.Typer(help=about, rich_markup_mode=None)
    group.callback(invoke_without_command=True)(_help_of_group)
    for name, function in commands.items():
        group.command(name)(function)
    return group


def run(
    arguments: Sequence[str],
    *,
    streams: Streams,
    environ: Mapping[str, str],
    directory: Path,
    wire: "Callable[[Settings], Wiring]" = Wiring,
    interruptions: "AbstractContextManager[object] | None" = None,
) -> int:
    """Run one command line and return its exit code. Only `SystemExit` and defects of this function get past it.

    `interruptions` is entered while a command runs: it may raise `KeyboardInterrupt` then.
    """
    invocation = Invocation(
        streams=streams,
        environ=environ,
        directory=directory,
        wire=wire,
        arguments=tuple(arguments),
        interruptions=interruptions or contextlib.nullcontext(),
        as_json="--json" in arguments or environ.get("OPSCTL_OUTPUT") == "json",
    )
    try:
        with contextlib.redirect_stdout(streams.stdout), contextlib.redirect_stderr(streams.stderr):
            program = typer.main.get_command(build_app())
            spare_validation(program)
            code = program.main(list(arguments), prog_name=DEFAULT_PROGRAM, standalone_mode=False, obj=invocation)
    except OpsError as error:
        return _report(error, invocation)
    except TyperException as error:
        return _report(_usage_error(error, arguments), invocation)
    except KeyboardInterrupt:
        return _report(OpsError(ErrorCode.INTERRUPTED, "interrupted"), invocation)
    except Exception as error:
        if environ.get("OPSCTL_TRACEBACK"):
            raise
        return _report(_defect(error), invocation)
    return code if isinstance(code, int) else 0


def _program(
    ctx: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    if version:
        ctx.obj.streams.result(f"opsctl {__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        ctx.obj.streams.result(ctx.get_help())


def _help_of_group(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        ctx.obj.streams.result(ctx.get_help())


def _usage_error(error: TyperException, arguments: Sequence[str]) -> OpsError:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else _path_of(arguments)
    message = plain(error.format_message()).replace("Value error, ", "").rstrip(".")
    return OpsError(ErrorCode.USAGE, message[:1].lower() + message[1:], hint=f"{path} --help")


def _path_of(arguments: Sequence[str]) -> str:
    """Return the command that the arguments name, for an error that does not say in which one it was found."""
    names, below = [DEFAULT_PROGRAM], vars(typer.main.get_command(build_app())).get("commands", {})
    for word in arguments:
        if word not in below:
            break
        names.append(word)
        below = vars(below[word]).get("commands", {})
    return " ".join(names)


def _defect(error: Exception) -> OpsError:
    return OpsError(
        ErrorCode.FAILED,
        f"unexpected {type(error).__name__}: {plain(str(error))}",
        hint="this is a defect; OPSCTL_TRACEBACK=1 shows where, please report it",
    )


def _report(error: OpsError, invocation: Invocation) -> int:
    """Say what went wrong on stderr: one line what, one line the fix, or one JSON object."""
    message, hint = (
        _safe(text, invocation) for text in (error.message, as_called(error.hint or "", invocation.program))
    )
    request_id = None if error.request_id is None else plain(error.request_id)
    if invocation.as_json:
        fields = {"code": error.code, "message": message, "hint": hint or None, "request_id": request_id}
        invocation.streams.note(json.dumps(fields))
    else:
        if error.code is ErrorCode.INTERRUPTED:
            invocation.streams.leave_line()
        invocation.streams.note(f"error: {message}" + (f"   (request {request_id})" if request_id else ""))
        if hint:
            invocation.streams.note(f"fix:   {hint}")
    return EXIT_CODES[error.code]


def _safe(text: str, invocation: Invocation) -> str:
    """Return text for people without what drives a terminal, and without any credential, however it came in there."""
    return plain(without_secrets(text, invocation.secrets))
