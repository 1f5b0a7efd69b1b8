"""What is known of the pins of a flag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.lean_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opsctl.core.instances import InstanceReport
    from opsctl.core.pins import Pin


@dataclass(frozen=True, slots=True)
class PinState:
    """What is known of the pins of a flag at one moment.

    Attributes:
        in_force: The newest pin that somebody still goes by; `None` when nobody goes by one.
        number: The highest number of any pin, also of one that was released; 0 when there was none.
    """

    in_force: Pin | None = None
    number: int = 0

    @property
    def standing(self) -> Pin | None:
        """Return the pin in force where nothing newer is known, and where somebody is known to have set it."""
        pin = self.in_force
        return pin if pin is not None and pin.by and pin.number == self.number else None

    def including(self, pin: Pin | None) -> PinState:
        """Return what is known with one more pin or release; of two with one number the one that pins wins."""
        if pin is None:
            return self
        held = [one for one in (self.in_force, pin) if one is not None and one.is_set]
        return PinState(max(held, key=lambda one: one.number, default=None), max(self.number, pin.number))


def known_pins(kept: Pin | None, reports: Iterable[InstanceReport]) -> PinState:
    """Return what follows from the pin that is kept for instances that start, and from what instances report.

    An instance's epoch has the number of the newest pin or release it knows, also where it is pinned no more.
    """
    state = PinState().including(kept)
    for report in reports:
        state = state.including(report.pin)
        state = PinState(state.in_force, max(state.number, report.epoch.pin))
    return state
