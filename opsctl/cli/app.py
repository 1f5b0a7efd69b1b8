"""The program: its commands, and the one boundary where errors become text and exit codes."""

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.exceptions import TyperException

from opsctl import __version__
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

_COMMANDS: Mapping[str, Mapping[str, str]] = {
    "serve": {},
    "status": {},
    "kill": {},
    "restore": {},
    "reconcile": {},
    "watch": {},
    "flags": {"list": "list_flags", "get": "get_flag", "create": "create_flag"},
    "audit": {"list": "list_audit", "verify": "verify", "timeline": "timeline"},
    "smoke": {},
    "simulate": {
        "compare": "compare",
        "spike": "spike",
        "avatar-slow": "avatar_slow",
        "avatar-down": "avatar_down",
        "run": "run_scenario",
    },
    "rehearse": {},
    "flag-service": {},
    "config": {"show": "show"},
}
"""The commands in the order of the help, each with the functions of its subcommands."""


def build_app(arguments: Sequence[str] = ()) -> typer.Typer:
    """Return the program with all its commands; with only the one that the arguments begin with, where they do.

    Nothing is opened or read before a command runs.
    """
    app = typer.Typer(
        help=_PROGRAM_HELP,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_program)
    asked_for = [name for name in arguments[:1] if name in _COMMANDS]
    for name in asked_for or _COMMANDS:
        _add(app, name)
    return app


def _add(app: typer.Typer, name: str) -> None:
    """Add a command, or the group of its subcommands; its module is loaded for it."""
    own = name.replace("-", "_")
    module = import_module(f"opsctl.cli.commands.{own}")
    subcommands = _COMMANDS[name]
    if not subcommands:
        app.command(name)(getattr(module, own))
        return
    group = typer.Typer(help=module.__doc__, rich_markup_mode=None)
    group.callback(invoke_without_command=True)(_help_of_group)
    for subcommand, function in subcommands.items():
        group.command(subcommand)(getattr(module, function))
    app.add_typer(group, name=name)


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
            program = typer.main.get_command(build_app(arguments))
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
    names, below = [DEFAULT_PROGRAM], vars(typer.main.get_command(build_app(arguments))).get("commands", {})
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
