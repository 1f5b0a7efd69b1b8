"""What events of SDKs told, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Count = tuple[str, str, int | None, int, int]
"""An environment's id, a flag's key, a variation (`None`: the fallback value), the length of a time, and its begin."""


@dataclass(frozen=True, slots=True)
class FlagUse:
    """When SDKs evaluated a flag last, and the fallback value in the code that asked."""

    last_requested_ms: int
    default: Any = None


@dataclass(frozen=True, slots=True)
class SeenContext:
    """One context, as it was reported last. Private attributes are not in it: SDKs do not send them."""

    kind: str
    key: str
    last_seen_ms: int
    attributes: dict[str, Any] = field(default_factory=dict)
