"""How hard a process that makes visitors has to work: where that is its limit, its figures are its own."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import gevent
import psutil

from opsctl.core.latency import Histogram

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_CPU = 0.9
"""Share of a core above which visitors wait for their own process, and no longer for the feed alone."""

MOST_LATE_MS = 20.0
"""Lateness that one turn in a hundred may have: so much a measured time may be too long.

With 300 to 900 visitors on two cores that others kept busy as well it was 3 to 7 ms, and times were right; in a process
at its limit it was from 80 ms up.
"""

WINDOW_S = 1.0
_BEAT_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Strain:
    """One window of `WINDOW_S`.

    Attributes:
        cpu: Share of a core that the process used, from 0 to 1.
        late_p99_ms: How late the loop came to what was due, which 99 of 100 times it did not exceed.
        late_ms: Its longest.
    """

    cpu: float = 0.0
    late_p99_ms: float = 0.0
    late_ms: float = 0.0

    def to_wire(self) -> dict[str, float]:
        """Return the JSON shape that `from_wire` reads."""
        return {"cpu": self.cpu, "late_p99_ms": self.late_p99_ms, "late_ms": self.late_ms}

    @classmethod
    def from_wire(cls, value: Any) -> Strain:
        """Read what `to_wire` wrote.

        Raises:
            ValueError: it is none.
        """
        try:
            return cls(**{name: float(value[name]) for name in ("cpu", "late_p99_ms", "late_ms")})
        except (TypeError, KeyError) as error:
            raise ValueError(f"not the strain of a process: {error}") from error


def limits_reached(before: Strain, now: Strain) -> dict[str, tuple[float, str]]:
    """Return which limits a process is at: how far, and what that means, for people.

    One window alone proves nothing.
    """
    reached = {}
    if min(before.cpu, now.cpu) > MOST_CPU:
        what = f"a process that makes visitors uses {now.cpu:.0%} of a core: pages a second are its own limit"
        reached["cpu"] = (now.cpu, what)
    if min(before.late_p99_ms, now.late_p99_ms) > MOST_LATE_MS:
        what = f"a process that makes visitors is {now.late_p99_ms:g} ms late: so much too long may be what it measures"
        reached["late"] = (now.late_p99_ms, what)
    return reached


LIMIT_FIX = "give it more processes, or other machines, or fewer visitors"


class Gauge:
    """Measures the process it is in, window by window; `on_window` is told of each.

    The lateness is that of a clock in the same loop as the visitors, which beats every 10 ms: what comes late to it
    comes late to them. Beats that were missed count too.
    """

    def __init__(self, on_window: Callable[[Strain], None]) -> None:
        self._on_window = on_window
        self._process = psutil.Process()

    def run(self) -> NoReturn:
        """Measure from now on, in a greenlet of its own."""
        while True:
            began_s, cpu_s, late = time.monotonic(), self._cpu_s(), Histogram()
            due_s = began_s
            while due_s < began_s + WINDOW_S:
                due_s += _BEAT_S
                gevent.sleep(max(due_s - time.monotonic(), 0))
                late.add((time.monotonic() - due_s) * 1000)
            share = (self._cpu_s() - cpu_s) / (time.monotonic() - began_s)
            p99_ms = round(late.percentile(99) or 0.0, 1)
            self._on_window(Strain(cpu=round(share, 3), late_p99_ms=p99_ms, late_ms=round(late.max_ms, 1)))

    def _cpu_s(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)
