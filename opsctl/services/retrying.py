"""Making a request again, where that may help and time is left."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

from opsctl.core.durations import format_ms
from opsctl.core.errors import ErrorCode, OpsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.ports import Clock

_T = TypeVar("_T")
_MOST_ATTEMPTS = 5


def with_retries(
    attempt: Callable[[], _T],
    *,
    clock: Clock,
    deadline_s: float,
    on_failure: Callable[[OpsError], _T | None] = lambda _error: None,
    on_wait: Callable[[OpsError, float], None] = lambda _error, _seconds: None,
) -> _T:
    """Return what `attempt` returns; make it again after failures that say it may help, up to `deadline_s`.

    Waits grow from the one the failure names, with jitter, so that several operators do not meet again; one that a rate
    limit names is kept to.

    Args:
        attempt: Makes the request.
        clock: Time.
        deadline_s: On the clock's monotonic scale; no wait goes beyond it.
        on_failure: Looks at a failure before the next attempt, and may return the result after all.
        on_wait: Is told before each wait.

    Raises:
        OpsError: the last failure in which the other side said something, or else the last one; with the number of
            attempts, where there were several.
    """
    base_s = clock.monotonic_s()
    telling: OpsError | None = None
    for number in range(_MOST_ATTEMPTS):
        try:
            return attempt()
        except OpsError as error:
            telling = error if telling is None or error.is_answer or not telling.is_answer else telling
            found = on_failure(error)
            if found is not None:
                return found
            wait_s = _wait_s(error, number)
            if wait_s is None:
                raise
            if clock.monotonic_s() + wait_s > deadline_s or number == _MOST_ATTEMPTS - 1:
                raise _after(number + 1, telling, clock.monotonic_s() - base_s) from error
            on_wait(error, wait_s)
            clock.sleep(wait_s)
    raise AssertionError("the last attempt returns or raises")


def _after(attempts: int, error: OpsError, seconds: float) -> OpsError:
    """Return the error with how often and how long it was tried; it was not what the last attempt alone shows."""
    if attempts == 1:
        return error
    return OpsError(
        error.code,
        f"{error.message} ({attempts} attempts in {format_ms(seconds * 1000)})",
        hint=error.hint,
        request_id=error.request_id,
        retry_after_s=error.retry_after_s,
        is_answer=error.is_answer,
    )


def _wait_s(error: OpsError, number: int) -> float | None:
    if error.retry_after_s is None:
        return None
    jitter = random.uniform(0.0, 0.25)  # noqa: S311 - spreads load, guards nothing
    if error.code is ErrorCode.RATE_LIMITED:
        # The provider names the moment: it is the right one, and not a little more with each attempt.
        return error.retry_after_s + jitter
    return error.retry_after_s * (1 + number) * (1 + jitter)
