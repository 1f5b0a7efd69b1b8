"""Sparing a command what it does not need: Typer validates every option with pydantic, and text needs no validation.

Loading pydantic takes longer than everything else a kill does. Typer builds the validation of a parameter when it is
first asked for; here it finds one there already: its own for types it cannot validate, which lets a value of the right
type through. That place is not public: should it move, options are validated as ever, only later.
"""

from __future__ import annotations

from typing import Any

import typer

_NEED_NO_VALIDATION = frozenset({str, bool})


def spare_validation(command: Any, parent: Any = None) -> None:
    """Let plain text and flags through unvalidated, in a command and in all commands below it."""
    try:
        from typer._coercion import PassThroughRuntimeParam  # noqa: PLC0415 - see above
    except ImportError:
        return
    context = typer.Context(command, parent=parent, **command.context_settings)
    for below in getattr(command, "commands", {}).values():
        spare_validation(below, context)
    for parameter in [*command.params, command.get_help_option(context)]:
        descriptor = getattr(parameter, "type_descriptor", None)
        if descriptor is not None and descriptor.annotation in _NEED_NO_VALIDATION:
            parameter._runtime_param = PassThroughRuntimeParam(  # noqa: SLF001 - see above
                parameter_info=descriptor.parameter_info, annotation=descriptor.annotation
            )
