"""What an instance was told, and what that makes of its flag data. Pure: no clock, no files, no threads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from opsctl.core.epochs import Epoch
from opsctl.core.instances import Hold
from opsctl.core.modes import Mode
from opsctl.core.objectives import Condition
from opsctl.core.wire import exact, position
from webapp.conditions import LOOK_EVERY_S, ConditionalRestore

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.expecting import Expect
    from opsctl.core.pins import Pin
    from opsctl.core.traffic import Traffic
    from webapp.decisions import FlagState

PINNED = "PINNED"
EXPECTED_KILL = "EXPECTED_KILL"
CONDITION = "CONDITION"
_MOST_EXPECTED = 16
_LONGEST_PATIENCE_MS = 60_000
_MS_PER_S = 1000


@dataclass(frozen=True, slots=True)
class Told:
    """What has to outlast the process: without it a restart could show full what was degraded.

    Attributes:
        kill_version: Of the kill that the flag data did not show yet; 0: none.
        condition: On which a restore is followed.
        is_held: Whether a restore is being held back by it.
        salt: Of the flag whose versions these are: one that was deleted and made anew has another; `None`: not known.
    """

    kill_version: int = 0
    condition: Condition | None = None
    is_held: bool = False
    salt: str | None = None

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON object that `from_wire` reads."""
        condition = None if self.condition is None else self.condition.to_wire()
        return {
            "kill_version": self.kill_version,
            "condition": condition,
            "is_held": self.is_held,
            "salt": self.salt,
        }

    @classmethod
    def from_wire(cls, value: Any) -> Told:
        """Read what `to_wire` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is no such object.
        """
        condition = None if value["condition"] is None else Condition.from_wire(value["condition"])
        salt = None if value["salt"] is None else exact(value["salt"], str)
        return cls(position(value["kill_version"]), condition, exact(value["is_held"], bool), salt)


_NOTHING = Told()


@dataclass(slots=True)
class _Expected:
    """A version that was told; whether it `holds` by now, which may be before it is due."""

    is_kill: bool
    due_at_s: float
    holds: bool = False


class Overrides:
    """Decides what is in force: a pin, then an expected kill, then a condition, then the flag data.

    All times are on one monotonic clock.

    Args:
        traffic: Returns what was answered within so many seconds before now.
        told: What a process before this one was told.
        now_s: The time.

    Attributes:
        pin: The newest pin, or release of one.
        missed: The newest version that the flag data did not show in time.
        due_at_s: When to decide anew although nothing changes; `None`: there is no need.
    """

    def __init__(self, traffic: Callable[[float], Traffic], *, told: Told = _NOTHING, now_s: float = 0.0) -> None:
        self.pin: Pin | None = None
        self.missed = 0
        self.due_at_s: float | None = None
        self._expected: dict[int, _Expected] = {}
        self._condition = ConditionalRestore(traffic)
        self._hold_version = told.kill_version
        self._salt = told.salt
        if told.kill_version:
            self._expected[told.kill_version] = _Expected(is_kill=True, due_at_s=now_s)
        if told.condition is not None:
            self._condition.resume(told.condition, is_held=told.is_held, now_s=now_s)

    def take_pin(self, pin: Pin) -> bool:
        """Go by this pin if it outranks the one before; return whether it does."""
        is_newer = pin.outranks(self.pin)
        if is_newer:
            self.pin = pin
        return is_newer

    def expect(self, told: Expect, now_s: float) -> None:
        """Take note of the version that the flag should have.

        A newer one ends a condition: that is for a restore that nobody watches, and an operator told of this one. A
        kill is in force at once where something else keeps the feed degraded now: when that ends nobody must see full
        before the kill has arrived.
        """
        patience_s = min(told.within_ms, _LONGEST_PATIENCE_MS) / _MS_PER_S
        one = self._expected.setdefault(told.version, _Expected(is_kill=False, due_at_s=now_s + patience_s))
        one.is_kill |= told.is_kill
        one.due_at_s = min(one.due_at_s, now_s + patience_s)
        one.holds |= told.is_kill and self._is_overriding
        self._condition.on_command(told.version)
        while len(self._expected) > _MOST_EXPECTED:
            del self._expected[min(self._expected, key=lambda version: (self._expected[version].is_kill, version))]

    def take_condition(self, condition: Condition) -> None:
        """Go by this condition instead of the one before."""
        self._condition.take(condition)

    def decide(self, by_data: FlagState, now_s: float, *, salt: str | None = None) -> FlagState:
        """Return what is in force, given what the flag data says; the epoch of that is its own version.

        `salt` is the flag's. Another one than before means another flag: what was told of versions is of no use then.
        """
        if salt is not None:
            if self._salt not in {None, salt}:
                self._forget_versions()
            self._salt = salt
        in_force = self._in_force(by_data, now_s)
        due = [one.due_at_s for one in self._expected.values() if one.due_at_s > now_s]
        if in_force.hold is Hold.CONDITION:
            due.append(now_s + LOOK_EVERY_S)
        self.due_at_s = min(due, default=None)
        return in_force

    def _in_force(self, by_data: FlagState, now_s: float) -> FlagState:
        version = by_data.epoch.version
        for reached in [one for one in self._expected if one <= version]:
            del self._expected[reached]
        overdue = {one: expected for one, expected in self._expected.items() if expected.due_at_s <= now_s}
        for expected in overdue.values():
            expected.holds = expected.is_kill
        self.missed = max([self.missed, *overdue])
        self._hold_version = max((one for one, expected in self._expected.items() if expected.holds), default=0)

        epoch = Epoch(max(version, self._hold_version), 0 if self.pin is None else self.pin.number)
        degraded = replace(by_data, epoch=epoch, mode=Mode.DEGRADED, revision=0)
        if self.pin is not None and self.pin.is_set:
            return replace(degraded, reason=PINNED, is_pinned=True)
        if self._hold_version:
            return replace(degraded, reason=EXPECTED_KILL, hold=Hold.EXPECTED)
        if self._condition.holds(by_data, now_s):
            return replace(degraded, reason=CONDITION, hold=Hold.CONDITION)
        return replace(by_data, epoch=epoch)

    @property
    def _is_overriding(self) -> bool:
        is_pinned = self.pin is not None and self.pin.is_set
        return is_pinned or self._hold_version > 0 or self._condition.is_held

    def _forget_versions(self) -> None:
        self._expected.clear()
        self.missed = 0
        self._condition.end()

    @property
    def told(self) -> Told:
        """What has to outlast the process."""
        condition = self._condition.condition
        is_worth_it = self._hold_version or condition is not None
        return Told(self._hold_version, condition, self._condition.is_held, self._salt) if is_worth_it else Told()
