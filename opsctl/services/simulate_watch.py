"""What is told of a simulation while it runs, and how hard its load had to work."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

from opsctl.core.lean_dataclass import dataclass
from opsctl.core.load.looks import SimulationLook
from opsctl.core.load.results import Generator
from opsctl.core.load.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.load.results import Flip
    from opsctl.core.load.scenario import Phase, Scenario, Tag
    from opsctl.core.load.series import PhaseRun, Sampled
    from opsctl.core.load.tally import Tallies
    from opsctl.core.ports.load import ConnectedBrowsers, PageVisitors

_NOW_S = 2


@dataclass(slots=True)
class Watching:
    """Puts together what there is to see; keeps how many there were by second, and the hardest work of the load."""

    scenario: Scenario
    visitors_process: PageVisitors
    browsers_process: ConnectedBrowsers
    sampled: Sampled
    on_look: Callable[[SimulationLook], None]
    visitors: int = 0
    sockets: int = 0
    generator: Generator = field(default_factory=Generator)
    present: dict[int, tuple[int, int]] = field(default_factory=dict)
    flips: list[Flip] = field(default_factory=list)
    _ended: list[PhaseRun] = field(default_factory=list)

    def ended(self, run: PhaseRun) -> None:
        """Take in a phase that is over."""
        self._ended.append(run)

    def tell(self, at_s: float, doing: str, phase: Phase | None, left_s: float) -> None:
        """Look at everybody, and tell.

        Raises:
            OpsError: visitors or browsers ended by themselves.
        """
        here, there = self.visitors_process.look(), self.browsers_process.look()
        self.visitors, self.sockets = here.visitors, there.connected
        theirs = replace(there.generator, lost=there.why if there.lost else "")
        self.generator = replace(
            _harder(_harder(self.generator, here.generator), theirs),
            # Each of the two says all that has to be said of it so far.
            warnings=(*here.generator.warnings, *theirs.warnings),
        )
        done = sum(run.phase.seconds for run in self._ended) + (phase.seconds - left_s if phase is not None else 0.0)
        second = int(at_s)
        self.present[second] = (here.visitors, there.connected)
        self.on_look(
            SimulationLook(
                at_s=at_s,
                doing=doing,
                phase=phase,
                left_s=left_s,
                left_all_s=max(self.scenario.seconds - done, 0.0),
                total_s=self.scenario.seconds,
                visitors=here.visitors,
                sockets=there.connected,
                now=here.tallies.within(second - _NOW_S, second),
                now_s=_NOW_S,
                by_tag=self._by_tag(here.tallies, phase, left_s),
                avatar_calls_per_s=self.sampled.avatar_calls_per_s(_NOW_S),
                flips=tuple(self.flips),
                generator=self.generator,
            )
        )

    def _by_tag(self, tallies: Tallies, phase: Phase | None, left_s: float) -> dict[Tag, tuple[Tally, float]]:
        found: dict[Tag, tuple[Tally, float]] = {}
        for run in self._ended:
            whole, seconds = found.get(run.phase.tag, (Tally(), 0.0))
            whole.merge(tallies.of_phases(run.stretch))
            found[run.phase.tag] = (whole, seconds + run.to_s - run.from_s)
        if phase is not None:
            whole, seconds = found.get(phase.tag, (Tally(), 0.0))
            whole.merge(tallies.of_phases(self._running_stretch))
            found[phase.tag] = (whole, seconds + phase.seconds - left_s)
        return found

    @property
    def _running_stretch(self) -> int:
        """Each phase is a stretch, and so is what lies between two."""
        return self._ended[-1].stretch + 2 if self._ended else 1


def _harder(one: Generator, other: Generator) -> Generator:
    """Return the harder work of both."""
    return replace(
        one,
        processes=max(one.processes, other.processes),
        cpu=max(one.cpu, other.cpu),
        late_ms=max(one.late_ms, other.late_ms),
        lost=other.lost or one.lost,
    )
