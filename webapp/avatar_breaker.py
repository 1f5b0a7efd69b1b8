"""When to leave the avatar API alone."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from typing import TYPE_CHECKING, NoReturn

import pybreaker

from webapp.avatar_api import AvatarError

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)
_FAILURES_TO_OPEN = 5
_OPEN_S = 10.0


class UncountedError(AvatarError):
    """There is no avatar, and that says nothing new about the API: it was not asked, or the failure was counted."""


class Breaker(pybreaker.CircuitBreakerListener):
    """A circuit breaker whose calls run beside each other.

    pybreaker runs a call under its lock, one at a time. So only the trial call of a breaker that has been open runs
    there; the others run outside and tell it how they ended.
    """

    def __init__(self) -> None:
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=_FAILURES_TO_OPEN, reset_timeout=_OPEN_S, throw_new_error_on_trip=False, listeners=[self]
        )
        self._trial = threading.Lock()
        self._tries_again_at = 0.0
        self.is_open = False
        self._opened_at: float | None = None
        self._was_open_s = 0.0

    @property
    def open_s(self) -> float:
        """Seconds that it was open since the start, until now."""
        opened_at = self._opened_at
        return self._was_open_s + (time.monotonic() - opened_at if opened_at is not None else 0.0)

    @property
    def keeps_away(self) -> bool:
        """Whether a call made now would be refused."""
        return self.is_open and (time.monotonic() < self._tries_again_at or self._trial.locked())

    def call(self, ask: Callable[[], str]) -> str:
        """Return what `ask` returns.

        Raises:
            AvatarError: from `ask`; or `UncountedError`, without having asked.
        """
        if not self.is_open:
            return self._beside(ask)
        if not self._trial.acquire(blocking=False):
            raise UncountedError("a trial call is under way")
        try:
            return str(self._breaker.call(ask))
        except pybreaker.CircuitBreakerError as error:
            raise UncountedError("the breaker is open") from error
        finally:
            self._trial.release()

    def count_failure(self, error: AvatarError) -> None:
        """Count a call that failed, or that is late, whatever becomes of it."""
        if not self.is_open:
            with contextlib.suppress(AvatarError, pybreaker.CircuitBreakerError):
                self._breaker.call(_raise, error)

    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: object, new_state: object) -> None:  # noqa: ARG002 - pybreaker's signature
        """Remember and log whether calls are kept away (pybreaker)."""
        name = getattr(new_state, "name", "")
        if name == pybreaker.STATE_OPEN:
            self._tries_again_at = time.monotonic() + _OPEN_S
        is_open = name != pybreaker.STATE_CLOSED
        if is_open != self.is_open:
            _log.warning("avatar API: the breaker %s", "opens" if is_open else "closes")
            self._was_open_s = self.open_s
            self._opened_at = time.monotonic() if is_open else None
        self.is_open = is_open

    def _beside(self, ask: Callable[[], str]) -> str:
        try:
            url = ask()
        except UncountedError:
            raise
        except AvatarError as error:
            self.count_failure(error)
            raise
        if not self.is_open:
            with contextlib.suppress(pybreaker.CircuitBreakerError):
                self._breaker.call(str)
        return url


def _raise(error: AvatarError) -> NoReturn:
    raise error
