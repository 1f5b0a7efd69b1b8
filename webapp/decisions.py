"""What the gate decides: for one visitor, and for all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsctl.core.epochs import Epoch
    from opsctl.core.instances import Hold
    from opsctl.core.modes import Mode


@dataclass(frozen=True, slots=True)
class Order:
    """The place of a state among those of one gate: epochs do not tell apart what a segment or prerequisite changes.

    Attributes:
        origin: The gate; numbers of two gates say nothing about each other.
        number: Rises with each state.
    """

    origin: str = ""
    number: int = 0

    def to_wire(self) -> list[Any]:
        """Return `[origin, number]`."""
        return [self.origin, self.number]


@dataclass(frozen=True, slots=True)
class Decision:
    """What one visitor gets.

    Attributes:
        mode: The mode.
        epoch: The state of the flag it comes from.
        reason: The SDK's evaluation reason, with its error kind: `OFF`, `FALLTHROUGH`, `ERROR(FLAG_NOT_FOUND)`, …; or
            why the evaluation does not count: `PINNED`, `EXPECTED_KILL`, `CONDITION`.
        is_pinned: Whether somebody pinned the feed to degraded.
        order: That of the state it comes from, or of an older one; not part of what makes two decisions the same.
    """

    mode: Mode
    epoch: Epoch
    reason: str
    is_pinned: bool = False
    order: Order = field(default=Order(), compare=False)


@dataclass(frozen=True, slots=True)
class FlagState:
    """The kill switch at one epoch.

    Attributes:
        epoch: Its place in the flag's history; never lower than that of a state before.
        mode: What every visitor gets, or `None` when it depends on the visitor.
        reason: As in `Decision`.
        revision: Moves when visitors have to be evaluated again though the epoch stayed, such as after a change of a
            segment that a rule names.
        hold: Why it is degraded although the flag data does not say so; `None` when it follows the data, or a pin.
        is_pinned: As in `Decision`.
        order: Its place among the states of this gate; not part of what makes two states the same.
    """

    epoch: Epoch
    mode: Mode | None
    reason: str
    revision: int = 0
    hold: Hold | None = None
    is_pinned: bool = False
    order: Order = field(default=Order(), compare=False)
