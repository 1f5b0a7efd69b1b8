"""What is written of a load, and how the command that made it ends."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from opsctl.cli.exit_codes import EXIT_CODES, ExitCode
from opsctl.cli.outputs import ensure_can_write
from opsctl.cli.render import simulation as rendering
from opsctl.cli.reporting import reporting
from opsctl.core.errors import ErrorCode, OpsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from opsctl.cli.invocation import Call, LoadOptions
    from opsctl.cli.render.view import View
    from opsctl.core.load.results import SimulationResult
    from opsctl.core.load.thresholds import Verdict

_NEEDED = ("locust", "psutil", "matplotlib")


def ensure_can_report(load: LoadOptions) -> None:
    """Say before any load when what was asked for could not be written afterwards.

    Raises:
        OpsError: `usage`, naming the option.
    """
    ensure_can_write(load.junit, "--junit")
    if load.report is not None:
        from opsctl.simulation.report.place import Place  # noqa: PLC0415 - only with --report

        Place(load.report).ensure_usable()


def ensure_installed() -> None:
    """Say before any load when this installation cannot make one.

    Raises:
        OpsError: `bad_config`, with how to install it.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise OpsError(
            ErrorCode.BAD_CONFIG,
            f"simulations need {', '.join(missing)}, which this installation of opsctl came without",
            hint="install it with them: pip install 'opsctl[simulate]'",
        )


def write_reports(
    load: LoadOptions, result: SimulationResult, verdicts: Sequence[Verdict]
) -> tuple[Path | None, OpsError | None]:
    """Write the files that were asked for; return the page's path, and why something could not be written."""
    page = None
    try:
        if load.report is not None:
            from opsctl.simulation.report.write import write_report  # noqa: PLC0415 - only with --report

            page = write_report(result, verdicts, load.report)
        if load.junit is not None:
            load.junit.write_text(rendering.junit(result, verdicts), encoding="utf-8")
    except KeyboardInterrupt:
        return page, OpsError(ErrorCode.INTERRUPTED, "interrupted before the report was written", hint=result.command)
    except OpsError as error:
        return page, error
    except OSError as error:
        message = f"the JUnit file could not be written to {load.junit}: {error.strerror}"
        return page, OpsError(ErrorCode.FAILED, message, hint="name another place: --junit FILE")
    return page, None


def tell(
    call: Call,
    result: SimulationResult,
    verdicts: Sequence[Verdict],
    *,
    human: Callable[[View], str],
    data: Callable[[View], Mapping[str, Any]],
    lost: OpsError | None,
) -> int:
    """Say what came of a load, and return the exit code.

    Raises:
        OpsError: `lost`, why something of it could not be written, where nothing else is amiss.
    """
    with reporting(call):
        call.answer(human=human, data=data, is_report=True, is_interrupted=result.ended_by is ErrorCode.INTERRUPTED)
    if result.hint:
        call.note(f"fix:   {result.hint}")
    code = _exit_code(result, verdicts)
    if lost is not None and not code:
        raise lost
    return code


def _exit_code(result: SimulationResult, verdicts: Sequence[Verdict]) -> int:
    """Return how the command ends: what ended it early comes first, then what could not be put back."""
    if result.ended_by is not None and (result.is_left_as_found or result.ended_by is ErrorCode.SUPERSEDED):
        return EXIT_CODES[result.ended_by]
    if not result.is_left_as_found:
        return ExitCode.FAILED
    return ExitCode.OK if all(one.is_met for one in verdicts) else ExitCode.OBJECTIVE_NOT_MET
