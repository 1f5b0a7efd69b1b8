"""Where the flag data comes from, and how long ago the provider stood by it."""

from __future__ import annotations

import time

from opsctl.core.instances import DataSource


class Freshness:
    """Follows the SDK's stream: an intact one confirms the data all the time, a broken one since it broke."""

    def __init__(self) -> None:
        self._confirmed_at: float | None = None
        self._is_live = False

    @property
    def source(self) -> DataSource:
        """Where the data comes from."""
        if self._confirmed_at is None:
            return DataSource.NONE
        return DataSource.LIVE if self._is_live else DataSource.LAST_KNOWN

    @property
    def age_s(self) -> float | None:
        """Seconds since the provider last confirmed the data; `None` when there is none."""
        if self._confirmed_at is None:
            return None
        return 0.0 if self._is_live else time.monotonic() - self._confirmed_at

    def on_data(self) -> None:
        """Take note that data was received."""
        self._confirmed_at = time.monotonic()

    def on_stream(self, *, is_valid: bool) -> None:
        """Take note that the stream became valid, or broke."""
        if self._confirmed_at is not None and (self._is_live or is_valid):
            self._confirmed_at = time.monotonic()
        self._is_live = is_valid
