"""One avatar per person: asked for concurrently, once, within a deadline, and not at all when the API is down."""

from __future__ import annotations

import contextlib
import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, NoReturn, Protocol

import pybreaker
from cachetools import TTLCache

from webapp.avatar_api import AvatarError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_log = logging.getLogger(__name__)
_CACHED_PEOPLE = 10_000
_KEEP_S = 600.0
_CONCURRENT_CALLS = 16
_FAILURES_TO_OPEN = 5
_OPEN_S = 10.0


class AvatarSource(Protocol):
    """What gives avatars, one per call."""

    def fetch(self) -> str:
        """Return the URL of an image, or raise `AvatarError`."""


class AvatarsUnavailableError(AvatarError):
    """The breaker is open: the API was not asked."""


class Avatars:
    """The avatars of people, from a source that may be slow, wrong or gone.

    Nobody waits longer than `deadline_s`; what arrives later is kept for the next page. Each person's avatar is asked
    for once, however many pages want it at the same time.
    """

    def __init__(self, source: AvatarSource | None, *, deadline_s: float, keep_s: float = _KEEP_S) -> None:
        self._source = source
        self._deadline_s = deadline_s
        self._cache: TTLCache[str, str] = TTLCache(_CACHED_PEOPLE, keep_s)
        self._in_flight: dict[str, Future[str]] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_CONCURRENT_CALLS, thread_name_prefix="avatar")
        self._breaker = _Breaker()
        self.calls = 0
        self.errors = 0

    @property
    def is_open(self) -> bool:
        """Whether the breaker keeps calls away from the API."""
        return self._breaker.is_open

    def urls(self, people: Iterable[str]) -> dict[str, str | None]:
        """Return the avatar of each person, by id; `None` stands for the default avatar."""
        wanted = list(dict.fromkeys(people))
        if self._source is None:
            return dict.fromkeys(wanted)
        with self._lock:
            found = {person: self._cache[person] for person in wanted if person in self._cache}
            asked = {person: self._asked(person, self._source) for person in wanted if person not in found}
        if asked:
            wait(asked.values(), timeout=self._deadline_s)
        return {person: found.get(person) or _result(asked.get(person)) for person in wanted}

    def close(self) -> None:
        """Take no more calls; those under way end by their own limits."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _asked(self, person: str, source: AvatarSource) -> Future[str]:
        future = self._in_flight.get(person)
        if future is None:
            future = self._pool.submit(self._fetch, person, source)
            self._in_flight[person] = future
        return future

    def _fetch(self, person: str, source: AvatarSource) -> str:
        try:
            url = self._breaker.call(lambda: self._ask(source))
        except AvatarError as error:
            with self._lock:
                self._in_flight.pop(person, None)
                if not isinstance(error, AvatarsUnavailableError):
                    self.errors += 1
            raise
        with self._lock:
            self._cache[person] = url
            self._in_flight.pop(person, None)
        return url

    def _ask(self, source: AvatarSource) -> str:
        with self._lock:
            self.calls += 1
        return source.fetch()


class _Breaker(pybreaker.CircuitBreakerListener):
    """A circuit breaker whose calls run beside each other.

    pybreaker runs a call under its lock, one at a time. So only the trial call of a breaker that has been open runs
    there; the others run outside and tell it how they ended.
    """

    def __init__(self) -> None:
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=_FAILURES_TO_OPEN, reset_timeout=_OPEN_S, throw_new_error_on_trip=False, listeners=[self]
        )
        self._trial = threading.Lock()
        self.is_open = False

    def call(self, ask: Callable[[], str]) -> str:
        """Return what `ask` returns.

        Raises:
            AvatarError: from `ask`; or `AvatarsUnavailableError`, without having asked.
        """
        if not self.is_open:
            return self._beside(ask)
        if not self._trial.acquire(blocking=False):
            raise AvatarsUnavailableError("a trial call is under way")
        try:
            return str(self._breaker.call(ask))
        except pybreaker.CircuitBreakerError as error:
            raise AvatarsUnavailableError("the breaker is open") from error
        finally:
            self._trial.release()

    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: object, new_state: object) -> None:  # noqa: ARG002 - pybreaker's signature
        """Remember and log whether calls are kept away (pybreaker)."""
        is_open = getattr(new_state, "name", "") != pybreaker.STATE_CLOSED
        if is_open != self.is_open:
            _log.warning("avatar API: the breaker %s", "opens" if is_open else "closes")
        self.is_open = is_open

    def _beside(self, ask: Callable[[], str]) -> str:
        try:
            url = ask()
        except AvatarError as error:
            with contextlib.suppress(AvatarError, pybreaker.CircuitBreakerError):
                self._breaker.call(_raise, error)
            raise
        with contextlib.suppress(pybreaker.CircuitBreakerError):
            self._breaker.call(str)
        return url


def _raise(error: AvatarError) -> NoReturn:
    raise error


def _result(future: Future[str] | None) -> str | None:
    if future is None or not future.done() or future.cancelled() or future.exception() is not None:
        return None
    return future.result()
