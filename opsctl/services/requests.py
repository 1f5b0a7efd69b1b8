"""Making requests of the provider within a deadline: again where that helps, each with a part of the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from opsctl.core.durations import format_ms
from opsctl.core.errors import OpsError
from opsctl.services.retrying import with_retries

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.flags import Flag, FlagRef
    from opsctl.core.ports import Clock, FlagReader

_T = TypeVar("_T")
_READ_BACK_S = 2.0
_LEAST_S = 0.1
_NO_TIMEOUT_IS_SHORTER_S = 0.01
_SHARE = 1 / 3
"""Of the time that is left, for one request: one that stalls must leave enough to make it again and to read back."""


class Requests:
    """Requests with deadlines on the clock's monotonic scale; `note` is told before each wait."""

    def __init__(self, reader: FlagReader, clock: Clock, note: Callable[[str], None]) -> None:
        self._reader = reader
        self._clock = clock
        self._note = note

    def patiently(
        self,
        attempt: Callable[[float], _T],
        deadline_s: float,
        on_failure: Callable[[OpsError], _T | None] = lambda _error: None,
    ) -> _T:
        """Return what `attempt` returns, which is given the seconds that it may take; see `with_retries`."""
        return with_retries(
            lambda: attempt(self._share(deadline_s)),
            clock=self._clock,
            deadline_s=deadline_s,
            on_failure=on_failure,
            on_wait=lambda error, wait_s: self._note(f"{error.message}; trying again{_in(wait_s)}"),
        )

    def read_flag(self, ref: FlagRef, deadline_s: float) -> Flag:
        """Read the flag, again where that helps."""
        return self.patiently(lambda cap_s: self._reader.get_flag(ref.project, ref.key, timeout_s=cap_s), deadline_s)

    def look_once(self, ref: FlagRef, deadline_s: float) -> Flag:
        """Read the flag with one request that takes two seconds at most.

        Raises:
            OpsError: it was not answered.
        """
        cap_s = min(_READ_BACK_S, self._share(deadline_s))
        return self._reader.get_flag(ref.project, ref.key, timeout_s=cap_s)

    def read_back(self, ref: FlagRef, deadline_s: float) -> Flag | None:
        """Read the flag with one request; `None` when the provider does not answer it."""
        try:
            return self.look_once(ref, deadline_s)
        except OpsError:
            return None

    def _share(self, deadline_s: float) -> float:
        left_s = max(deadline_s - self._clock.monotonic_s(), 0.0)
        return max(left_s * _SHARE, min(left_s, _LEAST_S), _NO_TIMEOUT_IS_SHORTER_S)


def _in(wait_s: float) -> str:
    return f" in {format_ms(wait_s * 1000)}" if wait_s else ""
