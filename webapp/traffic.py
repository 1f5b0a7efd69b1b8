"""What an instance answered: since it started, and lately."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opsctl.core.latency import Histogram
from opsctl.core.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_WINDOW_S = 600
_FIRST_SERVER_ERROR = 500
_MS_PER_S = 1000


@dataclass(slots=True)
class _Count:
    requests: int = 0
    errors: int = 0
    latency: Histogram = field(default_factory=Histogram)

    def add(self, latency_ms: float | None) -> None:
        self.requests += 1
        if latency_ms is None:
            self.errors += 1
        else:
            self.latency.add(latency_ms)

    def merge(self, other: _Count) -> None:
        self.requests += other.requests
        self.errors += other.errors
        self.latency.merge(other.latency)


class TrafficMeter:
    """Counts answers, second by second. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._before = _Count()
        self._seconds: deque[tuple[int, _Count]] = deque(maxlen=LONGEST_WINDOW_S)

    def count(self, status: int, seconds: float) -> None:
        """Count an answer with that HTTP status, and how long it took."""
        latency_ms = None if status >= _FIRST_SERVER_ERROR else seconds * _MS_PER_S
        second = int(self._clock())
        with self._lock:
            if not self._seconds or self._seconds[-1][0] != second:
                if self._seconds:
                    self._before.merge(self._seconds[-1][1])
                self._seconds.append((second, _Count()))
            self._seconds[-1][1].add(latency_ms)

    @property
    def total(self) -> Traffic:
        """What was answered since the start."""
        with self._lock:
            return _sum([self._before, *(count for _, count in list(self._seconds)[-1:])])

    def within(self, window_s: float) -> Traffic:
        """Return what was answered within so many seconds before now, ten minutes at most, to a second."""
        since = self._clock() - window_s - 1
        with self._lock:
            return _sum([count for second, count in self._seconds if second > since])


def _sum(counts: list[_Count]) -> Traffic:
    total = _Count()
    for count in counts:
        total.merge(count)
    return Traffic(total.requests, total.errors, total.latency)
