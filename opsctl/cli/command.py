"""How a function becomes a command: it gets one `Call`, and the common options with it."""

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any

import typer

from opsctl.cli import options
from opsctl.cli.exit_codes import ExitCode
from opsctl.cli.invocation import CommonOptions, Invocation, LoadOptions, ProofOptions, WriteOptions
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.lean_dataclass import dataclass

_PROVIDER_ANSWERED = frozenset({ExitCode.OK, ExitCode.NOT_CONFIRMED, ExitCode.SUPERSEDED})
_LOOK_BACK_S = 2.0
"""How long the provider is asked how an earlier command ended that was ended by force; only where there was one."""


def command(
    *,
    names_flag: bool = False,
    writes: bool = False,
    proves: bool = False,
    loads: bool = False,
    sets: Collection[str] = (),
    starts_local: bool = False,
) -> Callable[[Callable[..., int | None]], Callable[..., int | None]]:
    """Make `function(call, …)` a command with the common options; it returns its exit code, `None` for 0.

    With `names_flag` the command has the argument FLAG, which ends up in `call.ref`. With `writes` it has the options
    of commands that write, and gets them as its argument `write`; with `proves` those of commands that wait until
    everyone followed, as `proof`; with `loads` those of simulations, as `load`. Each name in `sets` adds the option of
    that setting, which ends up in `call.settings`. `starts_local` is for commands that start the local flag service:
    they do not look for one that is there already. A command that `writes` lets `KeyboardInterrupt` pass only where
    nothing was written; how it ends is its exit code even where its report cannot be written. After it, what the audit
    log does not know of earlier commands is found out. Typer reads the parameters of a command from its signature, so
    the signature is what is put together here.
    """

    def decorate(function: Callable[..., int | None]) -> Callable[..., int | None]:
        groups = [
            *([_Group("write", WriteOptions, _WRITE)] if writes else ()),
            *([_Group("proof", ProofOptions, _PROOF)] if proves else ()),
            *([_load_group()] if loads else ()),
        ]
        taken = {"call", *(group.argument for group in groups)}
        own = [item for item in inspect.signature(function).parameters.values() if item.name not in taken]
        shared = [
            *(option for group in groups for option in group.options.values()),
            *map(_option_of, sets),
            *_COMMON.values(),
        ]
        leading = [_CONTEXT, _FLAG] if names_flag else [_CONTEXT]

        @functools.wraps(function)
        def run(ctx: typer.Context, **given: Any) -> int | None:
            flag = given.pop("flag") if names_flag else None
            common = CommonOptions(**{name: given.pop(name) for name in _COMMON})
            settings = {name: given.pop(name) for name in sets}
            said = {one.argument: one.kind(**{name: given.pop(name) for name in one.options}) for one in groups}
            invocation: Invocation = ctx.obj
            try:
                with invocation.interruptions:
                    call = invocation.open(common, flag=flag, settings=settings, find_local=not starts_local)
                    code = function(call, **said, **given)
            except KeyboardInterrupt:
                # Typer would turn it into a silent exit code; the error boundary says what it means.
                raise invocation.interrupted(writes=writes) from None
            if names_flag and (code is None or code in _PROVIDER_ANSWERED):
                call.remember_keys()
            if writes and code in _PROVIDER_ANSWERED and not said["write"].dry_run:
                call.services.resolve_unknown(call.ref, timeout_s=_LOOK_BACK_S)
            if invocation.streams.lost is not None and not (code or writes):
                raise OpsError(
                    ErrorCode.FAILED,
                    f"the result could not be written: {invocation.streams.lost.strerror}",
                    hint="look at where it goes",
                )
            return code

        parameters = sorted([*leading, *own, *shared], key=lambda item: item.kind)
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # inspect.signature honours it
        run.__annotations__ = {item.name: item.annotation for item in parameters}
        return run

    return decorate


@dataclass(frozen=True, slots=True)
class _Group:
    """Options that some commands have, and the argument that gets what they said."""

    argument: str
    kind: Callable[..., Any]
    options: Mapping[str, inspect.Parameter]


def _load_group() -> _Group:
    from opsctl.cli.load_options import declared  # noqa: PLC0415 - start-up of the other commands

    return _Group("load", LoadOptions, dict(inspect.signature(declared).parameters))


def _option_of(setting: str) -> inspect.Parameter:
    annotation = options.SETTING_OPTIONS[setting]
    return inspect.Parameter(setting, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _declared(  # noqa: PLR0913 - each is an option
    ctx: typer.Context,
    flag: options.FlagArgument = None,
    *,
    project: options.ProjectOption = None,
    environment: options.EnvironmentOption = None,
    profile: options.ProfileOption = None,
    timeout: options.TimeoutOption = None,
    token_stdin: options.TokenStdinOption = False,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Declare the parameters that are added to commands; never called."""


def _declared_for_writes(
    *,
    reason: options.ReasonOption = None,
    incident: options.IncidentOption = None,
    yes: options.YesOption = False,
    dry_run: options.DryRunOption = False,
    no_wait: options.NoWaitOption = False,
) -> None:
    """Declare the parameters that are added to commands that write; never called."""


def _declared_for_proof(
    *,
    browsers: options.BrowsersOption = None,
    receipt: options.ReceiptOption = None,
    request_approval: options.RequestApprovalOption = False,
) -> None:
    """Declare the parameters that are added to commands that wait until everyone followed; never called."""


_COMMON = dict(inspect.signature(_declared).parameters)
_CONTEXT = _COMMON.pop("ctx")
_FLAG = _COMMON.pop("flag")
_WRITE = dict(inspect.signature(_declared_for_writes).parameters)
_PROOF = dict(inspect.signature(_declared_for_proof).parameters)
