"""Thresholds as people write them, after k6's: `degraded.p95<100ms`, `failed.rate<1%`; read before any load begins."""

from __future__ import annotations

import operator
import re
from enum import StrEnum
from typing import TYPE_CHECKING

from opsctl.core.lean_dataclass import dataclass
from opsctl.core.load.figures import FIGURES, Unit, percentile_figure
from opsctl.core.load.scenario import Tag
from opsctl.core.text import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opsctl.core.load.scenario import Scenario

KILL, RESTORE, SAVED, LOST, RATIO = "kill", "restore", "saved", "lost", "ratio"

OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
}

ALIASES = {
    "med": "p50",
    "failed.rate": "error_rate",
    "failed.count": "failed",
    "pages.rate": "pages_per_s",
    "pages.count": "pages",
    "avatar_calls.rate": "avatar_calls_per_s",
    "avatar_calls.count": "avatar_calls",
    "shown.full": "shown_full",
    "shown.degraded": "shown_degraded",
}
"""Other names of figures of phases; those with `rate`, `count` and `med` are k6's."""

FLIP_FIGURES = ("written", "instances", "shown.count", "shown.p50", "shown.p95", "shown.p99", "shown.max")
SAVED_FIGURES = {
    "avatar_calls": Unit.COUNT,
    "third_party": Unit.MS,
    "bytes": Unit.BYTES,
    "cpu": Unit.MS,
}
LOST_FIGURES = {"pages": Unit.COUNT, "time": Unit.MS}

_FLIP_ALIASES = {
    "med": "shown.p50",
    "shown.med": "shown.p50",
    "shown": "shown.count",
    **{name: f"shown.{name}" for name in ("p50", "p95", "p99", "max")},
}
_EXPRESSION = re.compile(
    r"(?P<subject>[A-Za-z0-9_-]+)\.(?P<figure>[A-Za-z][\w.()]*)\s*(?P<operator>===|==|!=|<=|>=|<|>)\s*"
    r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[A-Za-z/%]*)"
)
_PERCENTILE = re.compile(r"p\(?(?P<percent>\d+(?:\.\d+)?)\)?")
_UNITS: Mapping[Unit, Mapping[str, float]] = {
    Unit.MS: {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "": 1},
    Unit.SHARE: {"%": 0.01, "": 1},
    Unit.PER_S: {"/s": 1, "": 1},
    Unit.BYTES: {"B": 1, "kB": 1000, "KB": 1000, "MB": 1_000_000, "GB": 1_000_000_000, "": 1},
    Unit.MB: {"MB": 1, "GB": 1000, "": 1},
    Unit.CORES: {"": 1},
    Unit.COUNT: {"": 1},
    Unit.RATIO: {"": 1},
}
_WRITTEN = {
    Unit.MS: "a duration; write 100ms or 1.5s",
    Unit.SHARE: "a share; write 1% or 0.01",
    Unit.PER_S: "a rate; write 50 or 50/s",
    Unit.BYTES: "a size; write 20kB",
    Unit.MB: "a size; write 512MB",
    Unit.CORES: "a number of cores; write 1.5",
    Unit.COUNT: "a count; write 100",
    Unit.RATIO: "a multiple of the figure in full mode; write 0.5",
}


class State(StrEnum):
    """What came of a threshold."""

    MET = "met"
    NOT_MET = "not met"
    NOT_MEASURABLE = "not measurable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """What a figure has to come to.

    Attributes:
        text: As it was written.
        subject: A phase, a tag, `kill`, `restore`, `saved`, `lost` or `ratio`.
        figure: Its figure, by the name it has here.
        operator: One of `OPERATORS`.
        bound: In the unit that the figure is measured in.
        unit: Which that is.
    """

    text: str
    subject: str
    figure: str
    operator: str
    bound: float
    unit: Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a threshold: what was measured, or why it could not be."""

    threshold: Threshold
    measured: float | None
    why: str = ""

    @property
    def is_met(self) -> bool:
        """Whether it was measured, and is as it was to be."""
        one = self.threshold
        return self.measured is not None and OPERATORS[one.operator](self.measured, one.bound)

    @property
    def state(self) -> State:
        """The same in a word."""
        if self.measured is None:
            return State.NOT_MEASURABLE
        return State.MET if self.is_met else State.NOT_MET


def parse_threshold(text: str, scenario: Scenario) -> Threshold:
    """Return the threshold that `text` states about a run of `scenario`.

    Raises:
        ValueError: it states none; the message says what is wrong and, after `; write `, what there is.
    """
    said = plain(text).strip()
    found = _EXPRESSION.fullmatch(said)
    if found is None:
        raise ValueError(f"{said!r} is no threshold; write PHASE.FIGURE<VALUE, such as degraded.p95<100ms")
    try:
        subject = found["subject"]
        figure, unit = _figure(subject, found["figure"], scenario)
        factor = _UNITS[unit].get(found["unit"])
        if factor is None:
            raise ValueError(f"{subject}.{found['figure']} is {_WRITTEN[unit]}")  # noqa: TRY301 - each is told with its text
    except ValueError as error:
        raise ValueError(f"{said!r}: {error}") from error
    return Threshold(
        text=said,
        subject=subject,
        figure=figure,
        operator="==" if found["operator"] == "===" else found["operator"],
        bound=float(found["number"]) * factor,
        unit=unit,
    )


def subjects(scenario: Scenario) -> tuple[str, ...]:
    """Return what thresholds on a run of `scenario` can be about."""
    names = [phase.name for phase in scenario.phases]
    tags = [tag.value for tag in Tag if any(phase.tag is tag for phase in scenario.phases)]
    return tuple(dict.fromkeys([*names, *tags, KILL, RESTORE, RATIO, SAVED, LOST]))


def _figure(subject: str, name: str, scenario: Scenario) -> tuple[str, Unit]:
    if subject in {KILL, RESTORE}:
        return _flip_figure(subject, name)
    if subject in {SAVED, LOST}:
        figures = SAVED_FIGURES if subject == SAVED else LOST_FIGURES
        if name not in figures:
            raise ValueError(_unknown(subject, name, tuple(figures)))
        return name, figures[name]
    if subject not in subjects(scenario):
        raise ValueError(f"there is no phase {subject} in it; write one of {', '.join(subjects(scenario))}")
    found, unit = _phase_figure(subject, name)
    return found, (Unit.RATIO if subject == RATIO else unit)


def _flip_figure(subject: str, name: str) -> tuple[str, Unit]:
    percentile = _PERCENTILE.fullmatch(name.removeprefix("shown."))
    plain_name = name if percentile is None else f"shown.p{float(percentile['percent']):g}"
    found = _FLIP_ALIASES.get(plain_name, plain_name)
    if found not in FLIP_FIGURES:
        raise ValueError(_unknown(subject, name, FLIP_FIGURES))
    return found, (Unit.COUNT if found == "shown.count" else Unit.MS)


def _phase_figure(subject: str, name: str) -> tuple[str, Unit]:
    percentile = _PERCENTILE.fullmatch(name)
    if percentile is not None:
        figure = percentile_figure(float(percentile["percent"]))
        return figure.name, figure.unit
    found = FIGURES.get(ALIASES.get(name, name))
    if found is None:
        raise ValueError(_unknown(subject, name, (*FIGURES, "p(99.9)", *ALIASES)))
    return found.name, found.unit


def _unknown(subject: str, name: str, figures: tuple[str, ...]) -> str:
    return f"{subject} has no figure {name}; write one of {', '.join(figures)}"
