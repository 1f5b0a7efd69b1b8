"""What an instance is told through its control channel when a change was written."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

from opsctl.core.lean_dataclass import dataclass
from opsctl.core.wire import exact, position

PATIENCE_MS = 250


class ControlMessage(Protocol):
    """Something that instances are told: posted as JSON to a path of the control channel, answered with a report."""

    @property
    def PATH(self) -> str:  # noqa: N802 - a constant of each message
        """The path it is posted to."""
        ...

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON object that is posted."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """Told to an instance: the flag is at this version.

    One that has not seen it `within_ms` later fetches the flag data itself, and shows degraded until it has it when
    the change is a kill.

    `project`, `environment` and `sdk_key_digest` (`opsctl.core.instances.sdk_key_digest`) tell whose version that is;
    versions of two environments say nothing about each other. What is empty is not known, and not compared.
    """

    PATH: ClassVar[str] = "/v1/expect"

    flag: str
    version: int
    is_kill: bool
    within_ms: int = PATIENCE_MS
    project: str = ""
    environment: str = ""
    sdk_key_digest: str = ""

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON object that `from_wire` reads."""
        return {
            "flag": self.flag,
            "version": self.version,
            "is_kill": self.is_kill,
            "within_ms": self.within_ms,
            "project": self.project,
            "environment": self.environment,
            "sdk_key_digest": self.sdk_key_digest,
        }

    @classmethod
    def from_wire(cls, value: Any) -> Expect:
        """Read what `to_wire` wrote.

        Raises:
            ValueError: it is no such object.
        """
        try:
            return cls(
                flag=exact(value["flag"], str),
                version=position(value["version"]),
                is_kill=exact(value["is_kill"], bool),
                within_ms=position(value["within_ms"]),
                project=exact(value.get("project", ""), str),
                environment=exact(value.get("environment", ""), str),
                sdk_key_digest=exact(value.get("sdk_key_digest", ""), str),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not an expectation: {error}") from error
