"""How to run the flag service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8765
HEARTBEAT_S = 15.0
"""Between comments on a silent stream; writing one is also how a dead client is found out."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Where a flag service that answers is found: its URL, and the file with its credentials (0600)."""

    url: str
    ready_file: Path


@dataclass(frozen=True, slots=True)
class RateLimits:
    """How many REST requests are answered in ten seconds: of all, and of each route. `None` is any number."""

    all: int | None = None
    route: int | None = None


@dataclass(frozen=True, slots=True)
class FlagServiceOptions:
    """How to run the flag service.

    Attributes:
        data_dir: Where it keeps its database, credentials and lock; made 0700. Not used when `ephemeral`.
        host: A loopback address or name.
        port: 0 is any free one.
        ready_file: Where URL and credentials are written once it answers; `None` is `flag-service.json` in `data_dir`.
        ephemeral: Whether to keep everything in a temporary directory that is removed at the end.
        environ: The process environment: a supervisor hands down a listener and a lifeline there.
        heartbeat_s: Between comments on silent streams.
        rate_limits: Of the REST API; SDKs are never limited.
        seed: A file of flags that a new database begins with; one that exists is left as it is.
        request_log: Where each request's method, route, status and client are written, a JSON object a line.
        faults: Whether admin tokens may have requests fail, at `/faults`.
    """

    data_dir: Path
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    ready_file: Path | None = None
    ephemeral: bool = False
    environ: Mapping[str, str] = field(default_factory=dict)
    heartbeat_s: float = HEARTBEAT_S
    rate_limits: RateLimits = RateLimits()
    seed: Path | None = None
    request_log: Path | None = None
    faults: bool = False
