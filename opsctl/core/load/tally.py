"""What visitors of pages were answered, second by second and phase by phase; small, mergeable, sent as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import field
from typing import Any, NamedTuple

from opsctl.core.latency import Histogram
from opsctl.core.lean_dataclass import dataclass


class Slot(NamedTuple):
    """Where a request is counted.

    Attributes:
        phase: Number of the stretch in which it began, as the visitors were told it.
        second: Whole second of the run in which it ended.
        shown: Mode the page itself showed: `full`, `degraded`, or empty where it was no page.
    """

    phase: int
    second: int
    shown: str


@dataclass(slots=True)
class Tally:
    """Requests of one slot.

    Attributes:
        requests: How many ended.
        sent_bytes: Of the bodies of answers, as they came over the wire.
        failures: Those that failed, by why, for people; they are in `requests` too.
        latency: From asking to the end of the answer, of those that did not fail.
    """

    requests: int = 0
    sent_bytes: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    latency: Histogram = field(default_factory=Histogram)

    @property
    def failed(self) -> int:
        """How many failed."""
        return self.failures.total()

    def add(self, ms: float, size: int, failure: str | None = None) -> None:
        """Count one request."""
        self.requests += 1
        self.sent_bytes += size
        if failure is None:
            self.latency.add(ms)
        else:
            self.failures[failure] += 1

    def merge(self, other: Tally) -> None:
        """Add all of another one's counts."""
        self.requests += other.requests
        self.sent_bytes += other.sent_bytes
        self.failures.update(other.failures)
        self.latency.merge(other.latency)


@dataclass(slots=True)
class Tallies:
    """All slots of a run, or of a part of it."""

    slots: dict[Slot, Tally] = field(default_factory=dict)

    def at(self, slot: Slot) -> Tally:
        """Return the tally of a slot, which is made where there is none."""
        return self.slots.setdefault(slot, Tally())

    def merge(self, other: Tallies) -> None:
        """Add all of another one's counts."""
        for slot, tally in other.slots.items():
            self.at(slot).merge(tally)

    def of_phases(self, *phases: int) -> Tally:
        """Return everything that began in those stretches."""
        whole = Tally()
        for slot, tally in self.slots.items():
            if slot.phase in phases:
                whole.merge(tally)
        return whole

    def within(self, first: int, end: int) -> Tally:
        """Return everything that ended from second `first` on and before second `end`."""
        whole = Tally()
        for slot, tally in self.slots.items():
            if first <= slot.second < end:
                whole.merge(tally)
        return whole

    def to_wire(self) -> list[dict[str, Any]]:
        """Return the JSON shape that `from_wire` reads."""
        return [
            {
                "phase": slot.phase,
                "second": slot.second,
                "shown": slot.shown,
                "requests": tally.requests,
                "bytes": tally.sent_bytes,
                "failures": dict(tally.failures),
                "latency": tally.latency.to_wire(),
            }
            for slot, tally in sorted(self.slots.items())
        ]

    @classmethod
    def from_wire(cls, value: Any) -> Tallies:
        """Read what `to_wire` wrote.

        Raises:
            ValueError: it is not such a list.
        """
        tallies = cls()
        try:
            for one in value:
                slot = Slot(int(one["phase"]), int(one["second"]), str(one["shown"]))
                tallies.at(slot).merge(
                    Tally(
                        requests=int(one["requests"]),
                        sent_bytes=int(one["bytes"]),
                        failures=Counter({str(why): int(count) for why, count in one["failures"].items()}),
                        latency=Histogram.from_wire(one["latency"]),
                    )
                )
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not a tally of pages: {error}") from error
        return tallies
