"""Which pin to write next, and what came of it. Pure: the service does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.exit_codes import ExitCode
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.pins import Pin
from opsctl.core.switch import Outcome

if TYPE_CHECKING:
    from opsctl.core.flags import FlagRef
    from opsctl.core.pin_state import PinState
    from opsctl.core.propagation import Propagation


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
