"""What a watch is told to do."""

from __future__ import annotations

from enum import StrEnum


class WatchSource(StrEnum):
    """Through what a kill switch is watched: the SDK's stream, a page of the feed, or the provider's audit log."""

    STREAM = "stream"
    BROWSER = "browser"
    AUDIT = "audit"


class Until(StrEnum):
    """Which state of the kill switch ends a watch."""

    KILLED = "killed"
    RESTORED = "restored"

    def is_reached_by(self, value: object) -> bool:
        """Whether a flag value is that state. Only a real `True` is restored, as only that gives full mode."""
        return (value is True) is (self is Until.RESTORED)
