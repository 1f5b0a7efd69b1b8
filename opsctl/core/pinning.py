"""What is known of the pins of a flag, what to write next, and what came of it. Pure: the service does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsctl.core.exit_codes import ExitCode
from opsctl.core.pins import Pin
from opsctl.core.switch import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opsctl.core.flags import FlagRef
    from opsctl.core.instances import InstanceReport
    from opsctl.core.propagation import Propagation


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Who pins or releases, and why, as the operator said it."""

    by: str
    reason: str = ""
    incident: str = ""


def next_pin(ref: FlagRef, state: PinState, cause: Cause, *, is_set: bool, at_s: float) -> Pin:
    """Return the pin, or the release, that comes after everything that is known."""
    return Pin(
        number=state.number + 1,
        is_set=is_set,
        project=ref.project,
        environment=ref.environment,
        flag=ref.key,
        by=cause.by,
        reason=cause.reason,
        incident=cause.incident,
        at_s=at_s,
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of keeping a pin.

    Attributes:
        pin: The newest that is kept now; another one, where somebody was quicker.
        gaps: Where it could not be kept and what that means, one sentence each.
    """

    pin: Pin
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PinReceipt:
    """What was done about a pin, and what was observed of it.

    Attributes:
        ref: The flag.
        pin: The pin or release that everybody has to go by; in a dry run the one that would be made.
        outcome: How it ended.
        is_new: Whether this command made it; `False` where it was in force already.
        recorded_ms: From the start until it was kept for instances that start later; `None` where nothing was.
        propagation: What the instances and browsers said last; `None` when nobody was asked.
        notes: What has to be said aloud, one sentence each.
        at_s: When this was so, in seconds since 1970.
    """

    ref: FlagRef
    pin: Pin
    outcome: Outcome
    is_new: bool = True
    recorded_ms: float | None = None
    propagation: Propagation | None = None
    notes: tuple[str, ...] = ()
    at_s: float = 0.0


def exit_code_of_pin(receipt: PinReceipt) -> ExitCode:
    """Return the exit code for how a pin or a release ended.

    A pin that everyone confirmed leaves break-glass in force; one that was in force already needs nobody to be there.
    """
    done = ExitCode.BREAK_GLASS if receipt.pin.is_set else ExitCode.OK
    return {
        Outcome.PLANNED: ExitCode.OK,
        Outcome.NO_INSTANCES: ExitCode.NOT_CONFIRMED if receipt.is_new else done,
        Outcome.PENDING: ExitCode.NOT_CONFIRMED,
        Outcome.SUPERSEDED: ExitCode.SUPERSEDED,
        Outcome.INTERRUPTED: ExitCode.INTERRUPTED,
    }.get(receipt.outcome, done)
