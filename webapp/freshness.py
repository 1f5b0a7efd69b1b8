"""Where the flag data comes from, and how long ago the provider stood by it."""

from __future__ import annotations

import os
import time

from opsctl.core.instances import DataSource

BEAT_S = 10.0
_MISSED_BEATS = 3


class Freshness:
    """Follows the SDK's stream, and the checks that the provider still has what is held.

    A stream that looks intact proves nothing while it is silent, so where there are checks (`is_checked`) only they and
    data confirm: the data is live while the last of these is at most three beats old. A process that was forked off
    has nobody who reads its stream: there nothing is live until it was `reset`.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._has_data = False
        self._confirmed_at: float | None = None
        self._is_valid = False
        self.is_checked = False

    @property
    def source(self) -> DataSource:
        """Where the data comes from."""
        if not self._has_data:
            return DataSource.NONE
        is_live = self._confirmed_at is not None and self._is_live(self._confirmed_at)
        return DataSource.LIVE if is_live else DataSource.LAST_KNOWN

    @property
    def age_s(self) -> float | None:
        """Seconds since the provider last confirmed the data; `None` when there is none, or nobody knows."""
        if self._confirmed_at is None:
            return None
        is_sure = self._is_live(self._confirmed_at) and not self.is_checked
        return 0.0 if is_sure else time.monotonic() - self._confirmed_at

    def on_data(self) -> None:
        """Take note that data was received."""
        self._has_data = True
        self._confirmed_at = time.monotonic()

    def on_last_known(self, age_s: float | None) -> None:
        """Take note that there is data which the provider confirmed so long ago, before this process began.

        `None`: nobody knows when. A clock that was set back makes nothing younger than now.
        """
        self._has_data = True
        self._confirmed_at = None if age_s is None else time.monotonic() - max(age_s, 0.0)

    def on_stream(self, *, is_valid: bool) -> None:
        """Take note that the stream became valid, or broke."""
        if self._has_data and (is_valid or (self._is_valid and not self.is_checked)):
            self._confirmed_at = time.monotonic()
        self._is_valid = is_valid

    def on_check(self, *, confirmed: bool) -> None:
        """Take note of a check, and whether the provider has nothing newer than what is held."""
        self.is_checked = True
        if confirmed and self._has_data:
            self._confirmed_at = time.monotonic()

    def reset(self) -> None:
        """Begin again in a process that was forked off: what is held is the last known."""
        self._pid = os.getpid()
        self._is_valid = False

    def _is_live(self, confirmed_at: float) -> bool:
        if not self._is_valid or self._pid != os.getpid():
            return False
        return not self.is_checked or time.monotonic() - confirmed_at <= _MISSED_BEATS * BEAT_S
