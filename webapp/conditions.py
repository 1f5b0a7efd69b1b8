"""Restores that are followed on a condition only. Pure: no clock, no threads."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from opsctl.core.modes import Mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.objectives import Condition, Objective
    from opsctl.core.traffic import Traffic
    from webapp.decisions import FlagState

_log = logging.getLogger(__name__)
LOOK_EVERY_S = 1.0
"""How often to ask `ConditionalRestore` while it holds something."""


class ConditionalRestore:
    """Holds a restore back for as long as this instance serves its pages too badly.

    What was answered within the condition's window is looked at when the restore comes; in a breach it is held until
    no look for a whole window found one. Then the condition has done its work: what comes later is followed.

    Args:
        traffic: Returns what was answered within so many seconds before now.

    Attributes:
        condition: The one in force; `None`: there is none.
        is_held: Whether a restore is being held back.
    """

    def __init__(self, traffic: Callable[[float], Traffic]) -> None:
        self._traffic = traffic
        self._breached_at_s = 0.0
        self.condition: Condition | None = None
        self.is_held = False

    def take(self, condition: Condition) -> None:
        """Go by this condition instead of the one before; one without an objective only ends that.

        Told twice it is the same one: what it holds goes on to be held.
        """
        if condition == self.condition:
            return
        self.end()
        if condition.objective is not None:
            self.condition = condition

    def resume(self, condition: Condition, *, is_held: bool, now_s: float) -> None:
        """Go on where a process before this one was: what it held is held for a whole window at least."""
        self.take(condition)
        self.is_held = is_held and self.condition is not None
        self._breached_at_s = now_s

    def on_command(self, version: int) -> None:
        """Take note that an operator made this version of the flag: it ends the condition of an older one."""
        if self.condition is not None and version > self.condition.from_version:
            self.end()

    def holds(self, by_data: FlagState, now_s: float) -> bool:
        """Return whether what the flag data says is to be held back."""
        condition = self.condition
        if condition is None or condition.objective is None or by_data.epoch.version <= condition.from_version:
            return False
        if by_data.mode is Mode.DEGRADED:
            if self.is_held:
                self.end()
            return False
        breach = self._breach(condition.objective, condition.window_s)
        if breach is not None:
            self._breached_at_s = now_s
            if not self.is_held:
                _log.warning("version %d is not followed yet: %s", by_data.epoch.version, breach)
            self.is_held = True
        if self.is_held and now_s - self._breached_at_s < condition.window_s:
            return True
        if self.is_held:
            _log.info("version %d is followed now: no breach within %g s", by_data.epoch.version, condition.window_s)
        self.end()
        return False

    def _breach(self, objective: Objective, window_s: float) -> str | None:
        return objective.breach(self._traffic(window_s))

    def end(self) -> None:
        """Follow whatever comes."""
        self.condition, self.is_held = None, False
