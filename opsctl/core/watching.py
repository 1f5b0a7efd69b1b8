"""What `watch` sees: the state at the start, changes, and the gaps in between."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from opsctl.core.lean_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.core.flags import AuditEntry


class WatchKind(StrEnum):
    """What happened.

    `OTHER` is a change of the flag that leaves the switch as it is. `SCHEDULED` says when the provider will turn it on,
    and `UNSCHEDULED` that it will not do so then.
    `MISSING` says between which versions changes cannot be shown, or that a version was never reached.
    """

    STATE = "state"
    CHANGE = "change"
    OTHER = "other"
    SCHEDULED = "scheduled"
    UNSCHEDULED = "unscheduled"
    MISSING = "missing"
    LOST = "lost"
    RESUMED = "resumed"
    END = "end"


PINNED, EXPECTED_KILL, CONDITION = "PINNED", "EXPECTED_KILL", "CONDITION"
"""The reasons of an instance whose mode is not what its flag data says."""


@dataclass(frozen=True, slots=True)
class PageView:
    """What a page of the feed was told of the instance it is connected to.

    Attributes:
        reason: Why it is in its mode: the SDK's evaluation reason, or what overrides the flag data.
        pin: The number of the pin in its epoch; 0: there was none so far.
        is_pinned: Whether that pin is in force.
        source: Where the instance's flag data comes from; `None` when it does not say.
        age_s: Seconds since the provider last confirmed that data; `None` when it never did.
    """

    reason: str
    pin: int = 0
    is_pinned: bool = False
    source: str | None = None
    age_s: float | None = None

    @property
    def is_by_flag(self) -> bool:
        """Whether its mode is what the flag says, or said by a kill that is on its way: no pin, no condition."""
        return not self.is_pinned and self.reason not in {PINNED, CONDITION}


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One thing that happened.

    Attributes:
        at_s: When it was seen, or was made where it was missed, in seconds since 1970.
        old: The value before a change.
        new: The value from here on.
        gap_s: For how long the watch was interrupted; only when it resumed.
        entry: Who changed it and why, where the audit log could be asked and said so.
        version: The flag's version from here on; `None` when that is not known.
        from_version: The version before; only of what is missing.
        is_missed: Whether it was not seen when it was made, and is told from the audit log.
        page: What a page of the feed was told; only where one is watched.
        due_ms: When the provider turns the flag on, in milliseconds since 1970; only of what is scheduled.
        is_ours: Whether opsctl scheduled that.
    """

    kind: WatchKind
    at_s: float
    old: Any = None
    new: Any = None
    gap_s: float | None = None
    entry: AuditEntry | None = None
    version: int | None = None
    from_version: int | None = None
    is_missed: bool = False
    page: PageView | None = None
    due_ms: int | None = None
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class FlagChange:
    """A change of a flag in its environment, as the audit log has it.

    Attributes:
        entry: Who, when, what and why.
        from_version: The flag's version before; 0 for its creation.
        version: Its version after.
        was_on: Whether targeting was on before.
        is_on: Whether it is on after.
    """

    entry: AuditEntry
    from_version: int
    version: int
    was_on: bool
    is_on: bool


def is_whole(changes: Sequence[FlagChange], since: int, until: int) -> bool:
    """Whether these changes, in order, are all there were from version `since` to version `until`."""
    version = since
    for change in changes:
        if change.from_version > version:
            return False
        version = max(version, change.version)
    return version >= until
