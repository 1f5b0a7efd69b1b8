"""Thresholds against what was measured; one that could not be measured is not met."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.load.comparison import compare
from opsctl.core.load.figures import FIGURES, percentile_figure
from opsctl.core.load.scenario import Tag
from opsctl.core.load.thresholds import KILL, LOST, OPERATORS, RATIO, RESTORE, SAVED, Verdict
from opsctl.core.load.wording import counted
from opsctl.core.modes import Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.core.load.figures import Figure
    from opsctl.core.load.results import Flip, PhaseResult, SimulationResult
    from opsctl.core.load.thresholds import Threshold

_FLIPS = {KILL: Mode.DEGRADED, RESTORE: Mode.FULL}


class _NotMeasurableError(Exception):
    """It was not observed; the text says why, for people."""


def judge(thresholds: Sequence[Threshold], result: SimulationResult) -> tuple[Verdict, ...]:
    """Return what came of each threshold, in their order."""
    return tuple(_judged(one, result) for one in thresholds)


def _judged(threshold: Threshold, result: SimulationResult) -> Verdict:
    try:
        return Verdict(threshold=threshold, measured=_measured(threshold, result))
    except _NotMeasurableError as error:
        return Verdict(threshold=threshold, measured=None, why=str(error))


def _measured(threshold: Threshold, result: SimulationResult) -> float:
    subject = threshold.subject
    if subject in _FLIPS:
        return _of_flips(threshold, result)
    if subject == SAVED:
        return _saved(threshold.figure, result)
    if subject == LOST:
        return _lost(threshold.figure, result)
    if subject == RATIO:
        full, degraded = (_of_phase(threshold.figure, _tagged(tag, result)) for tag in (Tag.FULL, Tag.DEGRADED))
        if full == 0:
            raise _NotMeasurableError("it was 0 in full mode: there is no ratio")
        return degraded / full
    phase = next((one for one in result.phases if one.name == subject), None)
    if phase is None and subject in {one.name for one in result.scenario.phases}:
        raise _NotMeasurableError(f"{subject} never began")
    return _of_phase(threshold.figure, phase or _tagged(Tag(subject), result))


def _tagged(tag: Tag, result: SimulationResult) -> PhaseResult:
    phase = result.tagged(tag)
    if phase is None:
        raise _NotMeasurableError(f"no phase of {tag} ever began")
    return phase


def _of_phase(name: str, phase: PhaseResult) -> float:
    _ensure_whole(phase)
    return _known(_figure(name).of(phase), f"it was not observed in {phase.name}")


def _figure(name: str) -> Figure:
    return FIGURES.get(name) or percentile_figure(float(name.removeprefix("p")))


def _ensure_whole(phase: PhaseResult) -> None:
    if phase.is_cut_short or phase.seconds <= 0:
        raise _NotMeasurableError(f"{phase.name} was cut short")


def _of_flips(threshold: Threshold, result: SimulationResult) -> float:
    """Return the figure of the flip that is furthest from what is wanted: each of them has to meet it."""
    flips = [flip for flip in result.flips if flip.to is _FLIPS[threshold.subject]]
    if not flips:
        never = "there was none" if not result.is_partial else "there was none before it ended"
        raise _NotMeasurableError(never)
    values = [_of_flip(threshold.figure, flip) for flip in flips]
    failing = [one for one in values if not OPERATORS[threshold.operator](one, threshold.bound)]
    return (max if "<" in threshold.operator else min)(failing or values)


def _of_flip(name: str, flip: Flip) -> float:
    if name == "shown.count":
        return float(flip.shown)
    others = {"written": flip.written_ms, "instances": flip.instances_ms}
    if name in others:
        return _known(others[name], "it was not observed")
    reached = flip.shown_ms.get(name.removeprefix("shown."))
    return _known(reached, f"only {counted(flip.shown, 'browser')} showed it" if flip.shown else "it was not observed")


def _saved(name: str, result: SimulationResult) -> float:
    for tag in (Tag.FULL, Tag.DEGRADED):
        _ensure_whole(_tagged(tag, result))
    saved = compare(result).saved
    assert saved is not None  # noqa: S101 - both phases are there
    values = {
        "avatar_calls": saved.avatar_calls,
        "third_party": saved.third_party_ms,
        "bytes": saved.sent_bytes,
        "cpu": saved.cpu_ms,
    }
    return _known(values[name], "it was not observed in both modes")


def _lost(name: str, result: SimulationResult) -> float:
    _ensure_whole(_tagged(Tag.DEGRADED, result))
    lost = compare(result).lost
    if lost is None:
        raise _NotMeasurableError("no phase was degraded")
    return float(lost.pages) if name == "pages" else lost.degraded_s * 1000


def _known(value: float | None, why: str) -> float:
    if value is None:
        raise _NotMeasurableError(why)
    return value
