"""Whether figures meet their targets, and how both are written: pure functions."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bench.results import Result

AIM_MET, MUST_MET, MISSED, UNKNOWN = "aim met", "must met", "**missed**", "not measured"
_DIGITS_BELOW = 10


class UnknownFigureError(Exception):
    """A figure is not there; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is wanted of a figure.

    Attributes:
        what: The figure, in words.
        section: Where it is measured.
        must: What it has to be; `None` when nothing has to be.
        aim: What it should be; `None` when that is no more than it has to be.
        unit: Written behind the numbers.
        read: Returns the figure; raises `UnknownFigureError` or `KeyError` when it was not measured.
        is_least: Whether more is better; else less is.
    """

    what: str
    section: str
    must: float | None
    aim: float | None
    unit: str
    read: Callable[[Mapping[str, Any]], float]
    is_least: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """A target with what was measured, and the verdict."""

    target: Target
    measured: float | None
    verdict: str

    def row(self) -> str:
        """Return the line of the table."""
        target = self.target
        sign = "≥" if target.is_least else "≤"
        limits = [
            "-" if limit is None else f"{sign} {shown(limit, target.unit)}" for limit in (target.must, target.aim)
        ]
        measured = "-" if self.measured is None else shown(self.measured, target.unit)
        return f"| {target.what} | {measured} | {limits[0]} | {limits[1]} | {self.verdict} |"


def median_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """Return the median of the ratios round by round, of the rounds in which both were measured.

    Raises:
        UnknownFigureError: there is none.
    """
    ratios = [a / b for a, b in zip(numerators, denominators, strict=False) if a and b]
    if not ratios:
        raise UnknownFigureError(UNKNOWN)
    return statistics.median(ratios)


def verdict_on(value: float, *, must: float | None, aim: float | None, is_least: bool) -> str:
    """Return how a value does against its targets."""

    def meets(limit: float) -> bool:
        return value >= limit if is_least else value <= limit

    if must is not None and not meets(must):
        return MISSED
    if aim is not None:
        return AIM_MET if meets(aim) else MUST_MET if must is not None else "aim missed"
    return MUST_MET


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that so many of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]


def shown(value: float, unit: str) -> str:
    """Return a value as the tables have it."""
    if unit == "x":
        return f"{value:.2f}x" if value < _DIGITS_BELOW else f"{value:.0f}x"
    digits = 2 if unit == "s" else 1 if 0 < abs(value) < _DIGITS_BELOW and unit == "ms" else 0
    return f"{value:,.{digits}f} {unit}".rstrip()


def judge(target: Target, result: Result | None) -> Judged:
    """Return a target with its verdict, also when its section was not measured."""
    if result is None:
        return Judged(target, None, UNKNOWN)
    if result.why_not:
        return Judged(target, None, result.why_not)
    try:
        value = target.read(result.figures)
    except UnknownFigureError as error:
        return Judged(target, None, str(error))
    except KeyError:
        return Judged(target, None, UNKNOWN)
    return Judged(target, value, verdict_on(value, must=target.must, aim=target.aim, is_least=target.is_least))
