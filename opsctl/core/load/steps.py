"""The steps of a rehearsal: what is done in each, and what was observed."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from opsctl.core.lean_dataclass import dataclass
from opsctl.core.load.figures import FIGURES
from opsctl.core.load.wording import UNKNOWN, counted, show, show_ms, show_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.core.load.results import Flip, PhaseResult
    from opsctl.core.load.scenario import Avatars

_TOLD = (("pages_per_s", "{} pages/s"), ("p95", "p95 {}"), ("error_rate", "{} failed"))


class StepName(StrEnum):
    """The steps, in their order."""

    NOTE = "note the state"
    BASELINE = "baseline"
    INJECT = "inject the failure"
    KILL = "kill"
    PROVE = "prove"
    MEASURE = "measure"
    RESTORE = "restore"
    VERIFY = "verify"


ORDER: tuple[StepName, ...] = tuple(StepName)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step that began.

    Attributes:
        name: Which.
        at_s: When it began, in seconds of the run.
        doing: What is done in it, for people; empty where its name says so.
        observed: What was seen of it, for people; complete once it is over.
        is_over: Whether it ended, be it early.
    """

    name: StepName
    at_s: float
    doing: str = ""
    observed: tuple[str, ...] = ()
    is_over: bool = False

    @property
    def number(self) -> int:
        """Its place in the order, from 1."""
        return ORDER.index(self.name) + 1


def step_data(step: Step) -> dict[str, Any]:
    """Return a step for programs."""
    return {
        "number": step.number,
        "of": len(ORDER),
        "step": step.name.value,
        "at_s": round(step.at_s, 3),
        "doing": step.doing or None,
        "observed": list(step.observed) if step.is_over else None,
    }


def avatars_text(avatars: Avatars) -> str:
    """Return what the avatar API does, as people say it."""
    if avatars.hang:
        return "answers nothing"
    jitter = f" to {show_ms(avatars.latency_ms + avatars.jitter_ms)}" if avatars.jitter_ms else ""
    said = [f"takes {show_ms(avatars.latency_ms)}{jitter}" if avatars.latency_ms or jitter else "answers at once"]
    said += [f"fails {show_share(avatars.error_rate)} of the calls"] if avatars.error_rate else []
    said += [f"refuses above {avatars.rate_limit_per_s:g} calls/s"] if avatars.rate_limit_per_s else []
    return " and ".join(said)


def phase_text(phase: PhaseResult, *, is_counted: bool = True) -> str:
    """Return what was seen of a phase; until all of its pages were answered, how many they are is not yet said."""
    figures = _TOLD if is_counted else _TOLD[1:]
    told = [(text, show(FIGURES[name].of(phase), FIGURES[name].unit)) for name, text in figures]
    parts = [text.format(said) for text, said in told if said != UNKNOWN]
    calls = FIGURES["avatar_calls_per_s"]
    if (per_s := calls.of(phase)) is not None:
        parts.append(f"{show(per_s, calls.unit)} avatar calls/s")
    so_far = "" if is_counted else " so far"
    return f"{phase.name}{so_far}: {', '.join(parts) or 'no page was answered'}"


def flip_text(flip: Flip) -> str:
    """Return how the provider and the instances took a flip."""
    confirmed, instances = flip.instances
    last = "" if flip.instances_ms is None else f" in {show_ms(flip.instances_ms)}"
    parts = [] if flip.written_ms is None else [f"written in {show_ms(flip.written_ms)}"]
    parts.append(
        f"{confirmed:,}/{instances:,} instances confirmed{last}" if instances else "no instance is here to confirm"
    )
    return ", ".join(parts)


def browsers_text(flip: Flip, connected: int) -> str:
    """Return who of the connected browsers followed a flip; `connected` is how many of them are the run's own."""
    confirmed, browsers = flip.browsers
    whole = max(connected, flip.shown)
    parts = [f"{confirmed:,}/{browsers:,} connected browsers confirmed"] if browsers else []
    if whole:
        times = [f"{name} {show_ms(flip.shown_ms[name])}" for name in ("p50", "p99", "max") if name in flip.shown_ms]
        parts.append(", ".join([f"{flip.shown:,} of {counted(whole, 'browser')} of the run showed it", *times]))
    return "; ".join(parts) or "no browser is connected"


def failure_text(avatars: Sequence[Avatars]) -> str:
    """Return what the avatar API is told to do, one after the other."""
    return f"the avatar API {', then '.join(map(avatars_text, avatars))}" if avatars else ""
