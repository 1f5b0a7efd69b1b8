"""What a rehearsal came to, on the terminal and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.cli.render import simulation
from opsctl.core.load import bought, wording
from opsctl.core.load.comparison import compare
from opsctl.core.load.figures import FIGURES
from opsctl.core.load.headline import partial_line
from opsctl.core.load.rehearsing import measured_text
from opsctl.core.load.scenario import Tag
from opsctl.core.load.steps import StepName
from opsctl.core.load.thresholds import State
from opsctl.core.load.wording import show, show_ms
from opsctl.core.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from opsctl.cli.render.view import View
    from opsctl.core.load.comparison import Comparison
    from opsctl.core.load.results import PhaseResult, SimulationResult
    from opsctl.core.load.thresholds import Verdict
    from opsctl.core.rehearsal import Rehearsal

_ROWS = ("pages_per_s", "p50", "p95", "error_rate", "avatar_calls_per_s", "cpu_per_page")
_LABEL, _FIGURE = 16, 13


def to_text(
    result: SimulationResult, verdicts: Sequence[Verdict], kept: Rehearsal, view: View, *, page: Path | None
) -> str:
    """Return the report; its last line says whether it passed, and the state of the switch.

    Args:
        result: What came of the run.
        verdicts: What came of the objectives.
        kept: What is kept of it.
        view: Where it is shown.
        page: The page that was written of it; `None` where it could not be.
    """
    comparison, seed = compare(result), f"seed {result.scenario.seed}"
    where = plain(kept.target) or "a throw-away stack"
    lines = [view.line("rehearsed", f"failure {kept.failure}", f"on {where}", wording.load_text(result), seed)]
    if result.is_partial:
        lines += [view.bad(line) for line in view.wrapped("partial", partial_line(result).removeprefix("Partial: "))]
    lines += _table(result)
    lines += simulation.flips_lines(result, view)
    lines += _objectives(verdicts, view)
    lines += simulation.listed("failed", wording.failed_lines(result), view)
    lines += simulation.listed("saved", (*_latency(comparison), *bought.saved_lines(comparison)), view)
    lines += simulation.listed("people lost", bought.lost_lines(comparison), view)
    verified = next((step for step in result.steps if step.name is StepName.VERIFY), None)
    if verified is not None:
        lines += simulation.listed("verified", verified.observed, view)
    for warning in result.generator.warnings:
        lines += [view.bad(line) for line in view.wrapped("load", f"at its own limit: {warning}")]
    if page is not None:
        lines.append(view.line("report", plain(str(page))))
    return "\n".join([*lines, _closing(result, kept, view)])


def to_data(result: SimulationResult, verdicts: Sequence[Verdict], kept: Rehearsal, view: View) -> dict[str, Any]:
    """Return the object that docs/json.md describes under `rehearse`."""
    return {
        **simulation.to_data(result, verdicts, view),
        "failure": kept.failure,
        "is_throw_away_stack": not kept.target,
        "passed": kept.has_passed,
        "report": kept.report or None,
    }


def _objectives(verdicts: Sequence[Verdict], view: View) -> list[str]:
    longest = max((len(one.threshold.text) for one in verdicts), default=0)
    lines = []
    for number, one in enumerate(verdicts):
        mark = view.good if one.is_met else view.bad
        state = mark(one.state) + " " * (len(State.NOT_MEASURABLE) - len(one.state))
        text = plain(one.threshold.text).ljust(longest)
        lines.append(view.line("" if number else "objectives", state, text, plain(measured_text(one))))
    return lines


def _latency(comparison: Comparison) -> list[str]:
    """Return what a page took in degraded mode against what it took in full mode just before."""
    row = next(one for one in comparison.rows if one.figure.name == "p95")
    if row.full is None or row.degraded is None:
        return []
    less = "" if row.degraded < row.full else "nothing: "
    return [f"{less}95 of 100 pages within {show_ms(row.degraded)} instead of {show_ms(row.full)}"]


def _table(result: SimulationResult) -> list[str]:
    """Return the phases side by side that tell the story: before, with the failure, killed, and restored."""
    named = [(name, phase) for name, phase in _told(result) if phase is not None]
    if not named:
        return []
    head = " " * _LABEL + "".join(f"{name:>{_FIGURE}}" for name, _ in named)
    return ["", head, *(_row(name, [phase for _, phase in named]) for name in _ROWS), ""]


def _told(result: SimulationResult) -> tuple[tuple[str, PhaseResult | None], ...]:
    first = result.phases[0] if result.phases else None
    full = result.tagged(Tag.FULL)
    return (
        ("baseline", first),
        (full.name if full is not None else "", None if full is first else full),
        ("degraded", result.tagged(Tag.DEGRADED)),
        ("restored", result.tagged(Tag.RESTORED)),
    )


def _row(name: str, phases: Sequence[PhaseResult]) -> str:
    figure = FIGURES[name]
    shown = (show(None if one.seconds <= 0 else figure.of(one), figure.unit) for one in phases)
    return f"{figure.label:<{_LABEL}}" + "".join(f"{one:>{_FIGURE}}" for one in shown)


def _closing(result: SimulationResult, kept: Rehearsal, view: View) -> str:
    state = plain(result.left_as or "the switch is as it was found").rstrip(".")
    verdict = "broken off" if kept.is_broken_off else "passed" if kept.has_passed else "failed"
    if not result.is_left_as_found:
        return view.closing(f"{verdict}: {state}.", "see", view.command("status", result.flag))
    return view.closing(f"{verdict}; {state}.", "again", plain(result.command))
