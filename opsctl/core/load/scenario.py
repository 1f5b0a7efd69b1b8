"""A scenario: how many come, for how long, what the avatar API does meanwhile, and when the switch is flipped."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from opsctl.core.lean_dataclass import dataclass
from opsctl.core.modes import Mode

MOST_VISITORS = 100_000
MOST_SOCKETS = 100_000
LONGEST_S = 24 * 3600.0


class Tag(StrEnum):
    """What a phase is compared as: before the kill, while it is killed, and after the restore."""

    FULL = "full"
    DEGRADED = "degraded"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Avatars:
    """What the avatar API does from the beginning of a phase on, in the words of the stand-in's knobs.

    Attributes:
        latency_ms: Time before every answer.
        jitter_ms: Up to so much more.
        error_rate: Share of calls that fail, from 0 to 1.
        rate_limit_per_s: Calls a second before it refuses; 0 is no limit.
        hang: Whether calls are accepted and never answered.
    """

    latency_ms: float = 0.0
    jitter_ms: float = 0.0
    error_rate: float = 0.0
    rate_limit_per_s: float = 0.0
    hang: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stretch of a scenario.

    Attributes:
        name: Of its own within the scenario; letters, digits, `-`.
        seconds: How long it lasts, from the moment its mode was confirmed.
        mode: What the switch is to show in it; where that changes, the phase begins with a kill or a restore.
        tag: What it is compared as.
        visitors: Visitors of pages at its end; `None` for as many as before.
        avatars: What the avatar API does from its beginning on; `None` for what it did before.
    """

    name: str
    seconds: float
    mode: Mode
    tag: Tag
    visitors: int | None = None
    avatars: Avatars | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A whole simulation, before it runs.

    Attributes:
        name: For people.
        visitors: Visitors of pages at the beginning; each asks for a page, thinks, and asks again.
        sockets: Browsers that stay connected, and measure the switch.
        think_s: Shortest and longest time between a visitor's pages, evenly spread.
        seed: Makes the visitors' and browsers' devices and the times they think; the same seed, the same visitors.
        phases: In their order; the first one is in full mode.
        avatar_keep_s: How long a feed that is started for this keeps an avatar it was given; 0 asks for each page;
            `None` of one that runs already: nobody knows.
        avatar_provider: URL of an avatar API that is asked through a proxy: what a phase says of the API is what the
            proxy does to it, and what it does itself comes on top. `None`: a stand-in, or unknown.
    """

    name: str
    phases: tuple[Phase, ...]
    visitors: int = 300
    sockets: int = 1000
    think_s: tuple[float, float] = (1.0, 3.0)
    seed: int = 0
    avatar_keep_s: float | None = 0.0
    avatar_provider: str | None = None
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        """Check it.

        Raises:
            ValueError: it cannot be run; the message says why, for people.
        """
        if not self.phases:
            raise ValueError("a scenario has at least one phase")
        names = [phase.name for phase in self.phases]
        if len(set(names)) != len(names):
            raise ValueError("each phase has a name of its own")
        if self.phases[0].mode is not Mode.FULL:
            raise ValueError("the first phase is in full mode: there is nothing to kill otherwise")
        if not any(phase.mode is Mode.DEGRADED for phase in self.phases):
            raise ValueError("one of the phases is in degraded mode: there is nothing to compare otherwise")
        _within("visitors", self.visitors, MOST_VISITORS)
        _within("sockets", self.sockets, MOST_SOCKETS)
        for phase in self.phases:
            _within(f"visitors of {phase.name}", phase.visitors or 0, MOST_VISITORS)
            if not 0 < phase.seconds <= LONGEST_S:
                raise ValueError(f"the duration of {phase.name} is from more than 0 s to {LONGEST_S / 3600:g} h")
        shortest, longest = self.think_s
        if not 0 <= shortest <= longest:
            raise ValueError("the time to think is from 0 s, and the longest is not below the shortest")

    @property
    def seconds(self) -> float:
        """How long it lasts, without its flips."""
        return sum(phase.seconds for phase in self.phases)

    @property
    def visitors_by_phase(self) -> dict[str, int]:
        """How many visitors there are at each phase's end, by its name."""
        found, visitors = {}, self.visitors
        for phase in self.phases:
            visitors = visitors if phase.visitors is None else phase.visitors
            found[phase.name] = visitors
        return found

    @property
    def needs_avatar_api(self) -> bool:
        """Whether the avatar API has to change in its course, without which it would show nothing."""
        return any(phase.avatars is not None for phase in self.phases[1:])

    @property
    def most_visitors(self) -> int:
        """How many visitors it has at its peak."""
        return max(self.visitors, *(phase.visitors or 0 for phase in self.phases))


def _within(what: str, number: int, most: int) -> None:
    if not 0 <= number <= most:
        raise ValueError(f"{what}: from 0 to {most:,}")
