"""Everything that was counted so far, with its sums: a look at it costs as much after an hour as after a minute."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from opsctl.core.lean_dataclass import dataclass
from opsctl.core.load.tally import Tallies, Tally

if TYPE_CHECKING:
    from collections.abc import Iterable

_KEPT_S = 30
"""Sums of seconds are kept for so long: whoever watches looks at the last few."""


@dataclass(slots=True)
class RunningTallies(Tallies):
    """Tallies that only grow, by `merge`; what `at` returns is to be read alone."""

    _by_phase: dict[int, Tally] = field(default_factory=dict)
    _by_second: dict[int, Tally] = field(default_factory=dict)
    _forgotten_until: int = 0

    def merge(self, other: Tallies) -> None:
        """Add all of another one's counts."""
        for slot, tally in other.slots.items():
            self.at(slot).merge(tally)
            self._by_phase.setdefault(slot.phase, Tally()).merge(tally)
            self._by_second.setdefault(slot.second, Tally()).merge(tally)
        self._forget()

    def of_phases(self, *phases: int) -> Tally:
        """Return everything that began in those stretches."""
        return _sum(self._by_phase[phase] for phase in set(phases) if phase in self._by_phase)

    def within(self, first: int, end: int) -> Tally:
        """Return everything that ended from second `first` on and before second `end`."""
        if first < self._forgotten_until:
            return _sum(tally for slot, tally in self.slots.items() if first <= slot.second < end)
        return _sum(tally for second, tally in self._by_second.items() if first <= second < end)

    def _forget(self) -> None:
        until = max(self._by_second, default=0) - _KEPT_S
        for second in [second for second in self._by_second if second < until]:
            del self._by_second[second]
            self._forgotten_until = max(self._forgotten_until, second + 1)


def _sum(tallies: Iterable[Tally]) -> Tally:
    whole = Tally()
    for tally in tallies:
        whole.merge(tally)
    return whole
