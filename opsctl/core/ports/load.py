"""What a simulation needs of what makes the load, and of what carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from opsctl.core.load.looks import AvatarLook, BrowserLook, VisitorLook, WorkerLook
    from opsctl.core.load.scenario import Avatars
    from opsctl.core.load.tally import Tallies


class PageVisitors(Protocol):
    """The visitors of pages, in processes of their own. Every method may raise `OpsError`: they ended by themselves."""

    def look(self) -> VisitorLook:
        """Return how many there are, and what they were answered so far."""
        ...

    def want(self, visitors: int, *, over_s: float) -> None:
        """Become so many, evenly over that time; 0: as fast as they can be made."""
        ...

    def begin(self, stretch: int) -> float:
        """Count what is asked from now on in that stretch; return since when, in seconds of the run."""
        ...

    def stop(self) -> None:
        """End, after what is under way was answered."""
        ...

    def counted(self) -> Tallies:
        """Return everything that was counted so far, and grows; never raises, also where they ended by themselves."""
        ...


class ConnectedBrowsers(Protocol):
    """Browsers that stay connected, in a process of their own. Methods may raise `OpsError`: it ended by itself."""

    def look(self) -> BrowserLook:
        """Return how many are connected, and how many were lost."""
        ...

    def want(self, browsers: int) -> None:
        """Connect so many, as fast as the feed takes them."""
        ...

    def arrivals(self, version: int, *, began_ns: int, timeout_s: float) -> tuple[tuple[float, int], ...]:
        """Return how many browsers showed that version of the flag, by milliseconds after `began_ns`.

        It waits until all that are connected showed it, or nobody more does; at most `timeout_s`.
        """
        ...

    def stop(self) -> None:
        """End."""
        ...


class Workers(Protocol):
    """The processes that serve the feed, as they can be looked at from here."""

    def look(self) -> WorkerLook:
        """Return what they counted since their start, and what they use; never raises, what is not known is `None`."""
        ...


class AvatarApi(Protocol):
    """The third party, or what stands before it, which does what a scenario says."""

    def turn(self, avatars: Avatars) -> None:
        """Do that from now on.

        Raises:
            OpsError: it cannot be told so.
        """
        ...

    def put_back(self) -> None:
        """Do what it did before it was first turned."""
        ...

    @property
    def provider(self) -> str | None:
        """The API that it stands before, which takes its own time besides; `None`: it stands in for one."""
        ...

    def look(self) -> AvatarLook:
        """Return what it counted itself; never raises, what is not known is `None`."""
        ...
