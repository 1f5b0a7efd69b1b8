"""Going from one number of visitors to another, evenly over a time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import gevent
from gevent.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Callable

STEP_S = 0.1


@dataclass(frozen=True, slots=True)
class Goal:
    """How many visitors there are to be, and how long the way there takes."""

    visitors: int
    over_s: float = 0.0

    def due(self, start: int, elapsed_s: float) -> int:
        """Return how many there are to be after that part of the way from `start`."""
        if elapsed_s >= self.over_s:
            return self.visitors
        return round(start + (self.visitors - start) * elapsed_s / self.over_s)


class Ramp:
    """Pursues the newest goal, in a greenlet of its own.

    Args:
        present: Returns how many visitors there are.
        go_to: Makes it that many, as fast as that goes.
        on_reached: Told of a goal that was reached, and how many seconds that took; or of one that a newer one took
            the place of, with `None`.
    """

    def __init__(
        self, present: Callable[[], int], go_to: Callable[[int], None], on_reached: Callable[[Goal, float | None], None]
    ) -> None:
        self._present = present
        self._go_to = go_to
        self._on_reached = on_reached
        self._goals: Queue[Goal] = Queue()
        self._is_idle = True
        self._last: Goal | None = None

    def pursue(self, goal: Goal) -> None:
        """Go there from now on."""
        self._goals.put(goal)

    def refill(self) -> None:
        """Make up for visitors who were lost."""
        if self._is_idle and self._last is not None:
            self._go_to(self._last.visitors)

    def run(self) -> NoReturn:
        """Pursue goals."""
        while True:
            goal = self._goals.get()
            self._is_idle, self._last = False, goal
            self._on_reached(goal, self._way(goal))
            self._is_idle = self._goals.empty()

    def _way(self, goal: Goal) -> float | None:
        began_s, start = time.monotonic(), self._present()
        while True:
            elapsed_s = time.monotonic() - began_s
            due = goal.due(start, elapsed_s)
            if due != self._present():
                self._go_to(due)
            if elapsed_s >= goal.over_s:
                return time.monotonic() - began_s
            gevent.sleep(min(STEP_S, goal.over_s - elapsed_s))
            if not self._goals.empty():
                return None
