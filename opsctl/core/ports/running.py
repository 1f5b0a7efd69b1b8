"""What the services need of what runs: the instances of the feed, and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from opsctl.core.expecting import ControlMessage
    from opsctl.core.propagation import Sighting


class Clock(Protocol):
    """Time, and waiting for it to pass."""

    def now_s(self) -> float:
        """Return the wall-clock time, in seconds since 1970."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds that never run backwards, from some arbitrary zero."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        ...


class Observation(Protocol):
    """What the instances say while it is open."""

    def sightings(self) -> tuple[Sighting, ...]:
        """Return every instance as last seen."""
        ...

    def wait_for_news(self, timeout_s: float) -> bool:
        """Return as soon as some sighting has changed since the last call, with whether one has."""
        ...


class Instances(Protocol):
    """The running instances of the feed."""

    def list_sightings(self) -> tuple[Sighting, ...]:
        """Ask every instance once."""
        ...

    def tell(self, message: ControlMessage, *, timeout_s: float) -> tuple[Sighting, ...]:
        """Tell every instance something, all at the same time; return what each answered within `timeout_s`.

        One that did not take it in is a sighting without a report.
        """
        ...

    def observe(self) -> AbstractContextManager[Observation]:
        """Start to follow every instance; on entry each has said where it stands, or is known to be silent."""
        ...
