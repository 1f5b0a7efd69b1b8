"""What a fleet saw of each change: how many browsers, and when."""

from __future__ import annotations

import math
from array import array
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from opsctl.simulation.fleet.meter import Stretch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.simulation.fleet.browser import Sight

_MOST_POINTS = 200
_NS_PER_MS = 1_000_000


class Arrivals:
    """When one thing was first shown, browser by browser, in nanoseconds of the machine's monotonic clock."""

    def __init__(self, sight: Sight) -> None:
        self.sight = sight
        self._times_ns = array("q")
        self.stretch = Stretch()

    def add(self, now_ns: int) -> None:
        """Count one browser."""
        self._times_ns.append(now_ns)

    @property
    def count(self) -> int:
        """How many browsers showed it."""
        return len(self._times_ns)

    @property
    def last_ns(self) -> int:
        """When the last of them did so far."""
        return self._times_ns[-1]

    def to_wire(self) -> dict[str, Any]:
        """Return the line that the fleet's process writes of it.

        The percentiles are absolute times as well: whoever knows when the change was begun subtracts that. `arrivals`
        is `[[nanoseconds, browsers], …]`: so many more showed it by then; at most 200 steps, of as many browsers each.
        `cpu` and `late_ms` are those of this process from the first to the last.
        """
        ordered = sorted(self._times_ns)
        return {
            "event": "change",
            "epoch": self.sight.epoch.to_wire(),
            "mode": self.sight.mode,
            "browsers": len(ordered),
            "first_ns": ordered[0],
            "p50_ns": ordered[_rank(len(ordered), 50)],
            "p95_ns": ordered[_rank(len(ordered), 95)],
            "p99_ns": ordered[_rank(len(ordered), 99)],
            "last_ns": ordered[-1],
            "arrivals": _steps(ordered),
            **self.stretch.effort.to_wire(),
        }

    @property
    def lasted_ms(self) -> float:
        """From the first to the last."""
        return (self._times_ns[-1] - self._times_ns[0]) / _NS_PER_MS


def _steps(ordered: Sequence[int]) -> list[tuple[int, int]]:
    """Part times into at most `_MOST_POINTS` steps: when the last of each was, and how many they are."""
    points = min(len(ordered), _MOST_POINTS)
    ends = [len(ordered) * number // points for number in range(points + 1)]
    return [(ordered[end - 1], end - begin) for begin, end in pairwise(ends)]


def _rank(count: int, percent: float) -> int:
    return max(math.ceil(count * percent / 100) - 1, 0)
