"""Which browsers begin to connect, and when."""

from __future__ import annotations

import heapq
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Boarding:
    """Hands out the numbers of browsers that are to connect; numbers of those that left come first.

    Args:
        browsers: How many are to.
        rate: How many may begin in a second; 0: as many as there is room for.
    """

    def __init__(self, browsers: int, *, rate: float = 0.0) -> None:
        self._rate = rate
        self._next = 0
        self._returned: list[int] = []
        self.want(browsers)

    def want(self, more: int) -> None:
        """Have so many more begin, from now on; those that were still to begin are forgotten."""
        self.left = max(more, 0)
        self._begun = 0
        self._since_s = time.monotonic()

    def took_back(self, number: int) -> None:
        """Take back the number of one that left."""
        heapq.heappush(self._returned, number)

    def next(self, room: int) -> Iterator[int]:
        """Yield the numbers of those that begin now, at most as many as there is room for."""
        allowed = self.left
        if self._rate:
            allowed = min(allowed, 1 + int((time.monotonic() - self._since_s) * self._rate) - self._begun)
        for _ in range(min(allowed, room)):
            self.left -= 1
            self._begun += 1
            yield heapq.heappop(self._returned) if self._returned else self._new()

    def _new(self) -> int:
        self._next += 1
        return self._next - 1
