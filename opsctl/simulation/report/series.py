"""What is drawn: a run's seconds and arrivals, as few points as a plot can show."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from opsctl.core.load.results import Second

MOST_POINTS = 400
NOTHING = float("nan")


@dataclass(frozen=True, slots=True)
class Points:
    """A run's seconds, several of them together where there are more than a plot can show.

    Attributes:
        groups: The seconds of each point.
        together: How many seconds a point is of.
    """

    groups: tuple[tuple[Second, ...], ...]
    together: int

    @classmethod
    def of(cls, seconds: Sequence[Second]) -> Points:
        """Put the seconds together."""
        together = max(1, ceil(len(seconds) / MOST_POINTS))
        groups = tuple(tuple(seconds[at : at + together]) for at in range(0, len(seconds), together))
        return cls(groups, together)

    @property
    def at_s(self) -> list[float]:
        """The middle of each point, in seconds of the run."""
        return [(group[0].at_s + group[-1].at_s + 1) / 2 for group in self.groups]

    def worst(self, read: Callable[[Second], float | None]) -> list[float]:
        """Return the highest of each point's seconds; not a number where there was none."""
        return [max(_known(map(read, group)), default=NOTHING) for group in self.groups]

    def mean(self, read: Callable[[Second], float | None]) -> list[float]:
        """Return the average of each point's seconds; not a number where nothing was observed."""
        return [sum(found) / len(found) if (found := _known(map(read, group))) else NOTHING for group in self.groups]


def cumulative(arrivals: Sequence[tuple[float, int]]) -> tuple[list[float], list[int]]:
    """Return how many browsers had shown a flip by which millisecond: both begin with 0, and rise."""
    ordered = sorted(arrivals)
    times, counts = [0.0, *(at_ms for at_ms, _ in ordered)], [0, *accumulate(count for _, count in ordered)]
    step = max(1, ceil(len(times) / MOST_POINTS))
    kept = [*range(0, len(times) - 1, step), len(times) - 1]
    return [times[at] for at in kept], [counts[at] for at in kept]


def needs_log(values: Iterable[float]) -> bool:
    """Tell whether values lie so far apart that a plot has to be logarithmic."""
    positive = [value for value in values if value > 0]
    return bool(positive) and max(positive) > _FAR_APART * min(positive)


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


_FAR_APART = 20
