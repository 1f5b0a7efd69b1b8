"""`simulate`: what the options say, the run, and what is said and written of it."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from typing import TYPE_CHECKING

from opsctl.adapters.undisturbed import undisturbed
from opsctl.cli.exit_codes import ExitCode
from opsctl.cli.load_places import RUNNING_HERE, open_place
from opsctl.cli.load_reports import ensure_can_report, ensure_installed, tell, write_reports
from opsctl.cli.load_sharing import address_to_join, spread
from opsctl.cli.objectives import duration_option
from opsctl.cli.render import simulation as rendering
from opsctl.cli.simulation_progress import shown_while_it_runs
from opsctl.cli.targets import target_url
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.load.builtin import built_in, changed, on_running_feed, through_proxy, untold
from opsctl.core.load.judging import judge
from opsctl.core.load.thresholds import parse_threshold

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from opsctl.cli.invocation import Call, LoadOptions
    from opsctl.core.load.results import SimulationResult
    from opsctl.core.load.scenario import Scenario
    from opsctl.core.load.thresholds import Threshold, Verdict
    from opsctl.core.ports.load import AvatarApi

_SEEDS = 1_000_000


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


def _run(call: Call, load: LoadOptions, scenario: Scenario) -> int:
    thresholds = _thresholds(load.thresholds or (), scenario)
    shared = spread(call, load, None if load.target in {None, RUNNING_HERE} else target_url(load.target or ""))
    ensure_can_report(load)
    ensure_installed()
    if load.target is not None:
        scenario = on_running_feed(scenario)
    result = run_load(call, load, scenario, spread=shared)
    return _report(call, load, result, judge(thresholds, result))


def run_load(
    call: Call, load: LoadOptions, scenario: Scenario, *, spread: Sequence[str] = (), is_rehearsal: bool = False
) -> SimulationResult:
    """Run it where the options say; return what came of it, with everything ended that was started for it.

    Raises:
        OpsError: `usage`, `confirmation_required`; what `SimulateService` raises.
    """
    with ExitStack() as open_parts:
        place = open_place(call, load, scenario, open_parts)
        title = "rehearse" if is_rehearsal else "simulate"
        shown = open_parts.enter_context(shown_while_it_runs(call, scenario, title=title))
        simulation = open_parts.enter_context(
            place.services.simulation(
                place.url,
                scenario,
                on_look=shown,
                is_own_stack=load.target in {None, RUNNING_HERE},
                spread=spread,
                note=call.note,
                command=command_again(call, load, scenario),
                on_step=shown.step if is_rehearsal else None,
            )
        )
        result = simulation.run(_as_told(scenario, simulation.avatars))
        # The switch is back: whoever presses Ctrl-C from here on gets the report of what was measured all the same.
        with undisturbed():
            open_parts.close()
    return result


def _as_told(scenario: Scenario, avatars: AvatarApi | None) -> Scenario:
    """Return it with what is true of the avatar API that there is."""
    if avatars is None:
        return untold(scenario)
    return scenario if avatars.provider is None else through_proxy(scenario, avatars.provider)


def _join(call: Call, load: LoadOptions, address: str) -> int:
    """Make visitors for a simulation that runs elsewhere, until that is over or Ctrl-C."""
    address = address_to_join(load, address)
    ensure_installed()
    from opsctl.adapters.joined_visitors import make_visitors_for  # noqa: PLC0415 - only with --join

    call.note(f"making visitors for {address} until it stops, or Ctrl-C")
    make_visitors_for(address, workers=load.load_workers or 1)
    call.note("it stopped")
    return ExitCode.OK


def _thresholds(texts: Sequence[str], scenario: Scenario) -> tuple[Threshold, ...]:
    try:
        return tuple(parse_threshold(text, scenario) for text in texts)
    except ValueError as error:
        raise OpsError.of_option(ErrorCode.USAGE, "--threshold", error) from error


def _built_in(load: LoadOptions, name: str) -> Scenario:
    try:
        return built_in(
            name,
            visitors=load.visitors,
            sockets=load.sockets,
            seconds=seconds_of(load),
            seed=seed_of(load),
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
            seconds=seconds_of(load),
            seed=scenario.seed if load.seed is None else load.seed,
        )
    except ValueError as error:
        raise OpsError(ErrorCode.USAGE, f"{path}: {error}", hint="correct the options, or leave them out") from error


def seed_of(load: LoadOptions) -> int:
    """Return the seed that was given, or a new one."""
    return secrets.randbelow(_SEEDS) if load.seed is None else load.seed


def seconds_of(load: LoadOptions) -> float | None:
    """Return how long all phases are to take together; `None` where nobody said so."""
    return None if load.duration is None else duration_option("--duration", load.duration)


def command_again(call: Call, load: LoadOptions, scenario: Scenario) -> str:
    """Return the command line that repeats the run."""
    return call.again() if load.seed is not None else call.again("--seed", str(scenario.seed))


def _report(call: Call, load: LoadOptions, result: SimulationResult, verdicts: Sequence[Verdict]) -> int:
    page, lost = write_reports(load, result, verdicts)
    return tell(
        call,
        result,
        verdicts,
        human=lambda view: rendering.to_text(result, verdicts, view, page=page),
        data=lambda view: rendering.to_data(result, verdicts, view),
        lost=lost,
    )
