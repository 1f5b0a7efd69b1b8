"""Break-glass: an instance is pinned to degraded through its control channel, whatever its flag data says.

A pin is kept per installation (`pin_name`) and on the bus, and has a number that only rises: the newest wins, and
stands in the epoch that browsers and instances compare (`opsctl.core.epochs`). Releasing a pin makes one more, which
pins nothing.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, ClassVar

from opsctl.core.lean_dataclass import dataclass
from opsctl.core.wire import amount, exact, position

if TYPE_CHECKING:
    from opsctl.core.flags import FlagRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One pin, or the release of those before it.

    Attributes:
        number: Rises with each; from 1.
        is_set: Whether it pins to degraded; else it releases.
        project: Of the flag it is about, as are `environment` and `flag`; all are keys.
        by: Who did it.
        reason: Why, as the operator said it.
        incident: What it belongs to, as the operator said it.
        at_s: When, in seconds since 1970.
    """

    PATH: ClassVar[str] = "/v1/pin"

    number: int
    is_set: bool
    project: str
    environment: str
    flag: str
    by: str
    at_s: float
    reason: str = ""
    incident: str = ""

    def outranks(self, other: Pin | None) -> bool:
        """Whether this one is in force and not the other: the newest wins, of two with one number the one that pins."""
        return other is None or (self.number, self.is_set) > (other.number, other.is_set)

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON object that `from_wire` reads."""
        return {
            "number": self.number,
            "is_set": self.is_set,
            "project": self.project,
            "environment": self.environment,
            "flag": self.flag,
            "by": self.by,
            "reason": self.reason,
            "incident": self.incident,
            "at_s": self.at_s,
        }

    @classmethod
    def from_wire(cls, value: Any) -> Pin:
        """Read what `to_wire` wrote.

        Raises:
            ValueError: it is no such object.
        """
        try:
            return cls(
                number=max(position(value["number"]), 1),
                is_set=exact(value["is_set"], bool),
                at_s=amount(value["at_s"]),
                **{name: exact(value[name], str) for name in _TEXTS},
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a pin: {error}") from error


_TEXTS = ("project", "environment", "flag", "by", "reason", "incident")


def pin_name(ref: FlagRef) -> str:
    """Return the name under which the pin of a flag is kept; it is safe in a path and in a key of the bus."""
    text = f"{ref.project}\0{ref.environment}\0{ref.key}"
    return f"pin-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
