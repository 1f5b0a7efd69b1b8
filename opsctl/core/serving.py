"""What `opsctl serve` says once everything answers."""

from __future__ import annotations

from opsctl.core.lean_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ServedMode:
    """What the feed itself said just now: its mode, why, and whether live flag data is behind it."""

    mode: str
    version: int
    reason: str
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
        other_names: Host names the feed answers to besides this machine's loopback names; `None` when it listens on
            loopback alone and needs no others.
        served: What the feed says it serves.
        bus: The Redis or Valkey server that several machines share, without its password; `None` when none was named.
        has_own_flags: Whether the flag service is this machine's own, which no other one follows.
        is_provable_from_elsewhere: Whether its control channel can be reached from other machines.
    """

    url: str
    provider: str
    project: str
    environment: str
    provider_url: str
    avatars: str
    flag: str
    other_names: tuple[str, ...] | None
    served: ServedMode
    bus: str | None = None
    has_own_flags: bool = False
    is_provable_from_elsewhere: bool = False
