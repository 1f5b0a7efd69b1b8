"""One avatar per person: asked for concurrently, once, within a deadline, and not at all when the API is down."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cachetools import TTLCache

from webapp.avatar_api import AvatarError
from webapp.avatar_breaker import Breaker, UncountedError
from webapp.rates import RecentRate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_CACHED_PEOPLE = 10_000
_KEEP_S = 600.0
_CONCURRENT_CALLS = 16


class AvatarSource(Protocol):
    """What gives avatars, one per call."""

    def fetch(self) -> str:
        """Return the URL of an image, or raise `AvatarError`."""


@dataclass(slots=True)
class _Call:
    """One call that is queued (`ends_by_s` is `None`) or under way; `has_failed` once it counts as a failure."""

    ends_by_s: float | None = None
    has_failed: bool = False


class Avatars:
    """The avatars of people, from a source that may be slow, wrong or gone.

    Nobody waits longer than `deadline_s`; what arrives later is kept for the next page. Each person's avatar is asked
    for once, however many pages want it at the same time. A call that is not back after `limit_s` counts as a failure
    there and then.

    Args:
        source: Whom to ask; `None`: everybody has the default avatar.
        deadline_s: How long a page waits.
        limit_s: How long a call may take; by default as long as a page waits.
        keep_s: How long an avatar is kept; 0: whoever wants it shares a call under way, or makes one.
        is_wanted: Whether anybody wants avatars now; asked before each call.
    """

    def __init__(
        self,
        source: AvatarSource | None,
        *,
        deadline_s: float,
        limit_s: float | None = None,
        keep_s: float = _KEEP_S,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        self._source = source
        self._deadline_s = deadline_s
        self._limit_s = deadline_s if limit_s is None else limit_s
        self._is_wanted = is_wanted
        self._cache: TTLCache[str, str] = TTLCache(_CACHED_PEOPLE, keep_s)
        self._in_flight: dict[str, tuple[_Call, Future[str]]] = {}
        self._lock = threading.Lock()
        self._pool = _new_pool()
        self._breaker = Breaker()
        self._recent = RecentRate()
        self.calls = 0
        self.errors = 0

    @property
    def are_kept(self) -> bool:
        """Whether an avatar serves later pages as well."""
        return bool(self._cache.ttl)

    @property
    def rate_per_s(self) -> float:
        """Calls per second, over the last ten."""
        return self._recent.per_s

    @property
    def is_open(self) -> bool:
        """Whether the breaker keeps calls away from the API."""
        return self._breaker.is_open

    @property
    def open_s(self) -> float:
        """Seconds that the breaker kept calls away since the start."""
        return self._breaker.open_s

    def urls(self, people: Iterable[str]) -> dict[str, str | None]:
        """Return the avatar of each person, by id; `None` stands for the default avatar."""
        wanted = list(dict.fromkeys(people))
        if self._source is None:
            return dict.fromkeys(wanted)
        self._count_late()
        with self._lock:
            found = {person: self._cache[person] for person in wanted if person in self._cache}
        asked = {}
        if not self._breaker.keeps_away:
            with self._lock:
                asked = {person: self._asked(person, self._source) for person in wanted if person not in found}
        if asked:
            wait(asked.values(), timeout=self._deadline_s)
            self._count_late()
        return {person: found.get(person) or _result(asked.get(person)) for person in wanted}

    def call_off(self) -> None:
        """Drop the calls that have not begun; whoever waits for them goes on with the default avatar."""
        with self._lock:
            for person, (_, future) in list(self._in_flight.items()):
                if future.cancel():
                    del self._in_flight[person]

    def resume(self) -> None:
        """Begin again in a process that was forked off, where the calling threads do not exist."""
        self._pool = _new_pool()
        self._in_flight.clear()

    def close(self) -> None:
        """Take no more calls; those under way end by their own limits."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _asked(self, person: str, source: AvatarSource) -> Future[str]:
        if person in self._in_flight:
            return self._in_flight[person][1]
        call = _Call()
        future = self._pool.submit(self._fetch, person, source, call)
        self._in_flight[person] = (call, future)
        return future

    def _fetch(self, person: str, source: AvatarSource, call: _Call) -> str:
        try:
            url = self._breaker.call(lambda: self._ask(source, call))
            with self._lock:
                self._cache[person] = url
        finally:
            with self._lock:
                self._in_flight.pop(person, None)
        return url

    def _ask(self, source: AvatarSource, call: _Call) -> str:
        with self._lock:
            if not self._is_wanted():
                raise UncountedError("nobody wants avatars")
            self.calls += 1
            self._recent.count()
            call.ends_by_s = time.monotonic() + self._limit_s
        try:
            return source.fetch()
        except AvatarError as error:
            with self._lock:
                was_counted, call.has_failed = call.has_failed, True
                self.errors += not was_counted
            if was_counted:
                raise UncountedError(str(error)) from error
            raise

    def _count_late(self) -> None:
        now = time.monotonic()
        with self._lock:
            late = [
                call for call, _ in self._in_flight.values() if not call.has_failed and now > (call.ends_by_s or now)
            ]
            for call in late:
                call.has_failed = True
            self.errors += len(late)
        for _ in late:
            self._breaker.count_failure(AvatarError("no answer in time"))


def _new_pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_CONCURRENT_CALLS, thread_name_prefix="avatar")


def _result(future: Future[str] | None) -> str | None:
    if future is None or not future.done() or future.cancelled() or future.exception() is not None:
        return None
    return future.result()
