"""What `watch` sees: the state at the start, changes, and the gaps in between."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsctl.core.flags import AuditEntry


class WatchKind(StrEnum):
    """What happened."""

    STATE = "state"
    CHANGE = "change"
    LOST = "lost"
    RESUMED = "resumed"
    END = "end"


class Until(StrEnum):
    """Which state of the kill switch ends a watch."""

    KILLED = "killed"
    RESTORED = "restored"

    def is_reached_by(self, value: object) -> bool:
        """Whether a flag value is that state. Only a real `True` is restored, as only that gives full mode."""
        return (value is True) is (self is Until.RESTORED)


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One thing that happened on the stream.

    Attributes:
        at_s: When it was seen, in seconds since 1970.
        old: The value before a change.
        new: The value from here on.
        gap_s: For how long the stream was lost; only when it resumed.
        entry: Who changed it and why, where the audit log could be asked and said so.
    """

    kind: WatchKind
    at_s: float
    old: Any = None
    new: Any = None
    gap_s: float | None = None
    entry: AuditEntry | None = None
