"""What a simulation showed, in one plain sentence that claims no more than was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.load.figures import Unit
from opsctl.core.load.wording import counted, show, show_ms, show_share
from opsctl.core.modes import Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.core.load.comparison import Comparison, Row
    from opsctl.core.load.results import Flip, PhaseResult, SimulationResult
    from opsctl.core.load.thresholds import Verdict

_WORTH_SAYING = 0.001
_LONGER, _MANY = 1.5, 10


def headline(result: SimulationResult, comparison: Comparison) -> str:
    """Return that sentence."""
    full, degraded = comparison.full, comparison.degraded
    if full is None or degraded is None:
        missing = "full" if full is None else "degraded"
        return f"Nothing can be compared: no phase in {missing} mode ever began."
    rows = {row.figure.name: row for row in comparison.rows}
    parts = [*_pages(rows), *_avatars(rows), *_kill(result)]
    if not parts:
        return "Nothing can be compared: no page was answered in both modes."
    cut = " (cut short)" if degraded.is_cut_short else ""
    return f"In degraded mode{cut} {'; '.join(parts)}."


def verdict_line(verdicts: Sequence[Verdict], *, noun: str = "threshold") -> str:
    """Return how many thresholds, or what they are called here, were met; empty without any."""
    if not verdicts:
        return ""
    met = sum(one.is_met for one in verdicts)
    if met == len(verdicts):
        return f"The {noun} was met." if met == 1 else f"All {met} {noun}s were met."
    if len(verdicts) == 1:
        return f"The {noun} was not met."
    return f"{met} of {len(verdicts)} {noun}s were met."


def partial_line(result: SimulationResult) -> str:
    """Return what has to be said of a run that ended early; empty where it did not."""
    if not result.is_partial:
        return ""
    ran = {phase.name for phase in result.phases}
    missing = [phase.name for phase in result.scenario.phases if phase.name not in ran]
    cut = [phase.name for phase in result.phases if phase.is_cut_short]
    said = [f"{_listed(cut)} cut short"] if cut else []
    said += [f"{_listed(missing)} never began"] if missing else []
    return f"Partial: {result.interrupted.rstrip('.')}" + (f"; {', '.join(said)}." if said else ".")


def browsers_at(result: SimulationResult, flip: Flip) -> int | None:
    """Return how many of the own browsers were connected when a flip began; `None` before any phase ended."""
    before = [phase.sockets for phase in result.phases if phase.from_s <= flip.began_s]
    return before[-1] if before else None


def shown_text(result: SimulationResult, flip: Flip) -> str:
    """Return in how many browsers a flip showed and when the last of them did; empty where there were none."""
    whole = browsers_at(result, flip)
    if not whole and not flip.shown:
        return ""
    of = f"{flip.shown:,} of {counted(max(whole or 0, flip.shown), 'browser')}"
    last = flip.shown_ms.get("max")
    return of if last is None else f"{of}, the last after {show_ms(last)}"


def _pages(rows: dict[str, Row]) -> list[str]:
    p95, errors = rows["p95"], rows["error_rate"]
    said = []
    if p95.full is not None and p95.degraded is not None:
        times = _times(p95.full, p95.degraded)
        within = f"within {show_ms(p95.degraded)}, in full mode within {show_ms(p95.full)}"
        said.append(f"95 of 100 pages were there {within}{times}")
    elif p95.degraded is not None:
        said.append(f"95 of 100 pages were there within {show_ms(p95.degraded)}, in full mode none was answered")
    if errors.full is not None and errors.degraded is not None and max(errors.full, errors.degraded) >= _WORTH_SAYING:
        said.append(f"{show_share(errors.degraded)} of the pages failed instead of {show_share(errors.full)}")
    return said


def _times(full: float, degraded: float) -> str:
    """Say how much longer full mode took, where that is worth saying."""
    if full < degraded * _LONGER or degraded <= 0:
        return ""
    times = full / degraded
    return f", {times:,.0f} times as long" if times >= _MANY else f", {times:.1f} times as long"


def _avatars(rows: dict[str, Row]) -> list[str]:
    calls = rows["avatar_calls_per_s"]
    if calls.full is None or calls.degraded is None:
        return []
    before = show(calls.full, Unit.PER_S)
    if calls.degraded == 0:
        return [f"the avatar API was not called, before {before} times a second"]
    return [f"the avatar API was called {show(calls.degraded, Unit.PER_S)} times a second instead of {before}"]


def _kill(result: SimulationResult) -> list[str]:
    kill = next((flip for flip in result.flips if flip.to is Mode.DEGRADED), None)
    shown = "" if kill is None else shown_text(result, kill)
    return [f"the kill showed in {shown}"] if shown else []


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else names[0]


def phase_moment(phase: PhaseResult) -> str:
    """Return when a phase was, in seconds of the run."""
    return f"{phase.from_s:.1f} to {phase.to_s:.1f} s"
