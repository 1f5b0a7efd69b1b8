"""A kill for a while: what was arranged to end it, and what stands in the way of that."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from opsctl.core.lean_dataclass import dataclass
from opsctl.core.objectives import Objective

if TYPE_CHECKING:
    from opsctl.core.scheduling import ScheduledChange
    from opsctl.core.timed import Cleared

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
