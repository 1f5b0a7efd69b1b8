"""The machine's clocks."""

from __future__ import annotations

import time


class SystemClock:
    """`opsctl.core.ports.Clock` on the real thing."""

    def now_s(self) -> float:
        """Return the wall-clock time, in seconds since 1970."""
        return time.time()

    def monotonic_s(self) -> float:
        """Return seconds that never run backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        time.sleep(max(seconds, 0.0))
