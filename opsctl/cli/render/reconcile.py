"""`reconcile`: what was written, what was released, and who follows the provider again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.cli.render import receipt as switching
from opsctl.cli.render.pins import outcome_data, pin_data, pin_parts
from opsctl.cli.render.propagation import observed_lines
from opsctl.cli.render.view import elsewhere_lines
from opsctl.core.durations import format_ms
from opsctl.core.modes import Mode
from opsctl.core.switch import Change, Outcome
from opsctl.core.text import plain

if TYPE_CHECKING:
    from opsctl.cli.render.view import View
    from opsctl.core.pinning import PinReceipt
    from opsctl.core.reconciling import ProviderState, Reconciliation
    from opsctl.core.switch import Receipt


def to_text(done: Reconciliation, view: View) -> str:
    """Return the report that follows the target line; its last line is the state of the world and what is next."""
    if done.pin is None:
        return "\n".join([view.line("reconcile", done.ref.key, "nothing is pinned"), _closing(done, view)])
    lines = [view.line("pinned", done.ref.key, *pin_parts(done.pin, done.at_s))]
    if done.switch is not None:
        lines += _written(done.switch, view)
    if done.discarded is not None:
        lines += discarding_lines(done.discarded, view)
    if done.release is not None:
        lines += _released(done.release, view)
    elif done.is_planned and done.switch is not None:
        lines += view.wrapped("then", "once every instance follows, the pin is released; the feed stays degraded")
    return "\n".join([*lines, _closing(done, view)])


def to_data(done: Reconciliation, view: View) -> dict[str, Any]:
    """Return the object that docs/json.md describes under `reconcile`."""
    says, release = done.discarded, done.release
    return {
        "command": "reconcile",
        "target": view.target_data(),
        "flag": done.ref.key,
        "dry_run": done.is_planned,
        "pin": None if done.pin is None else pin_data(done.pin),
        "kill": None if done.switch is None else switching.to_data(done.switch, view),
        "discarded": None
        if says is None
        else {
            "serves": says.serves or None,
            "mode": says.mode,
            "version": says.version or None,
            "error": None if says.error is None else {"code": says.error.code, "message": plain(says.error.message)},
        },
        "released": None if release is None else {"pin": pin_data(release.pin), **outcome_data(release)},
    }


def discarding_lines(says: ProviderState, view: View) -> list[str]:
    """Return what a person has to know before a pin is discarded: what the provider says, and what follows from it."""
    if says.error is not None:
        lines = view.wrapped("provider", f"not known: {says.error.message}")
    else:
        lines = [view.line("provider", f"version {says.version}", f"serves {plain(says.serves)}")]
    what = {
        Mode.FULL: "avatars and recommendations come back at once, for everyone",
        Mode.DEGRADED: "the feed stays degraded",
        None: "each instance goes by its own flag data, which may be full",
    }[says.mode]
    return [*lines, *view.wrapped("then", f"without the pin {what}")]


def _written(receipt: Receipt, view: View) -> list[str]:
    """Return the lines on the kill; where the provider has it off already there was none."""
    if receipt.plan.is_needed:
        return switching.body(receipt, view)
    lines = [view.line("provider", f"version {receipt.version}", "has it off already: nothing to write")]
    for note in receipt.notes:
        lines += view.wrapped("note", note)
    return lines


def _released(release: PinReceipt, view: View) -> list[str]:
    recorded = "" if release.recorded_ms is None else format_ms(release.recorded_ms)
    lines = [view.line("released", f"pin {release.pin.number}", recorded)]
    if release.propagation is not None:
        lines += observed_lines(release.propagation, view)
        lines += elsewhere_lines(view, release.propagation.elsewhere)
    for note in release.notes:
        lines += view.wrapped("note", note)
    return lines


def _closing(done: Reconciliation, view: View) -> str:
    key = done.ref.key
    again = view.command("reconcile", key, *(["--discard"] if done.discarded is not None else []))
    if done.pin is None:
        return view.closing("no break-glass is in force.", "see", view.command("status", key))
    if done.is_planned:
        return view.closing("dry run: nothing was written or released.", "do it", again)
    if done.release is None:
        return view.closing(_kept_state(done), "again", again)
    if done.release.outcome is Outcome.CONFIRMED:
        mode = Mode.DEGRADED if done.discarded is None else done.discarded.mode
        change = Change.KILL if mode is Mode.FULL else Change.RESTORE
        undo = ("see", view.command("status", key)) if mode is None else (change, view.command(change, key))
        return view.closing(_followed_state(mode), *undo)
    return view.closing(_released_state(done.release), "see", view.command("status", key))


def _followed_state(mode: Mode | None) -> str:
    if mode is Mode.FULL:
        return "full: released; the provider decides again, and has it on."
    if mode is Mode.DEGRADED:
        return "degraded: released; the provider decides again, and has it off."
    return "released: each instance goes by its own flag data."


def _released_state(release: PinReceipt) -> str:
    return {
        Outcome.NO_INSTANCES: "released; no instance of the feed was there to confirm.",
        Outcome.SUPERSEDED: "superseded: somebody pinned it again.",
        Outcome.INTERRUPTED: "interrupted: it is released; the figures are the last seen.",
    }.get(release.outcome, "released, but not everyone confirmed in time.")


def _kept_state(done: Reconciliation) -> str:
    """Return the state of the world where the pin was not released."""
    if done.switch is not None and done.switch.outcome is Outcome.SUPERSEDED:
        return "superseded: somebody turned it on again; the pin stays in force."
    if done.switch is not None and done.switch.outcome is Outcome.INTERRUPTED:
        return "interrupted; the pin stays in force."
    return "off at the provider, but not every instance follows: the pin stays in force."
