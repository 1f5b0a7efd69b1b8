"""What came of a simulation: everything that a report shows, as it was observed."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from opsctl.core.lean_dataclass import dataclass
from opsctl.core.load.scenario import Tag

if TYPE_CHECKING:
    from opsctl.core.errors import ErrorCode
    from opsctl.core.load.scenario import Scenario
    from opsctl.core.load.steps import Step
    from opsctl.core.load.tally import Tally
    from opsctl.core.modes import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One kill or restore in the middle of the load.

    Attributes:
        to: The mode that it was for.
        began_s: When its process of writing began, in seconds of the run.
        written_ms: From there to the provider's answer.
        instances: How many instances confirmed, of how many.
        instances_ms: Until the last of them did; `None` where none did.
        browsers: How many browsers acknowledged to the instances, of how many.
        shown: How many of the own browsers showed it.
        shown_ms: Until so many of all that were connected did, as milliseconds by percentile: `p50`, `p95`, `p99`,
            `max`; those that so many never did are not in it.
        arrivals: How many browsers showed it by milliseconds after the beginning, for a plot.
        is_confirmed: Whether everybody confirmed in time.
        trouble: What went wrong, for people; empty when nothing did.
    """

    to: Mode
    began_s: float
    written_ms: float | None = None
    instances: tuple[int, int] = (0, 0)
    instances_ms: float | None = None
    browsers: tuple[int, int] = (0, 0)
    shown: int = 0
    shown_ms: dict[str, float] = field(default_factory=dict)
    arrivals: tuple[tuple[float, int], ...] = ()
    is_confirmed: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the feed's workers used at one moment, all together.

    Attributes:
        at_s: Seconds of the run.
        cpu: Cores in use since the moment before; 1.0 is one whole core.
        memory_mb: Resident memory.
    """

    at_s: float
    cpu: float
    memory_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseResult:
    """One phase, from the moment its mode was confirmed to its end; flips are not in it.

    Attributes:
        name: Of the scenario's phase.
        tag: What it is compared as.
        mode: What the switch was to show.
        from_s: Beginning, in seconds of the run.
        to_s: End.
        pages: What visitors were answered that asked within it.
        shown: How many of those pages showed which mode.
        visitors: How many visitors there were at its end.
        sockets: How many browsers were connected at its end.
        answered: Requests that the feed's workers answered within it, as they counted; `None` where nobody knows.
        ended: Requests that ended between the same two looks, as the visitors counted; likewise.
        ended_within: How many of those may be on the other side of a look: they are counted by whole seconds, and to
            look takes a moment.
        avatar_calls: Calls of the avatar API within it, as the feed counted; `None` where nobody knows.
        avatar_errors: Those that gave no avatar; likewise.
        avatar_served: Calls that the API itself counted, or the proxy before it; likewise.
        avatar_passed_on: Those that the proxy passed on to the API; `None` without a proxy, too.
        cpu: Cores that the feed's workers used, on average; likewise.
        memory_mb: Their resident memory at its end; likewise.
        busiest: Share of a core that the busiest worker used, from 0 to 1; likewise.
        breaker_open_s: Seconds of `sampled_s` in which the feed's breakers kept calls from the avatar API, on average;
            likewise.
        machine_busy: Share of all cores of the machine that the load runs on in which something ran; likewise.
        machine_stolen: Share of them which its host gave to others; likewise.
        sampled_s: Between the two looks at the workers that these counts are of; `None`: as long as it lasted.
        is_cut_short: Whether it was interrupted.
    """

    name: str
    tag: Tag
    mode: Mode
    from_s: float
    to_s: float
    pages: Tally
    shown: dict[str, int]
    visitors: int
    sockets: int
    answered: int | None = None
    ended: int | None = None
    ended_within: int | None = None
    avatar_calls: int | None = None
    avatar_errors: int | None = None
    avatar_served: int | None = None
    avatar_passed_on: int | None = None
    cpu: float | None = None
    memory_mb: float | None = None
    busiest: float | None = None
    breaker_open_s: float | None = None
    machine_busy: float | None = None
    machine_stolen: float | None = None
    sampled_s: float | None = None
    is_cut_short: bool = False

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.to_s - self.from_s

    @property
    def pages_per_s(self) -> float:
        """Pages a second that did not fail."""
        return (self.pages.requests - self.pages.failed) / self.seconds if self.seconds > 0 else 0.0

    @property
    def error_rate(self) -> float:
        """Share of the requests that failed, from 0 to 1."""
        return self.pages.failed / self.pages.requests if self.pages.requests else 0.0

    @property
    def avatar_calls_per_s(self) -> float | None:
        """Calls of the avatar API a second; `None` where nobody knows."""
        over_s = self.seconds if self.sampled_s is None else self.sampled_s
        return self.avatar_calls / over_s if self.avatar_calls is not None and over_s > 0 else None

    @property
    def bytes_per_page(self) -> float:
        """Bytes of an answer's body, on average."""
        return self.pages.sent_bytes / self.pages.requests if self.pages.requests else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Second:
    """One second of the run, for the plots.

    Attributes:
        at_s: Which one.
        pages: Requests that ended in it.
        failed: Those that failed.
        p50_ms: Of those that did not; `None` without any.
        p95_ms: Likewise.
        p99_ms: Likewise.
        shown: How many pages showed which mode.
        avatar_calls: Calls of the avatar API in it, as the feed counted; `None` where nobody knows.
        visitors: How many visitors there were; `None` where nobody looked.
        sockets: How many browsers were connected; likewise.
    """

    at_s: int
    pages: int
    failed: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    shown: dict[str, int]
    avatar_calls: int | None
    visitors: int | None = None
    sockets: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """How hard the load itself had to work: where that is its limit, the figures are its own and not the feed's.

    Attributes:
        processes: How many processes made visitors.
        cpu: Share of a core that the busiest of them used at its peak, from 0 to 1.
        late_ms: How late it came to what was due, at its worst second; 99 of 100 times it was less.
        lost: Why browsers could not connect or went away, for people; empty when none did.
        warnings: What that means, for people; empty when it was no limit.
    """

    processes: int = 1
    cpu: float = 0.0
    late_ms: float = 0.0
    lost: str = ""
    warnings: tuple[str, ...] = ()

    @classmethod
    def from_wire(cls, value: Any) -> Generator:
        """Read what the processes that make the load say of themselves.

        Raises:
            KeyError, TypeError, ValueError: it is no such object.
        """
        return cls(
            processes=int(value["processes"]),
            cpu=float(value["cpu"]),
            late_ms=float(value["late_ms"]),
            warnings=tuple(map(str, value["warnings"])),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where it ran.

    Attributes:
        system: Operating system and architecture.
        cores: How many.
        versions: Of what matters, by name.
    """

    system: str
    cores: int
    versions: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationResult:
    """Everything that is known of one run.

    Attributes:
        scenario: What was to be run.
        target: The feed's address.
        provider: Whose flag was flipped, for people.
        flag: Its key.
        began_ms: When, in milliseconds since 1970.
        phases: Those that began.
        flips: Kills and restores, in their order.
        seconds: The run second by second.
        usage: What the workers used, over time; empty where they could not be looked at.
        generator: How hard the load itself worked.
        machine: Where it ran.
        interrupted: Why it ended early, for people; empty when it did not.
        ended_by: What kind of failure that was; `None` when there was none.
        hint: The next thing to type after it.
        left_as: What the switch shows now, against how it was found; for people.
        is_left_as_found: Whether it shows what it did before.
        command: What repeats it, as it is typed; empty where nobody knows.
        steps: Those of a rehearsal that began; of a simulation, none.
    """

    scenario: Scenario
    target: str
    provider: str
    flag: str
    began_ms: int
    phases: tuple[PhaseResult, ...]
    flips: tuple[Flip, ...]
    seconds: tuple[Second, ...]
    usage: tuple[Usage, ...]
    generator: Generator
    machine: Machine
    interrupted: str = ""
    ended_by: ErrorCode | None = None
    hint: str = ""
    left_as: str = ""
    is_left_as_found: bool = True
    command: str = ""
    steps: tuple[Step, ...] = ()

    @property
    def is_partial(self) -> bool:
        """Whether it ended before its last phase did."""
        return bool(self.interrupted)

    @property
    def connected(self) -> int:
        """How many browsers were connected: the fewest at any phase's end, or the most before the first one."""
        if self.phases:
            return min(phase.sockets for phase in self.phases)
        return max((second.sockets or 0 for second in self.seconds), default=0)

    def tagged(self, tag: Tag) -> PhaseResult | None:
        """Return the phase that is compared as `tag`: of those with the most visitors the one next to the flip.

        That is the last of several before a kill, and the first of several after one; `None` without any.
        """
        planned = self.scenario.visitors_by_phase
        in_turn = reversed(self.phases) if tag is Tag.FULL else self.phases
        phases = [phase for phase in in_turn if phase.tag is tag]
        return max(phases, key=lambda phase: planned.get(phase.name, 0), default=None)
