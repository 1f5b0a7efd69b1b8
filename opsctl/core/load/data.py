"""A simulation as JSON, for programs: what docs/json.md describes under `simulate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.core.load.comparison import compare
from opsctl.core.load.figures import FIGURES
from opsctl.core.load.headline import browsers_at, headline
from opsctl.core.load.steps import step_data
from opsctl.core.modes import Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.core.load.comparison import Comparison
    from opsctl.core.load.results import Flip, PhaseResult, SimulationResult
    from opsctl.core.load.scenario import Avatars, Scenario
    from opsctl.core.load.thresholds import Verdict

_DIGITS = 3


def result_data(result: SimulationResult, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return everything but what happened second by second."""
    comparison = compare(result)
    return {
        "scenario": _scenario(result.scenario),
        "command": result.command or None,
        "url": result.target,
        "provider": result.provider,
        "flag": result.flag,
        "began_ms": result.began_ms,
        "interrupted": result.interrupted or None,
        "left_as": result.left_as or None,
        "is_left_as_found": result.is_left_as_found,
        "headline": headline(result, comparison),
        "comparison": _comparison(comparison),
        "phases": [phase_data(one) for one in result.phases],
        "flips": [_flip(one, result) for one in result.flips],
        "thresholds": [
            {
                "expression": one.threshold.text,
                "state": one.state,
                "measured": _rounded(one.measured),
                "bound": _rounded(one.threshold.bound),
                "unit": one.threshold.unit,
                "why": one.why or None,
            }
            for one in verdicts
        ],
        "generator": {
            "processes": result.generator.processes,
            "busiest": _rounded(result.generator.cpu),
            "late_ms": _rounded(result.generator.late_ms),
            "lost": result.generator.lost or None,
            "warnings": list(result.generator.warnings),
        },
        "machine": {
            "system": result.machine.system,
            "cores": result.machine.cores,
            "versions": [{"of": name, "version": version} for name, version in result.machine.versions.items()],
        },
        **({"steps": [step_data(one) for one in result.steps]} if result.steps else {}),
    }


def series_data(result: SimulationResult) -> dict[str, Any]:
    """Return what happened second by second, and how each flip arrived in the browsers."""
    return {
        "seconds": [
            {
                "second": one.at_s,
                "pages": one.pages,
                "failed": one.failed,
                "p50_ms": one.p50_ms,
                "p95_ms": one.p95_ms,
                "p99_ms": one.p99_ms,
                "shown": _shown(one.shown),
                "avatar_calls": one.avatar_calls,
                "visitors": one.visitors,
                "sockets": one.sockets,
            }
            for one in result.seconds
        ],
        "usage": [
            {"at_s": _rounded(one.at_s), "cpu": _rounded(one.cpu), "memory_mb": _rounded(one.memory_mb)}
            for one in result.usage
        ],
        "arrivals": [[[at_ms, browsers] for at_ms, browsers in flip.arrivals] for flip in result.flips],
    }


def phase_data(phase: PhaseResult) -> dict[str, Any]:
    """Return one phase; its figures are named as thresholds name them."""
    return {
        "name": phase.name,
        "tag": phase.tag,
        "mode": phase.mode,
        "from_s": _rounded(phase.from_s),
        "to_s": _rounded(phase.to_s),
        "is_cut_short": phase.is_cut_short,
        "requests": phase.pages.requests,
        "bytes": phase.pages.sent_bytes,
        "failures": [{"why": why, "count": count} for why, count in phase.pages.failures.most_common()],
        "shown": _shown(phase.shown),
        "visitors": phase.visitors,
        "sockets": phase.sockets,
        "answered": phase.answered,
        "ended": phase.ended,
        "ended_within": phase.ended_within,
        "avatar_served": phase.avatar_served,
        "avatar_passed_on": phase.avatar_passed_on,
        "sampled_s": _rounded(phase.sampled_s),
        "busiest_worker": _rounded(phase.busiest),
        "breaker_open_s": _rounded(phase.breaker_open_s),
        "machine_busy": _rounded(phase.machine_busy),
        "machine_stolen": _rounded(phase.machine_stolen),
        "figures": {name: _rounded(figure.of(phase)) for name, figure in FIGURES.items()},
    }


def _scenario(scenario: Scenario) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "seed": scenario.seed,
        "visitors": scenario.visitors,
        "sockets": scenario.sockets,
        "think_s": list(scenario.think_s),
        "avatar_keep_s": scenario.avatar_keep_s,
        "notes": list(scenario.notes),
        "phases": [
            {
                "name": one.name,
                "tag": one.tag,
                "mode": one.mode,
                "seconds": one.seconds,
                "visitors": one.visitors,
                "avatars": None if one.avatars is None else _avatars(one.avatars),
            }
            for one in scenario.phases
        ],
    }


def _avatars(avatars: Avatars) -> dict[str, Any]:
    return {
        "latency_ms": avatars.latency_ms,
        "jitter_ms": avatars.jitter_ms,
        "error_rate": avatars.error_rate,
        "rate_limit_per_s": avatars.rate_limit_per_s,
        "hang": avatars.hang,
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    phases = (comparison.full, comparison.degraded, comparison.restored)
    full, degraded, restored = (None if phase is None else phase.name for phase in phases)
    saved, lost = comparison.saved, comparison.lost
    return {
        "full": full,
        "degraded": degraded,
        "restored": restored,
        "rows": [
            {
                "figure": row.figure.name,
                "unit": row.figure.unit,
                "full": _rounded(row.full),
                "degraded": _rounded(row.degraded),
                "restored": _rounded(row.restored),
                "ratio": _rounded(row.ratio),
            }
            for row in comparison.rows
        ],
        "saved": None
        if saved is None
        else {
            "pages": saved.pages,
            "avatar_calls": saved.avatar_calls,
            "third_party_ms": _rounded(saved.third_party_ms),
            "bytes": _rounded(saved.sent_bytes),
            "cpu_ms": _rounded(saved.cpu_ms),
        },
        "lost": None
        if lost is None
        else {"pages": lost.pages, "degraded_s": _rounded(lost.degraded_s), "browsers": lost.browsers},
        "notes": list(comparison.notes),
    }


def _flip(flip: Flip, result: SimulationResult) -> dict[str, Any]:
    return {
        "to": flip.to,
        "began_s": _rounded(flip.began_s),
        "written_ms": _rounded(flip.written_ms),
        "instances": {
            "total": flip.instances[1],
            "confirmed": flip.instances[0],
            "last_ms": _rounded(flip.instances_ms),
        },
        "browsers": {"connected": flip.browsers[1], "confirmed": flip.browsers[0]},
        "shown": {
            "browsers": flip.shown,
            "of": browsers_at(result, flip),
            **{f"{name}_ms": _rounded(flip.shown_ms.get(name)) for name in ("p50", "p95", "p99", "max")},
        },
        "is_confirmed": flip.is_confirmed,
        "trouble": flip.trouble or None,
    }


def _shown(shown: dict[str, int]) -> dict[str, int]:
    return {mode.value: shown.get(mode, 0) for mode in Mode}


def _rounded(value: float | None) -> float | None:
    """Return a value without the digits that nobody measured; whole numbers stay whole."""
    return round(value, _DIGITS) if isinstance(value, float) else value
