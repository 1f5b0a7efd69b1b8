"""What `opsctl serve` says once everything answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServedMode:
    """What the feed itself said just now: its mode, and whether live flag data is behind it."""

    mode: str
    version: int
    source: str


@dataclass(frozen=True, slots=True)
class Serving:
    """Everything answers.

    Attributes:
        url: Where the feed is.
        provider: How people call the flag provider.
        project: Project key.
        environment: Environment key.
        provider_url: Where its REST API is.
        avatars: Where avatars come from.
        flag: The kill switch.
        served: What the feed says it serves.
    """

    url: str
    provider: str
    project: str
    environment: str
    provider_url: str
    avatars: str
    flag: str
    served: ServedMode
