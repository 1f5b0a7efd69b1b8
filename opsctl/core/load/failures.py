"""What a rehearsal has fail."""

from __future__ import annotations

from enum import StrEnum


class Failure(StrEnum):
    """What is injected: into the avatar API, or nothing."""

    SLOW = "slow"
    DOWN = "down"
    NONE = "none"
