"""Pins: the report of `kill --break-glass`, and how every other report speaks of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.cli.render.propagation import browsers_data, instances_data, observed_lines
from opsctl.cli.render.view import elsewhere_lines
from opsctl.core.durations import format_age, format_ms
from opsctl.core.switch import Outcome
from opsctl.core.text import plain

if TYPE_CHECKING:
    from opsctl.cli.render.view import View
    from opsctl.core.pinning import PinReceipt
    from opsctl.core.pins import Pin

INSTANCES = "the feed's instances"
"""Whom a break-glass addresses, as `target` says it."""


def to_text(receipt: PinReceipt, view: View) -> str:
    """Return the report that follows the target line; its last line is the state of the world and what is next."""
    pin = receipt.pin
    since = "" if receipt.is_new else f"in force already, by {plain(pin.by)}, {_age(pin, receipt.at_s)}"
    lines = [view.line("break-glass", receipt.ref.key, f"pin {pin.number}", since, why(pin))]
    if receipt.recorded_ms is not None and receipt.is_new:
        lines.append(view.line("recorded", format_ms(receipt.recorded_ms)))
    lines += _seen(receipt, view)
    for note in receipt.notes:
        lines += view.wrapped("note", note)
    return "\n".join([*lines, _closing(receipt, view)])


def to_data(receipt: PinReceipt, view: View) -> dict[str, Any]:
    """Return the object that docs/json.md describes under `kill --break-glass`."""
    return {
        "command": "break-glass",
        "target": view.target_data(),
        "flag": receipt.ref.key,
        "changed": receipt.is_new and receipt.outcome is not Outcome.PLANNED,
        "pin": pin_data(receipt.pin),
        **outcome_data(receipt),
        "undo": view.command("reconcile", receipt.ref.key),
    }


def outcome_data(receipt: PinReceipt) -> dict[str, Any]:
    """Return how a pin or a release ended, for programs."""
    seen = receipt.propagation
    return {
        "outcome": receipt.outcome,
        "recorded_ms": receipt.recorded_ms,
        "instances": None if seen is None else instances_data(seen),
        "browsers": None if seen is None else browsers_data(seen),
        "stragglers": [] if seen is None else list(seen.stragglers),
        "elsewhere": [] if seen is None else list(seen.elsewhere),
        "notes": list(receipt.notes),
    }


def pin_data(pin: Pin) -> dict[str, Any]:
    """Return a pin for programs."""
    return {
        "number": pin.number,
        "is_set": pin.is_set,
        "by": pin.by,
        "at_ms": round(pin.at_s * 1000),
        "reason": pin.reason,
        "incident": pin.incident,
    }


def pin_parts(pin: Pin, now_s: float) -> list[str]:
    """Return who pinned, when and why, as parts of a line."""
    who = f"by {plain(pin.by) or 'nobody known'}, {_age(pin, now_s)}"
    return [f"pin {pin.number}", who, why(pin)]


def why(pin: Pin) -> str:
    """Return why somebody pinned, as it was said."""
    reason = f'"{plain(pin.reason)}"' if pin.reason else ""
    incident = f"({plain(pin.incident)})" if pin.incident else ""
    return f"{reason} {incident}".strip()


def _seen(receipt: PinReceipt, view: View) -> list[str]:
    seen = receipt.propagation
    if seen is None:
        return []
    if receipt.outcome is not Outcome.PLANNED:
        return [*observed_lines(seen, view), *elsewhere_lines(view, seen.elsewhere)]
    return [
        view.line("instances", f"{seen.instances:,} would be pinned"),
        view.line("browsers", f"{seen.browsers:,} connected now"),
        *elsewhere_lines(view, seen.elsewhere),
    ]


def _closing(receipt: PinReceipt, view: View) -> str:
    key, pin = receipt.ref.key, receipt.pin
    if receipt.outcome is Outcome.SUPERSEDED:
        return view.closing("superseded: somebody released the pin.", "see", view.command("status", key))
    if receipt.outcome is Outcome.PLANNED and receipt.is_new:
        given = (("--reason", pin.reason), ("--incident", pin.incident))
        words = [word for option, text in given if text for word in (option, plain(text))]
        return view.closing("dry run: nothing was pinned.", "do it", view.command("kill", key, "--break-glass", *words))
    return view.closing(_state(receipt), "afterwards", view.command("reconcile", key))


def _state(receipt: PinReceipt) -> str:
    """Return the state of the world, claiming no more than what was observed."""
    seen = receipt.propagation
    states = {
        Outcome.NO_INSTANCES: "pinned, for instances that start; none was there to confirm.",
        Outcome.NOT_VERIFIED: "pinned, nothing verified.",
        Outcome.PENDING: "pinned, but not everyone confirmed in time.",
        Outcome.INTERRUPTED: "interrupted: it is pinned; the figures are the last seen.",
        Outcome.PLANNED: "dry run: pinned already, nothing to do.",
    }
    if receipt.outcome in states:
        return states[receipt.outcome]
    if seen is not None and seen.browsers:
        who = "everyone connected" if seen.browsers_confirmed == seen.browsers else "everyone who confirmed"
        return f"degraded by break-glass for {who}, whatever the provider says."
    return "degraded by break-glass, whatever the provider says; no browser is connected."


def _age(pin: Pin, now_s: float) -> str:
    return f"{format_age(max(now_s - pin.at_s, 0.0))} ago"
