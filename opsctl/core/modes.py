"""What the feed does as a result of an evaluation."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """Full shows avatars and personal recommendations; degraded shows neither and calls no third party."""

    FULL = "full"
    DEGRADED = "degraded"

    @classmethod
    def of(cls, *, flag_value: object) -> Mode:
        """Return the mode for a flag value. Only a real `True` is full: unknown or of a wrong type means degraded."""
        return cls.FULL if flag_value is True else cls.DEGRADED
