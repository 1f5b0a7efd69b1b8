"""What a smoke run found, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.lean_dataclass import dataclass

if TYPE_CHECKING:
    from opsctl.core.errors import OpsError


@dataclass(frozen=True, slots=True)
class SmokeStep:
    """One claim that was tested: how long that took, what was observed, and what failed it, if anything did."""

    claim: str
    seconds: float
    observed: str = ""
    failure: OpsError | None = None


@dataclass(frozen=True, slots=True)
class SmokeReport:
    """A whole run against one feed. `steps` ends with the first that failed, then the tidying up."""

    url: str
    flag: str
    steps: tuple[SmokeStep, ...]

    @property
    def failures(self) -> tuple[SmokeStep, ...]:
        """The steps that failed."""
        return tuple(step for step in self.steps if step.failure is not None)

    @property
    def passed(self) -> bool:
        """Whether every step came true."""
        return not self.failures

    @property
    def seconds(self) -> float:
        """How long all of it took."""
        return sum(step.seconds for step in self.steps)
