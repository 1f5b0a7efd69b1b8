"""When instances serve pages too badly to restore."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from opsctl.core.lean_dataclass import dataclass
from opsctl.core.wire import amount, exact, position

if TYPE_CHECKING:
    from opsctl.core.traffic import Traffic

FEWEST_REQUESTS = 20
"""Fewer in a window say nothing: one failed request among three is no error rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What has to hold for a restore to go on.

    Attributes:
        max_error_rate: Largest part of the requests that may fail, from 0 to 1.
        max_p99_ms: Longest that 99 of 100 answers may take, in milliseconds.
    """

    max_error_rate: float = 0.01
    max_p99_ms: float = 2000.0

    def breach(self, traffic: Traffic) -> str | None:
        """Return what is wrong with the traffic of a window, for people; `None` when nothing is known to be.

        `traffic` is what was answered within the window, not since the start.
        """
        if traffic.requests < FEWEST_REQUESTS:
            return None
        rate = traffic.errors / traffic.requests
        if rate > self.max_error_rate:
            return f"{rate:.1%} of the requests failed; at most {self.max_error_rate:.1%} may"
        p99_ms = traffic.latency.percentile(99)
        if p99_ms is not None and p99_ms > self.max_p99_ms:
            return f"p99 is {p99_ms:.0f} ms; at most {self.max_p99_ms:.0f} ms are allowed"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Told to an instance: do not follow a restore newer than `from_version` while it would break the objective.

    The instance looks at its own last `window_s` seconds when the restore reaches it; in a breach it stays degraded,
    says that it holds, and follows once the objective was met for a whole window. A kill ends it, and so does a
    newer condition; `objective` `None` ends it at once. `project`, `environment` and `sdk_key_digest` tell whose
    version that is, as in `opsctl.core.expecting.Expect`; what is empty is not known, and not compared.
    """

    PATH: ClassVar[str] = "/v1/condition"

    flag: str
    from_version: int
    objective: Objective | None
    window_s: float = 30.0
    project: str = ""
    environment: str = ""
    sdk_key_digest: str = ""

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON object that `from_wire` reads."""
        objective = self.objective
        return {
            "flag": self.flag,
            "from_version": self.from_version,
            "window_s": self.window_s,
            "project": self.project,
            "environment": self.environment,
            "sdk_key_digest": self.sdk_key_digest,
            "objective": None
            if objective is None
            else {"max_error_rate": objective.max_error_rate, "max_p99_ms": objective.max_p99_ms},
        }

    @classmethod
    def from_wire(cls, value: Any) -> Condition:
        """Read what `to_wire` wrote.

        Raises:
            ValueError: it is no such object.
        """
        try:
            wanted = value["objective"]
            objective = None
            if wanted is not None:
                objective = Objective(
                    max_error_rate=amount(wanted["max_error_rate"]), max_p99_ms=amount(wanted["max_p99_ms"])
                )
            return cls(
                flag=exact(value["flag"], str),
                from_version=position(value["from_version"]),
                objective=objective,
                window_s=amount(value["window_s"]),
                project=exact(value.get("project", ""), str),
                environment=exact(value.get("environment", ""), str),
                sdk_key_digest=exact(value.get("sdk_key_digest", ""), str),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a condition: {error}") from error
