"""What makes the visitors, in this process or in others, as the conductor sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from opsctl.simulation.visitors.strain import Strain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opsctl.core.errors import OpsError
    from opsctl.core.load.tally import Tallies


@dataclass(slots=True, kw_only=True)
class Process:
    """One process that makes visitors.

    Attributes:
        worker: Its number.
        host: Name of its machine.
        pid: Its number there.
        clock_within_ms: How far its clock may be from the conductor's; 0 on the same machine.
        visitors: How many it had when it was heard of last.
        before: The window before.
        strain: The latest window of how hard it worked.
    """

    worker: int
    host: str
    pid: int
    clock_within_ms: float = 0.0
    visitors: int = 0
    before: Strain = field(default_factory=Strain)
    strain: Strain = field(default_factory=Strain)

    def who(self) -> dict[str, Any]:
        """Return which one it is, for an event."""
        return {"worker": self.worker, "host": self.host, "pid": self.pid}

    def how(self) -> dict[str, Any]:
        """Return how hard it works, for an event."""
        return {"worker": self.worker, "visitors": self.visitors, **self.strain.to_wire()}


@dataclass(frozen=True, slots=True)
class Listeners:
    """Whom an engine tells of what happens by itself.

    Attributes:
        on_window: A process worked on for one more window.
        on_lost: A process went away, for that reason; so many are left.
        on_trouble: It cannot go on.
        say: Writes an event.
    """

    on_window: Callable[[Process], None]
    on_lost: Callable[[Process, str, int], None]
    on_trouble: Callable[[OpsError], None]
    say: Callable[..., None]


class Engine(Protocol):
    """Makes visitors. Its methods wait for what they do, and let other greenlets go on meanwhile."""

    @property
    def present(self) -> int:
        """How many visitors there are."""

    @property
    def processes(self) -> Sequence[Process]:
        """Those that make them."""

    def begin(self, listeners: Listeners) -> None:
        """Get everything ready."""

    def go_to(self, visitors: int) -> None:
        """Make it that many, as fast as Locust can; who is to go ends a request under way before."""

    def set_stretch(self, number: int) -> None:
        """Count requests that begin from now on in that stretch, in every process."""

    def take(self) -> Tallies:
        """Return what ended since this was asked last."""

    def finish(self) -> None:
        """Get in what was not taken yet, once there are no visitors any more."""

    def close(self) -> None:
        """End everything at once."""
