"""What a fleet saw of each change: how many browsers, and when."""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsctl.simulation.fleet.browser import Sight


class Arrivals:
    """When one thing was first shown, browser by browser, in nanoseconds of the machine's monotonic clock."""

    def __init__(self, sight: Sight) -> None:
        self.sight = sight
        self._times_ns = array("q")

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

        The percentiles are absolute times as well: whoever knows when the change was begun subtracts that.
        """
        ordered = sorted(self._times_ns)
        return {
            "event": "change",
            "epoch": self.sight.epoch.to_wire(),
            "mode": self.sight.mode,
            "browsers": len(ordered),
            "first_ns": ordered[0],
            "p50_ns": ordered[_rank(len(ordered), 50)],
            "p99_ns": ordered[_rank(len(ordered), 99)],
            "last_ns": ordered[-1],
        }


def _rank(count: int, percent: float) -> int:
    return max(math.ceil(count * percent / 100) - 1, 0)
