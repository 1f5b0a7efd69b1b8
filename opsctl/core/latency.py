"""Latencies as a histogram of rounded values: small, mergeable, good to two significant digits."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import field

from opsctl.core.lean_dataclass import dataclass


def rounded_ms(value_ms: float) -> float:
    """Round to two significant digits (at least 0.1 ms), the resolution of the histogram."""
    if value_ms < 1:
        return round(max(value_ms, 0.0), 1)
    digits = 1 - math.floor(math.log10(value_ms))
    return round(value_ms, digits)


@dataclass(slots=True)
class Histogram:
    """Counts per rounded latency, in milliseconds, plus the exact maximum."""

    counts: Counter[float] = field(default_factory=Counter)
    max_ms: float = 0.0

    def add(self, value_ms: float) -> None:
        """Count one latency."""
        self.counts[rounded_ms(value_ms)] += 1
        self.max_ms = max(self.max_ms, value_ms)

    def merge(self, other: Histogram) -> None:
        """Add all of another histogram's counts."""
        self.counts.update(other.counts)
        self.max_ms = max(self.max_ms, other.max_ms)

    def shifted(self, by_ms: float) -> Histogram:
        """Return the same latencies against a time base that lies `by_ms` earlier; none becomes less than 0."""
        moved = Histogram(max_ms=max(self.max_ms + by_ms, 0.0) if self.counts else 0.0)
        for value_ms, count in self.counts.items():
            moved.counts[rounded_ms(value_ms + by_ms)] += count
        return moved

    def since(self, earlier: Histogram) -> Histogram:
        """Return what was counted after `earlier`, a former state of this one; its maximum is then a rounded one."""
        added = self.counts - earlier.counts
        return Histogram(added, min(max(added, default=0.0), self.max_ms))

    @property
    def count(self) -> int:
        """How many latencies were counted."""
        return self.counts.total()

    def percentile(self, percent: float) -> float | None:
        """Return the smallest counted latency that at least `percent` of all do not exceed; `None` when empty."""
        wanted = math.ceil(self.count * percent / 100)
        seen = 0
        for value_ms in sorted(self.counts):
            seen += self.counts[value_ms]
            if seen >= wanted:
                return min(value_ms, self.max_ms)
        return None

    def to_wire(self) -> dict[str, object]:
        """Return the JSON shape that `from_wire` reads."""
        return {"max_ms": self.max_ms, "counts": [[value_ms, count] for value_ms, count in sorted(self.counts.items())]}

    @classmethod
    def from_wire(cls, value: object) -> Histogram:
        """Read what `to_wire` wrote.

        Raises:
            ValueError: it is not such a histogram.
        """
        try:
            counts = Counter({float(value_ms): int(count) for value_ms, count in value["counts"]})  # type: ignore[index]  # the except names what is wrong
            return cls(counts, float(value["max_ms"]))  # type: ignore[index]  # as above
        except (TypeError, KeyError, ValueError) as error:
            raise ValueError(f"not a latency histogram: {error}") from error
