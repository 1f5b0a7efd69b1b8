"""How often something happened lately."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_OVER_S = 10


class RecentRate:
    """Counts what happens in each second of the last ten. Whoever counts sees to it that only one does at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds: deque[tuple[int, int]] = deque(maxlen=_OVER_S)

    def count(self) -> None:
        """Take note that it happened."""
        second = int(self._clock())
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1] = (second, self._seconds[-1][1] + 1)
        else:
            self._seconds.append((second, 1))

    @property
    def per_s(self) -> float:
        """How often it happened per second, over the last ten."""
        since = int(self._clock()) - _OVER_S
        return sum(count for second, count in tuple(self._seconds) if second > since) / _OVER_S
