"""`rehearse`: what the options say, the run, and what is kept, written and said of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.adapters.rehearsal_reports import RehearsalReports
from opsctl.adapters.undisturbed import undisturbed
from opsctl.cli.load_places import RUNNING_HERE
from opsctl.cli.load_reports import ensure_can_report, ensure_installed, tell, write_reports
from opsctl.cli.render import rehearsal as rendering
from opsctl.cli.simulating import run_load, seconds_of, seed_of
from opsctl.cli.targets import target_url
from opsctl.core.addresses import is_loopback_url
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.load.builtin import on_running_feed, untold
from opsctl.core.load.failures import Failure
from opsctl.core.load.judging import judge
from opsctl.core.load.rehearsing import objectives, rehearsal_of, to_keep
from opsctl.services.rehearse import ensure_can_be_rehearsed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.cli.invocation import Call, LoadOptions
    from opsctl.core.load.results import SimulationResult
    from opsctl.core.load.scenario import Scenario
    from opsctl.core.load.thresholds import Threshold, Verdict
    from opsctl.core.rehearsal import Rehearsal

_THROW_AWAY = "throw-away stack"


def rehearse(call: Call, load: LoadOptions, failure: Failure) -> int:
    """Rehearse the switch; return the exit code.

    Raises:
        OpsError: `usage`, `bad_config`, `confirmation_required`; what `ensure_can_be_rehearsed` and `SimulateService`
            raise.
    """
    scenario = _scenario(call, load, failure)
    wanted = _objectives(call, load, scenario)
    ensure_can_report(load)
    reports = RehearsalReports(call.settings.data_dir)
    if load.report is None:
        reports.ensure_usable()
    ensure_installed()
    if load.target is not None:
        ensure_can_be_rehearsed(call.services.status().get_status(call.ref))
    result = run_load(call, load, scenario, is_rehearsal=True)
    if load.report is None:
        load = replace(load, report=reports.place_of(result.began_ms / 1000, failure, scenario.seed))
    return _report(call, load, result, judge(wanted, result), failure)


def _scenario(call: Call, load: LoadOptions, failure: Failure) -> Scenario:
    try:
        scenario = rehearsal_of(
            failure, visitors=load.visitors, sockets=load.sockets, seconds=seconds_of(load), seed=seed_of(load)
        )
    except ValueError as error:
        raise OpsError(ErrorCode.USAGE, f"rehearse: {error}", hint="opsctl rehearse --help") from error
    if load.target is None:
        return scenario
    if load.target != RUNNING_HERE and scenario.needs_avatar_api:
        raise OpsError(
            ErrorCode.USAGE,
            f"a rehearsal cannot make the avatar API of {target_url(load.target)} fail: it is somebody else's",
            hint=f"make it fail yourself, and: {call.again('--failure', Failure.NONE)}",
        )
    scenario = on_running_feed(scenario)
    return untold(scenario) if failure is Failure.NONE else scenario


def _objectives(call: Call, load: LoadOptions, scenario: Scenario) -> tuple[Threshold, ...]:
    settings, target = call.settings, load.target
    is_here = target in {None, RUNNING_HERE} or is_loopback_url(target_url(target or ""))
    sees_instances = is_here or bool(settings.instances or settings.control_token)
    try:
        return objectives(load.thresholds or (), scenario, sees_instances=sees_instances)
    except ValueError as error:
        raise OpsError.of_option(ErrorCode.USAGE, "--objective", error) from error


def _report(
    call: Call, load: LoadOptions, result: SimulationResult, verdicts: Sequence[Verdict], failure: Failure
) -> int:
    page, lost = write_reports(load, result, verdicts)
    with undisturbed():
        kept = to_keep(
            result if load.target is not None else replace(result, provider=_THROW_AWAY),
            verdicts,
            ref=call.ref,
            target="" if load.target is None else result.target,
            failure=failure,
            report="" if page is None else str(page.absolute()),
        )
        lost = _keep(call, kept) or lost
    return tell(
        call,
        result,
        verdicts,
        human=lambda view: rendering.to_text(result, verdicts, kept, view, page=page),
        data=lambda view: rendering.to_data(result, verdicts, kept, view),
        lost=lost,
    )


def _keep(call: Call, kept: Rehearsal) -> OpsError | None:
    """Keep what came of it, and take away old reports; return why it could not be kept."""
    records = call.services.rehearsals()
    try:
        records.keep(kept)
    except OpsError as error:
        return error
    RehearsalReports(call.settings.data_dir).tidy(records.reports())
    return None
