"""A restore in steps: the percentages it goes through, where it stands, and what may stop it."""

from __future__ import annotations

import itertools
import re
from dataclasses import field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from opsctl.core.flags import FlagRef
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.objectives import Objective
from opsctl.core.rollouts import DefaultRule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opsctl.core.propagation import Propagation
    from opsctl.core.switch import Receipt
    from opsctl.core.traffic import Traffic

EVERYBODY = 100.0
STEP_S = 60.0
BAKE_S = 120.0
CONTEXT_KIND = "device"
"""What a ramp counts where the default rule does not say: browsers, as the feed tells them apart."""

_MOST_STEPS = 20
_LEAST_PERCENT = 0.001
_PERCENT = re.compile(r"\d{1,3}(?:\.\d{1,3})?")
_WRITTEN = "write --ramp 5,25,50,100: percentages that rise, to 100 at the end"


def parse_steps(text: str) -> tuple[float, ...]:
    """Return the percentages that `text` names: `5,25,50,100`, each with or without a percent sign.

    Raises:
        ValueError: they are no steps of a ramp. The message says how they are written.
    """
    steps = []
    for part in text.split(","):
        number = part.strip().removesuffix("%").rstrip()
        if not _PERCENT.fullmatch(number) or not _LEAST_PERCENT <= float(number) <= EVERYBODY:
            raise ValueError(f"{part.strip()!r} is no percentage above 0 and up to 100; {_WRITTEN}")
        steps.append(float(number))
    if any(later <= earlier for earlier, later in itertools.pairwise(steps)):
        raise ValueError(f"{text!r} does not rise; {_WRITTEN}")
    if steps[-1] != EVERYBODY:
        raise ValueError(f"{text!r} does not end at 100; {_WRITTEN}")
    if len(steps) > _MOST_STEPS:
        raise ValueError(f"{len(steps)} steps are too many; {_MOST_STEPS} are allowed")
    return tuple(steps)


def format_steps(steps: tuple[float, ...]) -> str:
    """Return percentages as `parse_steps` reads them."""
    return ",".join(f"{percent:g}" for percent in steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class RampPlan:
    """How a ramp is to go. Without steps, a ramp that was left standing is only finished.

    Attributes:
        steps: Percentages, rising, the last one 100.
        step_s: How long each one but the last is watched.
        bake_s: How long the last one is watched, before the default rule is put back.
        objective: What the instances have to meet meanwhile.
        context_kind: What is counted, where the default rule is no rollout yet.
    """

    steps: tuple[float, ...] = ()
    step_s: float = STEP_S
    bake_s: float = BAKE_S
    objective: Objective = field(default_factory=Objective)
    context_kind: str = CONTEXT_KIND

    def dwell_s(self, percent: float) -> float:
        """Return how long that step is watched."""
        return self.bake_s if percent == EVERYBODY else self.step_s

    def after(self, percent: float) -> tuple[float, ...]:
        """Return the steps that are left for a ramp that stands at `percent`: that one again, and those above."""
        return tuple(step for step in self.steps if step >= percent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """Where a ramp stands, as it is kept on this machine until its rule is back.

    Attributes:
        ref: The flag.
        original: The default rule that is put back at the end.
        written: The default rule that the ramp wrote last; before the first step, the original.
        writing: The one that it is about to write; whether it did is not known until it is `None` again.
        writing_percent: What `percent` is once that is written.
        percent: How many get what the original gives to all; 0 before the first step.
        steps: All its percentages.
        at_s: When it came to `percent`, in seconds since 1970.
        reason: Why, as the operator said it.
        incident: What it belongs to, as the operator said it.
    """

    ref: FlagRef
    original: DefaultRule
    written: DefaultRule
    steps: tuple[float, ...]
    at_s: float
    writing: DefaultRule | None = None
    writing_percent: float = 0.0
    percent: float = 0.0
    reason: str | None = None
    incident: str | None = None

    @property
    def remaining(self) -> tuple[float, ...]:
        """Return the percentages that it did not come to."""
        return tuple(step for step in self.steps if step > self.percent)

    def owns(self, rule: DefaultRule) -> bool:
        """Whether a default rule is one that this ramp wrote, or found: anything else is somebody else's."""
        known = (self.original, self.written, self.writing)
        return any(one is not None and one.is_same_as(rule) for one in known)

    def settled(self, rule: DefaultRule) -> Ramp:
        """Return it as it stands where that is the default rule."""
        if self.writing is not None and rule.is_same_as(self.writing):
            percent = self.writing_percent
        else:
            percent = self.percent if rule.is_same_as(self.written) else 0.0
        return replace(self, written=rule, writing=None, writing_percent=0.0, percent=percent)

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON object that `from_wire` reads."""
        return {
            "project": self.ref.project,
            "environment": self.ref.environment,
            "flag": self.ref.key,
            "original": self.original.to_wire(),
            "written": self.written.to_wire(),
            "writing": None if self.writing is None else self.writing.to_wire(),
            "writing_percent": self.writing_percent,
            "percent": self.percent,
            "steps": list(self.steps),
            "at_s": self.at_s,
            "reason": self.reason,
            "incident": self.incident,
        }

    @classmethod
    def from_wire(cls, value: Mapping[str, Any]) -> Ramp:
        """Read what `to_wire` wrote.

        Raises:
            ValueError: it is no such object.
        """
        try:
            return cls(
                ref=FlagRef(str(value["project"]), str(value["environment"]), str(value["flag"])),
                original=DefaultRule.from_wire(value["original"]),
                written=DefaultRule.from_wire(value["written"]),
                writing=None if value["writing"] is None else DefaultRule.from_wire(value["writing"]),
                writing_percent=float(value["writing_percent"]),
                percent=float(value["percent"]),
                steps=tuple(float(step) for step in value["steps"]),
                at_s=float(value["at_s"]),
                reason=None if value["reason"] is None else str(value["reason"]),
                incident=None if value["incident"] is None else str(value["incident"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a ramp: {error}") from error


class RampEvent(StrEnum):
    """What happens in a ramp, as it is told while it goes on.

    `STEP`: a step was written, and confirmed as far as it was in time. `WATCHING`: told every second of it. `WATCHED`:
    its time is over. `HOLDING`: there is no next step for now. `GOING_ON`: there is again.
    """

    STEP = "step"
    WATCHED = "watched"
    WATCHING = "watching"
    HOLDING = "holding"
    GOING_ON = "going_on"


@dataclass(frozen=True, slots=True, kw_only=True)
class RampNews:
    """One thing to tell of a ramp.

    Attributes:
        event: What happened.
        number: Of the step, from 1.
        steps: How many there are.
        percent: Of the step.
        version: The flag's version at that step.
        left_s: How long the step is watched from now on; 0 when that is over.
        traffic: What the instances answered since the step, at most within the last minute.
        seen: How far the step came.
        why: Why the ramp does not go on, for people.
    """

    event: RampEvent
    number: int
    steps: int
    percent: float
    version: int
    left_s: float
    traffic: Traffic
    seen: Propagation
    why: str = ""


class RampCause(StrEnum):
    """Why a ramp ended.

    `DONE`: it came to its end, and the default rule is back. `KILLED`: somebody turned the flag off. `CHANGED`:
    somebody changed the default rule, or restored at once. `BREACHED`: the objective was not met, and the ramp killed.
    `PINNED`: an instance was pinned by break-glass. `INTERRUPTED`: Ctrl-C or a signal; it stays where it is.
    """

    DONE = "done"
    KILLED = "killed"
    CHANGED = "changed"
    BREACHED = "breached"
    PINNED = "pinned"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class RampEnd:
    """How a ramp ended.

    Attributes:
        cause: Why.
        receipt: What came of the restore.
        plan: How it was to go.
        percent: Where it stood last; `None` when it had not begun.
        original: The default rule before the ramp, for people.
        rule: The default rule now, for people; empty when it is not known.
        is_back: Whether that is the one from before the ramp.
        is_on: Whether targeting was on when the flag was last looked at.
        said: What stopped it, for people; empty when it came to its end.
        kill: What came of the kill that a breach caused.
        left: The ramp that was left standing, which a later command goes on with; `None` when there is none.
    """

    cause: RampCause
    receipt: Receipt
    plan: RampPlan
    percent: float | None
    original: str
    rule: str
    is_back: bool
    is_on: bool = True
    said: str = ""
    kill: Receipt | None = None
    left: Ramp | None = None
