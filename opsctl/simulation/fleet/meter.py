"""How hard the fleet's own process works: where that is its limit, its times are its own and not the feed's."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

MOST_CPU = 0.9
"""Share of a core above which the browsers wait for their own process, and no longer for the feed alone."""

_LASTS_MS = 50.0
"""A change that is everywhere sooner is no measure of anybody's limits."""

_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What the process did in a stretch of time.

    Attributes:
        cpu: Share of a core that it used, from 0 to 1.
        late_ms: Longest that something to read may have waited because it was busy, or because it was not let run.
    """

    cpu: float = 0.0
    late_ms: float = 0.0

    def to_wire(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"cpu": round(self.cpu, 3), "late_ms": round(self.late_ms, 3)}


class Stretch:
    """Effort from its construction on."""

    __slots__ = ("_began_cpu_ns", "_began_ns", "_late_ns", "_until_cpu_ns", "_until_ns")

    def __init__(self) -> None:
        self._began_ns = self._until_ns = time.monotonic_ns()
        self._began_cpu_ns = self._until_cpu_ns = time.process_time_ns()
        self._late_ns = 0

    def add(self, late_ns: int) -> None:
        """Count one turn of the loop, that ends now, with how late it may have come to what was there to read."""
        self._late_ns = max(self._late_ns, late_ns)
        self._until_ns, self._until_cpu_ns = time.monotonic_ns(), time.process_time_ns()

    @property
    def effort(self) -> Effort:
        """What was done until the last turn that was counted."""
        lasted_ns = self._until_ns - self._began_ns
        cpu = (self._until_cpu_ns - self._began_cpu_ns) / lasted_ns if lasted_ns else 0.0
        return Effort(cpu=min(cpu, 1.0), late_ms=self._late_ns / _NS_PER_MS)


class Limits:
    """The hardest that the process worked while nobody was connecting, and what that means for what it measured."""

    def __init__(self) -> None:
        self._hardest = self._before = Effort()
        self._warnings: dict[str, str] = {}

    def window(self, effort: Effort) -> None:
        """Take in one window of a second; one busy window alone proves nothing."""
        if min(self._before.cpu, effort.cpu) > MOST_CPU:
            self._warnings["always"] = (
                f"the process of the connected browsers uses {effort.cpu:.0%} of a core:"
                " how soon they show a change is its own limit"
            )
        self._before = effort
        self._harder(effort)

    def change(self, effort: Effort, lasted_ms: float) -> None:
        """Take in the time in which one change arrived."""
        if effort.cpu > MOST_CPU and lasted_ms > _LASTS_MS:
            self._warnings["change"] = (
                f"the process of the connected browsers was busy for {effort.cpu:.0%} of the {lasted_ms:,.0f} ms"
                " in which a change arrived: that it took so long may be its own limit"
            )
        self._harder(effort)

    def to_wire(self) -> dict[str, Any]:
        """Return it as JSON, as `opsctl.core.load.results.Generator` has it."""
        return {"processes": 1, **self._hardest.to_wire(), "warnings": list(self._warnings.values())}

    def _harder(self, effort: Effort) -> None:
        cpu, late_ms = max(self._hardest.cpu, effort.cpu), max(self._hardest.late_ms, effort.late_ms)
        self._hardest = Effort(cpu=cpu, late_ms=late_ms)
