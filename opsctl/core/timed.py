"""Kills that end by themselves: what is known of them here, and what became of what would turn the flag on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.lean_dataclass import dataclass

if TYPE_CHECKING:
    from opsctl.core.errors import OpsError
    from opsctl.core.scheduling import ScheduledChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """What became of the scheduled changes that would turn the flag on.

    Attributes:
        at_ms: When that was, in milliseconds since 1970 by this machine's clock.
        withdrawn: Those of opsctl that were taken off the schedule.
        left: Those of opsctl that could not be, with why.
        others: Those that somebody else made; opsctl leaves them alone.
        error: Why the schedule could not be looked at, where one may be there.
        was_waiting: Whether a `kill --for --here` waited on this machine to restore, and does not any more.
    """

    at_ms: int
    withdrawn: tuple[ScheduledChange, ...] = ()
    left: tuple[tuple[ScheduledChange, OpsError], ...] = ()
    others: tuple[ScheduledChange, ...] = ()
    error: OpsError | None = None
    was_waiting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A process that waits to restore by itself: `kill --for --here`.

    Attributes:
        token: Tells it from others.
        pid: The process.
        until_ms: When it restores, in milliseconds since 1970 by this machine's clock.
    """

    token: str
    pid: int
    until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedRecord:
    """What this installation knows of the ends that were arranged for the kills of one flag.

    Attributes:
        schedule_ids: Scheduled changes that opsctl made from here and did not withdraw.
        waiting: The process that waits to restore, if one does.
    """

    schedule_ids: tuple[str, ...] = ()
    waiting: Waiting | None = None
