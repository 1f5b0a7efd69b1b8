"""What instances answered within the last while, from what they say they answered since they started."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from opsctl.core.lean_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opsctl.core.instances import InstanceReport
    from opsctl.core.objectives import Objective
    from opsctl.core.traffic import Traffic


@dataclass(frozen=True, slots=True)
class _Sample:
    at_s: float
    pid: int
    traffic: Traffic


class TrafficWindow:
    """The traffic of several instances over the last `window_s` seconds. An instance that started anew begins anew."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._samples: dict[str, deque[_Sample]] = {}

    def add(self, reports: Iterable[InstanceReport], now_s: float) -> None:
        """Take in what instances say at a moment, which is later than the moments before."""
        for report in reports:
            samples = self._samples.setdefault(report.instance, deque())
            if samples and samples[-1].pid != report.pid:
                samples.clear()
            samples.append(_Sample(now_s, report.pid, report.traffic))
            while len(samples) > 1 and samples[1].at_s <= now_s - self._window_s:
                samples.popleft()

    def traffic(self) -> dict[str, Traffic]:
        """Return what each instance answered within the window."""
        return {name: samples[-1].traffic.since(samples[0].traffic) for name, samples in self._samples.items()}

    def breach(self, objective: Objective) -> str | None:
        """Return which instance breaks the objective and how, for people; `None` when none is known to."""
        for name, traffic in sorted(self.traffic().items()):
            what = objective.breach(traffic)
            if what is not None:
                return f"{name}: {what}"
        return None
