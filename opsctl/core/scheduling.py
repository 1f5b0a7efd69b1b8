"""Scheduled changes of a flag, as far as they turn it on again, and how opsctl knows its own among them.

LaunchDarkly's scheduled changes do not show the comment they were made with; its audit log does. The comment of one
that `kill --for` made ends in a mark with the very moment it is for: one that somebody moved to another time is theirs.
"""

from __future__ import annotations

from datetime import UTC, datetime

from opsctl.core.lean_dataclass import dataclass

_TURN_ON, _TURN_OFF = "turnFlagOn", "turnFlagOff"
_CLOCKS_AGREE_S = 2.0
"""The `Date` of an HTTP answer is whole seconds, and the answer was on its way."""


@dataclass(frozen=True, slots=True)
class ScheduledChange:
    """One scheduled change of a flag in an environment.

    Attributes:
        id: The provider's id of it.
        at_ms: When it is carried out, in milliseconds since 1970 by the provider's clock.
        created_ms: When it was made, by the same clock.
        instructions: The kinds of its instructions, such as `turnFlagOn`, in their order.
        is_ours: Whether `opsctl kill --for` made it.
    """

    id: str
    at_ms: int
    created_ms: int
    instructions: tuple[str, ...]
    is_ours: bool = False

    @property
    def turns_on(self) -> bool:
        """Whether the flag's targeting is on after it."""
        return next((kind == _TURN_ON for kind in reversed(self.instructions) if kind in {_TURN_ON, _TURN_OFF}), False)

    @property
    def only_turns_on(self) -> bool:
        """Whether it does nothing else, as those that opsctl makes."""
        return self.instructions == (_TURN_ON,)


def mark_of(at_ms: int) -> str:
    """Return the mark in the comment of a scheduled change that opsctl made for that moment."""
    return f"[opsctl kill --for, until {utc_ms(at_ms)}]"


def marked(comment: str, at_ms: int) -> str:
    """Return the comment for a scheduled change that opsctl makes for that moment."""
    return f"{comment} {mark_of(at_ms)}".strip()


def utc_ms(at_ms: int) -> str:
    """Return a moment in UTC, to the millisecond: `2026-09-21T14:30:00.123Z`."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clocks_apart_s(ahead_s: float | None) -> float:
    """Return by how much another clock is ahead as far as it is certain: 0 within what cannot be told apart."""
    return 0.0 if ahead_s is None or abs(ahead_s) <= _CLOCKS_AGREE_S else ahead_s
