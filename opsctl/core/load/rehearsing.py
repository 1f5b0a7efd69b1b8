"""What a rehearsal runs, what has to hold in it, and what is kept of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode
from opsctl.core.load.builtin import built_in
from opsctl.core.load.failures import Failure
from opsctl.core.load.thresholds import parse_threshold
from opsctl.core.load.wording import show
from opsctl.core.rehearsal import Objective, Rehearsal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.core.flags import FlagRef
    from opsctl.core.load.results import SimulationResult
    from opsctl.core.load.scenario import Scenario
    from opsctl.core.load.thresholds import Threshold, Verdict

OBJECTIVES = (
    "kill.shown.p99<1s",
    "degraded.shown.full==0",
    "degraded.avatar_calls==0",
    "degraded.error_rate<=0.1%",
    "restored.error_rate<=1%",
)
"""What has to hold where nobody says otherwise: what a kill is for, and that a restore gives everything back."""

VISITORS = 100
_OF_BROWSERS, _OF_INSTANCES = OBJECTIVES[0], OBJECTIVES[2]
_BROKEN_OFF_BY = frozenset({ErrorCode.INTERRUPTED, ErrorCode.SUPERSEDED})


_SCENARIOS = {Failure.SLOW: "avatar-slow", Failure.DOWN: "avatar-down", Failure.NONE: "compare"}


def rehearsal_of(
    failure: Failure, *, visitors: int | None, sockets: int | None, seconds: float | None, seed: int
) -> Scenario:
    """Return what a rehearsal of that failure runs; `None` is as it has it by itself.

    Raises:
        ValueError: it cannot be run so; the message says why, for people.
    """
    scenario = built_in(
        _SCENARIOS[failure],
        visitors=VISITORS if visitors is None else visitors,
        sockets=sockets,
        seconds=seconds,
        seed=seed,
    )
    return replace(scenario, name=f"rehearsal-{failure}")


def objectives(given: Sequence[str], scenario: Scenario, *, sees_instances: bool) -> tuple[Threshold, ...]:
    """Return what has to hold: what was given, and of `OBJECTIVES` those about figures that nothing was given for.

    Of these, one that cannot be observed is left out: about connected browsers where there are none, and about what
    instances count where nobody can ask them (`sees_instances`).

    Raises:
        ValueError: one that was given says nothing about this scenario; as `parse_threshold`.
    """
    own = [parse_threshold(text, scenario) for text in given]
    taken = {(one.subject, one.figure) for one in own}
    unseen = {*(() if scenario.sockets else (_OF_BROWSERS,)), *(() if sees_instances else (_OF_INSTANCES,))}
    usual = [parse_threshold(text, scenario) for text in OBJECTIVES if text not in unseen]
    return (*(one for one in usual if (one.subject, one.figure) not in taken), *own)


def to_keep(
    result: SimulationResult, verdicts: Sequence[Verdict], *, ref: FlagRef, target: str, failure: Failure, report: str
) -> Rehearsal:
    """Return what is kept of a rehearsal; `target` is empty for a throw-away stack, `report` without one."""
    return Rehearsal(
        ref=ref,
        provider=result.provider,
        target=target,
        failure=failure.value,
        at_ms=result.began_ms,
        objectives=tuple(
            Objective(text=one.threshold.text, is_met=one.is_met, said=measured_text(one)) for one in verdicts
        ),
        trouble="; ".join(filter(None, (result.interrupted, result.left_as))),
        is_broken_off=result.ended_by in _BROKEN_OFF_BY,
        report=report,
    )


def measured_text(verdict: Verdict) -> str:
    """Return what was measured, or why it could not be."""
    return verdict.why if verdict.measured is None else show(verdict.measured, verdict.threshold.unit)
