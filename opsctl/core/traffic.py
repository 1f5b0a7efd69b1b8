"""How well instances serve pages."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from opsctl.core.latency import Histogram
from opsctl.core.lean_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Traffic:
    """What an instance answered since it started.

    Attributes:
        requests: Pages and calls of the feed's API; neither static files nor what monitors ask for.
        errors: Those it answered with a 5xx.
        latency: How long the others took.
    """

    requests: int = 0
    errors: int = 0
    latency: Histogram = field(default_factory=Histogram)

    def since(self, earlier: Traffic) -> Traffic:
        """Return what was answered after `earlier`, a former state of the same process."""
        latency = self.latency.since(earlier.latency)
        return Traffic(self.requests - earlier.requests, self.errors - earlier.errors, latency)

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON object that `from_wire` reads."""
        return {"requests": self.requests, "errors": self.errors, "latency": self.latency.to_wire()}

    @classmethod
    def from_wire(cls, value: Any) -> Traffic:
        """Read what `to_wire` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is no such object.
        """
        return cls(int(value["requests"]), int(value["errors"]), Histogram.from_wire(value["latency"]))
