"""How often one client may do something."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cachetools import LRUCache

if TYPE_CHECKING:
    from collections.abc import Hashable

_REMEMBERED_CLIENTS = 20_000


@dataclass(slots=True)
class TokenBucket:
    """Allows `rate_per_s` on average, and `burst` at once."""

    rate_per_s: float
    burst: float
    tokens: float
    filled_at: float

    def take(self) -> bool:
        """Take one token; return whether there was one."""
        now = time.monotonic()
        self.tokens = min(self.burst, self.tokens + (now - self.filled_at) * self.rate_per_s)
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class RateLimiter:
    """A bucket for each client; the clients longest not seen are forgotten."""

    def __init__(self, *, rate_per_s: float, burst: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._buckets: LRUCache[Hashable, TokenBucket] = LRUCache(_REMEMBERED_CLIENTS)
        self._lock = threading.Lock()

    def allows(self, client: Hashable) -> bool:
        """Count one event of `client`; return whether it may have it."""
        with self._lock:
            bucket = self._buckets.get(client)
            if bucket is None:
                bucket = TokenBucket(self._rate_per_s, self._burst, self._burst, time.monotonic())
                self._buckets[client] = bucket
            return bucket.take()

    def forget(self, client: Hashable) -> None:
        """Drop what is known of a client that is gone."""
        with self._lock:
            self._buckets.pop(client, None)
