"""A kill for a while: what was arranged to end it, and what stands in the way of that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opsctl.core.objectives import Objective

if TYPE_CHECKING:
    from opsctl.core.errors import OpsError
    from opsctl.core.scheduling import ScheduledChange

WINDOW_S = 30.0
"""For so long an instance has to have met its objective before a restore that nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Who sees to it that a restore which nobody watches is not followed into a breach.

    Attributes:
        objective: What an instance has to meet.
        window_s: Over how long.
        instances: Names of those that took it in.
        unguarded: Names of those that did not: they follow the restore in any case.
    """

    objective: Objective = field(default_factory=Objective)
    window_s: float = WINDOW_S
    instances: tuple[str, ...] = ()
    unguarded: tuple[str, ...] = ()


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
class Arrangement:
    """The end of a kill, as the provider has it on its schedule.

    Attributes:
        change: What the provider will do.
        for_s: For how long the kill was asked for, in seconds.
        ahead_s: By how much the provider's clock is ahead of this machine's; 0 where they agree.
        cleared: What became of what was on the schedule before.
        guard: Who looks before it is followed.
    """

    change: ScheduledChange
    for_s: float
    ahead_s: float
    cleared: Cleared
    guard: Guard


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
