"""`simulate`: what the options say, the run, and what is said and written of it."""

from __future__ import annotations

import importlib.util
import secrets
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opsctl.adapters.undisturbed import undisturbed
from opsctl.cli.exit_codes import EXIT_CODES, ExitCode
from opsctl.cli.load_sharing import address_to_join, spread
from opsctl.cli.objectives import duration_option
from opsctl.cli.outputs import ensure_can_write
from opsctl.cli.render import simulation as rendering
from opsctl.cli.reporting import reporting
from opsctl.cli.simulation_progress import shown_while_it_runs
from opsctl.cli.targets import confirm_kill, refuse_what_needs_a_target, target_url
from opsctl.core.addresses import is_loopback_url
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.load.builtin import built_in, changed, on_running_feed, untold
from opsctl.core.load.judging import judge
from opsctl.core.load.thresholds import parse_threshold

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from opsctl.cli.invocation import Call, LoadOptions
    from opsctl.core.load.results import SimulationResult
    from opsctl.core.load.scenario import Scenario
    from opsctl.core.load.thresholds import Threshold, Verdict
    from opsctl.wiring import Wiring

_NEEDED = ("locust", "psutil", "matplotlib")
_RUNNING_HERE = "serve"
_SEEDS = 1_000_000
_JOIN_PATIENCE_S = 600.0


def simulate(call: Call, load: LoadOptions, name: str) -> int:
    """Run a built-in scenario; return the exit code.

    Raises:
        OpsError: `usage`, `bad_config`, `confirmation_required`; what `SimulateService` raises.
    """
    if load.join is not None:
        return _join(call, load, load.join)
    return _run(call, load, _built_in(load, name))


def simulate_file(call: Call, load: LoadOptions, path: Path) -> int:
    """Run a scenario of one's own; return the exit code.

    Raises:
        OpsError: as `simulate`; `bad_config`, where the file cannot be used.
    """
    if load.join is not None:
        return _join(call, load, load.join)
    return _run(call, load, _of_file(load, path))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a simulation runs: the feed's address, and the services that address its provider."""

    url: str
    services: Wiring


def _run(call: Call, load: LoadOptions, scenario: Scenario) -> int:
    thresholds = _thresholds(load.thresholds or (), scenario)
    shared = spread(call, load, None if load.target in {None, _RUNNING_HERE} else target_url(load.target or ""))
    _ensure_can_report(load)
    _ensure_installed()
    if load.target is not None:
        scenario = on_running_feed(scenario)
    with ExitStack() as open_parts:
        place = _place(call, load, scenario, open_parts)
        simulation = open_parts.enter_context(
            place.services.simulation(
                place.url,
                scenario,
                on_look=open_parts.enter_context(shown_while_it_runs(call, scenario)),
                is_own_stack=load.target in {None, _RUNNING_HERE},
                spread=shared,
                note=call.note,
                command=_command(call, load, scenario),
            )
        )
        result = simulation.run(untold(scenario) if simulation.avatars is None else scenario)
        # The switch is back: whoever presses Ctrl-C from here on gets the report of what was measured all the same.
        with undisturbed():
            open_parts.close()
    return _report(call, load, result, judge(thresholds, result))


def _join(call: Call, load: LoadOptions, address: str) -> int:
    """Make visitors for a simulation that runs elsewhere, until that is over or Ctrl-C."""
    address = address_to_join(load, address)
    _ensure_installed()
    from opsctl.adapters.joined_visitors import make_visitors_for  # noqa: PLC0415 - only with --join

    call.note(f"making visitors for {address} until it stops, or Ctrl-C")
    make_visitors_for(address, workers=load.load_workers or 1)
    call.note("it stopped")
    return ExitCode.OK


def _place(call: Call, load: LoadOptions, scenario: Scenario, open_parts: ExitStack) -> _Place:
    """Return where it runs; a stack of its own is started for as long as `open_parts` is."""
    if load.target is None:
        refuse_what_needs_a_target(call, call.again())
        call.note("starting a throw-away stack")
        more = {"OPSCTL_AVATAR_KEEP": f"{scenario.avatar_keep_s or 0:g}s"}
        stack = call.services.throw_away(call.environ, more, timeout_s=call.settings.timeout_s)
        return _Place(*open_parts.enter_context(stack))
    is_here = load.target == _RUNNING_HERE
    url = _served_here(call) if is_here else target_url(load.target)
    if urlsplit(url).scheme == "https" and scenario.sockets:
        raise OpsError(
            ErrorCode.USAGE,
            f"--target {url}: the connected browsers of a simulation cannot speak TLS yet",
            hint=f"load it with visitors of pages alone: {call.again('--sockets', '0')}",
        )
    if not is_loopback_url(url) and not load.allow_remote:
        raise OpsError(
            ErrorCode.USAGE,
            f"--target {url} is not this machine: its visitors are people",
            hint=f"if it may be loaded and killed: {call.again('--allow-remote')}",
        )
    if not is_here and scenario.needs_avatar_api:
        raise OpsError(
            ErrorCode.USAGE,
            f"{scenario.name} has to make the avatar API slow, and that of {url} is somebody else's",
            hint=f"leave --target out, or use --target {_RUNNING_HERE}",
        )
    confirm_kill(call, yes=load.yes)
    return _Place(url, call.services)


def _served_here(call: Call) -> str:
    from opsctl.adapters.datadir import served_url  # noqa: PLC0415 - only with that target

    url = served_url(call.settings.data_dir)
    if url is None:
        raise OpsError(
            ErrorCode.FAILED,
            f"no opsctl serve is running on {call.settings.data_dir}",
            hint="start it: opsctl serve; or leave --target out",
        )
    return url


def _thresholds(texts: Sequence[str], scenario: Scenario) -> tuple[Threshold, ...]:
    try:
        return tuple(parse_threshold(text, scenario) for text in texts)
    except ValueError as error:
        raise OpsError.of_option(ErrorCode.USAGE, "--threshold", error) from error


def _ensure_can_report(load: LoadOptions) -> None:
    ensure_can_write(load.junit, "--junit")
    if load.report is not None:
        from opsctl.simulation.report.place import Place  # noqa: PLC0415 - only with --report

        Place(load.report).ensure_usable()


def _ensure_installed() -> None:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise OpsError(
            ErrorCode.BAD_CONFIG,
            f"simulations need {', '.join(missing)}, which this installation of opsctl came without",
            hint="install it with them: pip install 'opsctl[simulate]'",
        )


def _built_in(load: LoadOptions, name: str) -> Scenario:
    try:
        return built_in(
            name,
            visitors=load.visitors,
            sockets=load.sockets,
            seconds=_seconds(load),
            seed=secrets.randbelow(_SEEDS) if load.seed is None else load.seed,
        )
    except ValueError as error:
        raise OpsError(ErrorCode.USAGE, f"simulate {name}: {error}", hint=f"opsctl simulate {name} --help") from error


def _of_file(load: LoadOptions, path: Path) -> Scenario:
    from opsctl.settings.scenario_file import read_scenario  # noqa: PLC0415 - only with a file

    scenario = read_scenario(path, default_seed=secrets.randbelow(_SEEDS), is_feed_running=load.target is not None)
    try:
        return changed(
            scenario,
            visitors=load.visitors,
            sockets=load.sockets,
            seconds=_seconds(load),
            seed=scenario.seed if load.seed is None else load.seed,
        )
    except ValueError as error:
        raise OpsError(ErrorCode.USAGE, f"{path}: {error}", hint="correct the options, or leave them out") from error


def _seconds(load: LoadOptions) -> float | None:
    return None if load.duration is None else duration_option("--duration", load.duration)


def _command(call: Call, load: LoadOptions, scenario: Scenario) -> str:
    return call.again() if load.seed is not None else call.again("--seed", str(scenario.seed))


def _report(call: Call, load: LoadOptions, result: SimulationResult, verdicts: Sequence[Verdict]) -> int:
    page, lost = _written(load, result, verdicts)
    with reporting(call):
        call.answer(
            human=lambda view: rendering.to_text(result, verdicts, view, page=page),
            data=lambda view: rendering.to_data(result, verdicts, view),
            is_report=True,
            is_interrupted=result.ended_by is ErrorCode.INTERRUPTED,
        )
    if result.hint:
        call.note(f"fix:   {result.hint}")
    code = _exit_code(result, verdicts)
    if lost is not None and not code:
        raise lost
    return code


def _written(
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


def _exit_code(result: SimulationResult, verdicts: Sequence[Verdict]) -> int:
    if result.ended_by is not None and (result.is_left_as_found or result.ended_by is ErrorCode.SUPERSEDED):
        return EXIT_CODES[result.ended_by]
    if not result.is_left_as_found:
        return ExitCode.FAILED
    return ExitCode.OK if all(one.is_met for one in verdicts) else ExitCode.OBJECTIVE_NOT_MET
