"""What a soak proved: pure functions from what was noted to a verdict."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.soak.flips import Flip
    from bench.soak.probing import Page
    from bench.soak.sampling import Sample

MOST_GROWTH = 0.05
MORE_HANDLES = 10
FEWEST_SAMPLES = 10
_OK = 200
_S_PER_H = 3600


@dataclass(frozen=True, slots=True)
class Trend:
    """How what one process holds went, after the warm-up.

    `first_kb` and `last_kb` are the medians of the first and the last fifth of that time; `kb_per_h` is the slope of
    the straight line through all of it.
    """

    process: str
    samples: int
    first_kb: float
    last_kb: float
    most_kb: float
    kb_per_h: float
    first_files: float
    last_files: float
    first_threads: float
    last_threads: float
    was_restarted: bool

    @property
    def growth(self) -> float:
        """The part by which memory grew; less than 0 when it shrank."""
        return self.last_kb / self.first_kb - 1 if self.first_kb else 0.0

    def problems(self) -> tuple[str, ...]:
        """Return what is wrong with it, in words."""
        found = []
        if self.was_restarted:
            found.append(f"{self.process} was restarted")
        if self.growth > MOST_GROWTH:
            found.append(f"the memory of {self.process} grew by {self.growth:.1%}")
        for first, last, what in (
            (self.first_files, self.last_files, "open files"),
            (self.first_threads, self.last_threads, "threads"),
        ):
            if last > first + MORE_HANDLES:
                found.append(f"{self.process} had {first:.0f} {what}, and {last:.0f} at the end")
        return tuple(found)


def trends(samples: Sequence[Sample], warm_up_s: float) -> tuple[Trend, ...]:
    """Return how each process went after the warm-up; one with fewer than ten samples then is left out."""
    by_process: dict[str, list[Sample]] = {}
    for sample in samples:
        by_process.setdefault(sample.process, []).append(sample)
    found = []
    for process, every in by_process.items():
        counted = [sample for sample in every if sample.at_s >= warm_up_s]
        if len(counted) >= FEWEST_SAMPLES:
            was_restarted = len({sample.pid for sample in every}) > 1
            found.append(_trend(process, counted, was_restarted=was_restarted))
    return tuple(found)


def _trend(process: str, samples: Sequence[Sample], *, was_restarted: bool) -> Trend:
    fifth = len(samples) // 5
    first, last = samples[:fifth], samples[-fifth:]
    slope = statistics.linear_regression([one.at_s for one in samples], [one.resident_kb for one in samples]).slope
    return Trend(
        process,
        len(samples),
        statistics.median(one.resident_kb for one in first),
        statistics.median(one.resident_kb for one in last),
        max(one.resident_kb for one in samples),
        slope * _S_PER_H,
        statistics.median(one.files for one in first),
        statistics.median(one.files for one in last),
        statistics.median(one.threads for one in first),
        statistics.median(one.threads for one in last),
        was_restarted,
    )


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Return the smallest value that so many of the values do not exceed; `None` of no values."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)] if ordered else None


@dataclass(slots=True)
class Soak:
    """All that was noted of a soak.

    Attributes:
        browsers: How many should be connected all the time.
        warm_up_s: How much of its begin does not count for memory.
        seconds: How long it went on, after everybody was connected.
        cut_short: Why it ended before its time; empty when it did not.
        troubles: What went wrong between flips, in words.
    """

    browsers: int
    warm_up_s: float
    seconds: float = 0.0
    cut_short: str = ""
    flips: list[Flip] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def trends(self) -> tuple[Trend, ...]:
        """Return how each process went."""
        return trends(list(self.samples), self.warm_up_s)

    def problems(self) -> tuple[str, ...]:
        """Return everything that is wrong, in words; nothing when the soak proved what it is for."""
        found = [*self.troubles]
        found += [f"at {flip.at_s:.0f} s: {problem}" for flip in self.flips for problem in flip.problems]
        if failed := sum(page.status != _OK for page in self.pages):
            found.append(f"{failed:,} of {len(self.pages):,} pages were not answered with 200")
        found += [problem for trend in self.trends() for problem in trend.problems()]
        if not self.flips:
            found.append("no flip was made")
        return tuple(found)
