"""Rate limits of the REST API, as LaunchDarkly has them: for the account and for each route, in windows of ten seconds.

LaunchDarkly does not publish its limits, and asks clients to go by the headers. They are always sent here; nothing is
refused unless a limit is set.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from opsctl.flagservice.api_errors import rate_limited

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opsctl.flagservice.options import RateLimits

WINDOW_MS = 10_000
_SHOWN_WHEN_UNLIMITED = 1_000_000


class RateLimiter:
    """Counts authenticated requests, and refuses those beyond the limits. All access tokens share them.

    Args:
        limits: The limits.
        now_ms: The wall clock, in epoch milliseconds.
    """

    def __init__(self, limits: RateLimits, now_ms: Callable[[], int]) -> None:
        self._limits = limits
        self._now_ms = now_ms
        self._window = -1
        self._counts: Counter[str] = Counter()
        self._total = 0

    def count(self, route: str) -> Mapping[str, str]:
        """Count one request to a route (a method and a URL pattern), and return the headers of its answer.

        Raises:
            ApiError: 429, with the headers: it is one too many.
        """
        window = self._now_ms() // WINDOW_MS
        if window != self._window:
            self._window, self._total = window, 0
            self._counts.clear()
        left = _left(self._limits.all, self._total)
        left_of_route = _left(self._limits.route, self._counts[route])
        is_answered = left > 0 and left_of_route > 0
        if is_answered:
            self._total += 1
            self._counts[route] += 1
        headers = {
            "X-Ratelimit-Global-Remaining": str(max(0, left - is_answered)),
            "X-Ratelimit-Route-Remaining": str(max(0, left_of_route - is_answered)),
            "X-Ratelimit-Reset": str((window + 1) * WINDOW_MS),
        }
        if not is_answered:
            raise rate_limited(headers)
        return headers


def _left(limit: int | None, used: int) -> int:
    return _SHOWN_WHEN_UNLIMITED if limit is None else limit - used
