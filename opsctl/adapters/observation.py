"""Following instances: one thread each reads its reports, and whoever waits is told that there is news."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from opsctl.adapters.following import Follower
from opsctl.adapters.sightings import told_apart
from opsctl.core.propagation import Sighting

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

    from opsctl.adapters.endpoints import Endpoint, Source

_JOIN_S = 1.0
_AGAIN_S = 1.0


class LiveObservation:
    """`Observation` of `opsctl.core.ports`, as a context manager.

    Entering starts the threads and waits until every instance said where it stands, or `patience_s` is over; leaving
    ends the threads, but for one that waits for a slow source, which ends with that. Such a source is waited for as
    long, and looked at again from then on: an instance that it names later is followed, too.
    """

    def __init__(self, sources: Sequence[Source], *, patience_s: float) -> None:
        """Take where instances are found, and the patience."""
        self._sources = sources
        self._patience_s = patience_s
        self._news = threading.Condition()
        self._changes = 0
        self._changes_told = 0
        self._stopping = threading.Event()
        self._followers: dict[tuple[str, str, str], Follower] = {}
        self._searches = [_Search(source, self) for source in sources if source.is_slow]

    def __enter__(self) -> Self:
        for source in self._sources:
            if not source.is_slow:
                self.follow(source, source.endpoints())
        for search in self._searches:
            search.start()
        give_up_s = time.monotonic() + self._patience_s
        for search in self._searches:
            search.has_looked.wait(max(give_up_s - time.monotonic(), 0.0))
        for follower in self._known():
            follower.armed.wait(max(give_up_s - time.monotonic(), 0.0))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        for follower in self._known():
            follower.stop()
        give_up_s = time.monotonic() + _JOIN_S
        for follower in self._known():
            follower.join(max(give_up_s - time.monotonic(), 0.0))

    def sightings(self) -> tuple[Sighting, ...]:
        """Return every instance as last seen, each once; where nobody ever listened and nobody should there is none.

        A source that has not answered yet counts as an instance that has not.
        """
        seen = [(follower.endpoint, follower.sighting) for follower in self._known()]
        pending = [search.source.unheard() for search in self._searches if not search.has_looked.is_set()]
        return told_apart([*seen, *((one, Sighting(one.name)) for one in pending if one is not None)])

    def wait_for_news(self, timeout_s: float) -> bool:
        """Return as soon as some sighting has changed since the last call, with whether one has."""
        with self._news:
            happened = self._news.wait_for(lambda: self._changes != self._changes_told, timeout_s)
            self._changes_told = self._changes
            return happened

    def follow(self, source: Source, endpoints: Iterable[Endpoint]) -> None:
        """Begin to follow those endpoints of a source that are not followed yet.

        Those that were found before and are not any more are given up, unless their instance answers.
        """
        kind = type(source).__name__
        found = {(kind, endpoint.place, endpoint.name): endpoint for endpoint in endpoints}
        with self._news:
            if self._stopping.is_set():
                return
            new = {key: Follower(endpoint, self._tell) for key, endpoint in found.items() if key not in self._followers}
            gone = [
                key
                for key, follower in self._followers.items()
                if key[0] == kind and key not in found and not follower.answers
            ]
            given_up = [self._followers.pop(key) for key in gone]
            self._followers |= new
        for follower in given_up:
            follower.stop()
        for follower in new.values():
            follower.start()
        if new or given_up:
            self._tell()

    def is_over_within(self, seconds: float) -> bool:
        """Wait for that long at most, and return whether the observation has ended."""
        return self._stopping.wait(seconds)

    def _known(self) -> tuple[Follower, ...]:
        with self._news:
            return tuple(self._followers.values())

    def _tell(self) -> None:
        with self._news:
            self._changes += 1
            self._news.notify_all()


class _Search(threading.Thread):
    """Looks at one slow source again and again."""

    def __init__(self, source: Source, observation: LiveObservation) -> None:
        super().__init__(name="opsctl-search", daemon=True)
        self.has_looked = threading.Event()
        self.source = source
        self._observation = observation

    def run(self) -> None:
        while True:
            self._observation.follow(self.source, self.source.endpoints())
            self.has_looked.set()
            if self._observation.is_over_within(_AGAIN_S):
                return
