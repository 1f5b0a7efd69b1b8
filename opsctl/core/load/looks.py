"""What is seen of a load while it is on."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from opsctl.core.lean_dataclass import dataclass
from opsctl.core.load.results import Generator
from opsctl.core.load.tally import Tallies, Tally

if TYPE_CHECKING:
    from opsctl.core.load.results import Flip
    from opsctl.core.load.scenario import Phase, Tag


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitorLook:
    """The visitors of pages at one moment; `tallies` is everything they were answered so far, and grows."""

    visitors: int = 0
    tallies: Tallies = field(default_factory=Tallies)
    generator: Generator = field(default_factory=Generator)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserLook:
    """The connected browsers at one moment; `why` says why those that were lost were, for people."""

    connected: int = 0
    lost: int = 0
    why: str = ""
    generator: Generator = field(default_factory=Generator)


@dataclass(frozen=True, slots=True)
class MachineLook:
    """A machine's cores, all together, in seconds since it started.

    Attributes:
        whole_s: All that there was.
        busy_s: In which something ran.
        stolen_s: Which its host gave to others.
    """

    whole_s: float
    busy_s: float
    stolen_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLook:
    """The feed's workers at one moment, all together; `None` is what cannot be known from here.

    Attributes:
        requests: Pages and calls of the feed's API that they answered since their start.
        avatar_calls: Calls of the avatar API.
        avatar_errors: Those that gave no avatar.
        avatar_open_s: Seconds that their breakers kept calls from the avatar API, on average.
        cpu_s: Processor time they used since their start.
        cpu_s_of: The same of each, by its process.
        memory_mb: Resident memory.
        runs: Tells these very processes from those that come after a restart.
        machine: The machine that the load runs on.
    """

    requests: int | None = None
    avatar_calls: int | None = None
    avatar_errors: int | None = None
    avatar_open_s: float | None = None
    cpu_s: float | None = None
    cpu_s_of: dict[int, float] = field(default_factory=dict)
    memory_mb: float | None = None
    runs: frozenset[str] = frozenset()
    machine: MachineLook | None = None

    @property
    def is_counted(self) -> bool:
        """Whether all of them said what they counted."""
        return self.requests is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class AvatarLook:
    """The avatar API at one moment, as that counted itself; `None` is what nobody knows.

    Attributes:
        served: Calls that reached it since its start, or reached the proxy before it.
        passed_on: Those that the proxy asked of the API behind it; `None` without one.
    """

    served: int | None = None
    passed_on: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationLook:
    """How far a simulation is, for whoever watches it.

    Attributes:
        at_s: Seconds of the run.
        doing: What happens now, for people: `warming up`, a phase's name, `kill`, `restore`.
        phase: The phase; `None` between phases.
        left_s: Seconds to the end of the phase.
        left_all_s: Seconds to the end of all phases.
        total_s: Seconds of all phases.
        visitors: Visitors of pages.
        sockets: Connected browsers.
        now: What visitors were answered in the last whole seconds, over `now_s` of them.
        now_s: How many seconds `now` is of.
        by_tag: What they were answered so far in the phases of each tag, and over how many seconds.
        avatar_calls_per_s: Calls of the avatar API a second, just now; `None` where that is not known.
        flips: Kills and restores so far.
        generator: How hard the load itself had to work so far.
    """

    at_s: float
    doing: str
    phase: Phase | None
    left_s: float
    left_all_s: float
    total_s: float
    visitors: int
    sockets: int
    now: Tally
    now_s: float
    by_tag: dict[Tag, tuple[Tally, float]]
    avatar_calls_per_s: float | None
    flips: tuple[Flip, ...] = ()
    generator: Generator = field(default_factory=Generator)
