"""What the gate decides: for one visitor, and for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsctl.core.epochs import Epoch
    from opsctl.core.modes import Mode


@dataclass(frozen=True, slots=True)
class Decision:
    """What one visitor gets.

    Attributes:
        mode: The mode.
        epoch: The state of the flag it comes from.
        reason: The SDK's evaluation reason, with its error kind: `OFF`, `FALLTHROUGH`, `ERROR(FLAG_NOT_FOUND)`, …
    """

    mode: Mode
    epoch: Epoch
    reason: str


@dataclass(frozen=True, slots=True)
class FlagState:
    """The kill switch at one epoch.

    Attributes:
        epoch: Its place in the flag's history; never lower than that of a state before.
        mode: What every visitor gets, or `None` when it depends on the visitor.
        reason: As in `Decision`.
        revision: Moves when visitors have to be evaluated again though the epoch stayed, such as after a change of a
            segment that a rule names.
    """

    epoch: Epoch
    mode: Mode | None
    reason: str
    revision: int = 0
