"""What a pin that is in force means for a kill and for a restore."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.pin_state import known_pins

if TYPE_CHECKING:
    from opsctl.core.flags import FlagRef
    from opsctl.core.pins import Pin
    from opsctl.core.switch import Receipt
    from opsctl.services.pin_look import PinLook


def ensure_not_pinned(pinning: PinLook, ref: FlagRef) -> None:
    """Refuse a restore that the instances would not follow.

    Raises:
        OpsError: `break_glass`, when a pin is in force; `failed`, when the one that is kept cannot be read.
    """
    pin = pinning.look(ref)[0].in_force
    if pin is None:
        return
    raise OpsError(
        ErrorCode.BREAK_GLASS,
        f"{ref.key} is pinned to degraded by break-glass {_told(pin)}; nothing was written",
        hint=f"end it first: opsctl reconcile {ref.key} --env {ref.environment} (--discard writes nothing)",
    )


def with_pin_noted(receipt: Receipt, pinning: PinLook) -> Receipt:
    """Return the receipt of a kill with what has to be said of a pin that is in force; no instance is asked for it."""
    followers = () if receipt.propagation is None else receipt.propagation.followers
    state = known_pins(pinning.kept(receipt.plan.ref), (one.report for one in followers if one.report is not None))
    pin = state.in_force
    if pin is None:
        return receipt
    note = f"break-glass {_told(pin)} is still in force, whatever the flag says; a restore has to end it first"
    return replace(receipt, notes=(*receipt.notes, note), is_pinned=True)


def _told(pin: Pin) -> str:
    why = ", ".join(text for text in (pin.reason, pin.incident) if text)
    return f"of {pin.by or 'somebody'}" + (f' ("{why}")' if why else "")
