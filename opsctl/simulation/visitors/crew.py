"""The visitors of one process, without their sockets: who they are, how they think, what they were answered."""

from __future__ import annotations

import heapq
import itertools
import random
from dataclasses import dataclass, field

from opsctl.core.load.devices import device_of
from opsctl.core.load.tally import Slot, Tallies


@dataclass(frozen=True, slots=True)
class Part:
    """Which of the visitors belong to a process: those numbered `index`, `index + of`, and so on."""

    index: int = 0
    of: int = 1


@dataclass(slots=True)
class Person:
    """One visitor while it is there.

    Attributes:
        number: Of the run; the same one comes again with the same device, and thinks for the same times again.
        device: Key of its device.
        thinks: Where its times come from.
    """

    number: int
    device: str
    thinks: random.Random

    def think_s(self, think_s: tuple[float, float]) -> float:
        """Return how long it thinks now, evenly between the two."""
        return self.thinks.uniform(*think_s)


def person(seed: int, number: int) -> Person:
    """Return the visitor of that number, at its beginning."""
    return Person(number, device_of(seed, number), random.Random(f"{seed}:{number}"))  # noqa: S311 - to be repeatable


@dataclass(slots=True)
class Crew:
    """Everybody in one process, and the count of what they were answered.

    Attributes:
        seed: Of the run.
        think_s: Shortest and longest time to think.
        zero_ns: When the run began, on this machine's monotonic clock.
        part: Which visitors are its own.
        stretch: In which stretch requests begin now.
        present: How many visitors there are now.
    """

    seed: int
    think_s: tuple[float, float]
    zero_ns: int
    part: Part = field(default_factory=Part)
    stretch: int = 0
    present: int = 0
    _free: list[int] = field(default_factory=list)
    _next: itertools.count[int] = field(default_factory=itertools.count)
    _tallies: Tallies = field(default_factory=Tallies)

    def arrive(self) -> Person:
        """Let the visitor come who has the lowest number of those that are not there."""
        self.present += 1
        rank = heapq.heappop(self._free) if self._free else next(self._next)
        return person(self.seed, self.part.index + rank * self.part.of)

    def leave(self, who: Person) -> None:
        """Let a visitor go."""
        self.present -= 1
        heapq.heappush(self._free, (who.number - self.part.index) // self.part.of)

    def count(
        self, *, stretch: int, began_ns: int, ended_ns: int, size: int, shown: str = "", failure: str | None = None
    ) -> None:
        """Count a request that ended.

        Args:
            stretch: In which it began.
            began_ns: When, on this machine's monotonic clock.
            ended_ns: When its answer was all there, or it failed.
            size: Bytes of its body.
            shown: Mode that the page showed.
            failure: Why it failed.
        """
        second = (ended_ns - self.zero_ns) // 1_000_000_000
        slot = Slot(stretch, second, "" if failure else shown)
        self._tallies.at(slot).add((ended_ns - began_ns) / 1e6, size, failure)

    def take(self) -> Tallies:
        """Return what ended since this was asked last."""
        taken, self._tallies = self._tallies, Tallies()
        return taken
