"""What a simulation came to, on the terminal and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.core.load import bought, wording
from opsctl.core.load.comparison import compare
from opsctl.core.load.data import result_data
from opsctl.core.load.figures import Unit
from opsctl.core.load.headline import browsers_at, partial_line
from opsctl.core.load.thresholds import State
from opsctl.core.load.wording import show, show_ms, show_ratio
from opsctl.core.modes import Mode
from opsctl.core.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from opsctl.cli.render.view import View
    from opsctl.core.load.comparison import Comparison, Row
    from opsctl.core.load.results import Flip, PhaseResult, SimulationResult
    from opsctl.core.load.thresholds import Verdict

_LABEL, _FIGURE, _RATIO = 16, 12, 11


def to_text(result: SimulationResult, verdicts: Sequence[Verdict], view: View, *, page: Path | None = None) -> str:
    """Return the report; its last line is the state of the switch, and the command that is next.

    Args:
        result: What came of the run.
        verdicts: What came of its thresholds.
        view: Where it is shown.
        page: The page that was written of it; `None` without.
    """
    comparison, scenario = compare(result), result.scenario
    lines = [view.line("simulated", plain(scenario.name), wording.load_text(result), f"seed {scenario.seed}")]
    if result.is_partial:
        lines += _marked(view, view.wrapped("partial", partial_line(result).removeprefix("Partial: ")))
    lines += [*_compared(comparison, view), "", *_table(comparison, view), ""]
    lines += flips_lines(result, view)
    lines += listed("failed", wording.failed_lines(result), view)
    lines += listed("saved", bought.saved_lines(comparison), view)
    lines += listed("people lost", bought.lost_lines(comparison), view)
    for number, one in enumerate(verdicts):
        lines += _threshold_lines(one, view, is_first=number == 0)
    for warning in result.generator.warnings:
        lines += _marked(view, view.wrapped("load", f"at its own limit: {warning}"))
    for note in (*comparison.notes, *scenario.notes):
        lines += view.wrapped("note", note)
    if page is not None:
        lines.append(view.line("report", plain(str(page))))
    return "\n".join([*lines, _closing(result, view)])


def to_data(result: SimulationResult, verdicts: Sequence[Verdict], view: View) -> dict[str, Any]:
    """Return the object that docs/json.md describes under `simulate`."""
    return {"event": "result", "target": view.target_data(), **result_data(result, verdicts)}


def junit(result: SimulationResult, verdicts: Sequence[Verdict]) -> str:
    """Return a JUnit XML document: a case for each phase, flip and threshold, and one for the switch's state."""
    from opsctl.cli.render.junit import Check, document  # noqa: PLC0415 - only where it was asked for

    ran = {phase.name: phase for phase in result.phases}
    checks = [_phase_check(phase.name, ran.get(phase.name), result) for phase in result.scenario.phases]
    for number, flip in enumerate(result.flips, 1):
        failure = None if flip.is_confirmed else flip.trouble or "not everyone confirmed"
        name = f"flip {number}, {_name(flip)}: everyone confirmed"
        checks.append(Check(name=name, failure=failure, kind="not_confirmed"))
    for one in verdicts:
        measured = show(one.measured, one.threshold.unit)
        failure = None if one.is_met else one.why or f"measured {measured}"
        checks.append(Check(name=one.threshold.text, failure=failure, kind="objective_not_met", details=one.state))
    as_found = None if result.is_left_as_found else result.left_as or "it was not put back"
    checks.append(Check(name="the switch is as it was found", failure=as_found, kind="failed"))
    seconds = sum(phase.seconds for phase in result.phases)
    properties = {"scenario": result.scenario.name, "seed": str(result.scenario.seed), "command": result.command}
    return document("simulate", checks, seconds=seconds, properties=properties)


def _phase_check(name: str, phase: PhaseResult | None, result: SimulationResult) -> Any:
    from opsctl.cli.render.junit import Check  # noqa: PLC0415 - as above

    if phase is None:
        return Check(name=f"phase {name} ran", failure="it never began", kind="failed", details=result.interrupted)
    failure = f"it was cut short after {phase.seconds:.1f} s" if phase.is_cut_short else None
    return Check(
        name=f"phase {name} ran", seconds=phase.seconds, failure=failure, kind="interrupted", details=result.interrupted
    )


def _compared(comparison: Comparison, view: View) -> list[str]:
    """Return which phases stand beside each other, where their names do not say so."""
    phases = (comparison.full, comparison.degraded, comparison.restored)
    named = [f"{phase.tag}: {plain(phase.name)}" for phase in phases if phase is not None and phase.name != phase.tag]
    return [view.line("compared", *named)] if named else []


def _table(comparison: Comparison, view: View) -> list[str]:
    has_restored = comparison.restored is not None
    head = f"{'':<{_LABEL}}{'full':>{_FIGURE}}{'degraded':>{_FIGURE}}{'':>{_RATIO}}"
    lines = [head + (f"{'restored':>{_FIGURE}}" if has_restored else "")]
    lines += [_row(row, view, has_restored=has_restored) for row in comparison.rows]
    return [line.rstrip() for line in lines]


def _row(row: Row, view: View, *, has_restored: bool) -> str:
    unit = row.figure.unit
    ratio = f"{show_ratio(row.full, row.degraded):>{_RATIO}}"
    if row.is_better is not None:
        ratio = view.good(ratio) if row.is_better else view.bad(ratio)
    text = f"{row.figure.label:<{_LABEL}}{show(row.full, unit):>{_FIGURE}}{show(row.degraded, unit):>{_FIGURE}}"
    restored = f"{show(row.restored, unit):>{_FIGURE}}" if has_restored else ""
    worse = "  worse" if row.is_better is False else ""
    return f"{text}{ratio}{restored}{worse}"


def flips_lines(result: SimulationResult, view: View) -> list[str]:
    """Return when each flip was, and who followed it how fast."""
    return [line for flip in result.flips for line in _flip_lines(flip, result, view)]


def _flip_lines(flip: Flip, result: SimulationResult, view: View) -> list[str]:
    confirmed, instances = flip.instances
    parts = [f"at {flip.began_s:.1f} s"]
    if flip.written_ms is not None:
        parts.append(f"written {show_ms(flip.written_ms)}")
    if instances:
        last = "" if flip.instances_ms is None else f" in {show_ms(flip.instances_ms)}"
        parts.append(f"instances {confirmed:,}/{instances:,}{last}")
    lines = [view.line(_name(flip), *parts)]
    whole = max(browsers_at(result, flip) or 0, flip.shown)
    if whole:
        times = [f"{at} {show(flip.shown_ms.get(at), Unit.MS)}" for at in ("p50", "p99", "max")] if flip.shown else []
        lines.append(view.line("", f"shown in {flip.shown:,}/{whole:,} browsers", *times))
    return lines


def listed(label: str, said: Sequence[str], view: View) -> list[str]:
    """Return sentences below each other, the first one labelled."""
    return [line for number, one in enumerate(said) for line in view.wrapped("" if number else label, one)]


def _threshold_lines(verdict: Verdict, view: View, *, is_first: bool) -> list[str]:
    mark = view.good if verdict.is_met else view.bad
    state = mark(verdict.state) + " " * (len(State.NOT_MEASURABLE) - len(verdict.state))
    found = verdict.why if verdict.measured is None else show(verdict.measured, verdict.threshold.unit)
    return [view.line("thresholds" if is_first else "", state, plain(verdict.threshold.text), plain(found))]


def _closing(result: SimulationResult, view: View) -> str:
    if not result.is_left_as_found:
        state = plain(result.left_as or "the switch is not as it was found").rstrip(".")
        return view.closing(f"{state}.", "see", view.command("status", result.flag))
    state = plain(result.left_as or "the switch is as it was found").rstrip(".")
    again = plain(result.command) if result.command else view.command("status", result.flag)
    return view.closing(f"{state}.", "again" if result.command else "see", again)


def _marked(view: View, lines: Sequence[str]) -> list[str]:
    return [view.bad(line) for line in lines]


def _name(flip: Flip) -> str:
    return "kill" if flip.to is Mode.DEGRADED else "restore"
