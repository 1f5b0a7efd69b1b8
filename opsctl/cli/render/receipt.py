"""`kill` and `restore`: what was done and what was observed of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.cli.render import timed
from opsctl.cli.render.propagation import browsers_data, instances_data, observed_lines
from opsctl.cli.render.view import elsewhere_lines, none_found
from opsctl.core.durations import format_ms
from opsctl.core.modes import Mode
from opsctl.core.switch import Change, Outcome
from opsctl.core.text import plain

if TYPE_CHECKING:
    from opsctl.cli.render.view import View
    from opsctl.core.approving import ApprovalRequest
    from opsctl.core.flags import AuditEntry
    from opsctl.core.switch import Receipt


def to_text(receipt: Receipt, view: View) -> str:
    """Return the report that follows the target line; its last line is the state of the world and the way back."""
    return "\n".join([*body(receipt, view), closing(receipt, view)])


def body(receipt: Receipt, view: View) -> list[str]:
    """Return the report without its last line, for a command of which this is a part."""
    lines = [
        view.line(
            receipt.plan.change,
            receipt.plan.ref.key,
            _versions(receipt),
            _why(receipt) if receipt.plan.is_needed else "",
        )
    ]
    if not receipt.plan.is_needed and receipt.until is None and _why(receipt):
        lines.append(view.line("reason", _why(receipt), "for opsctl's audit log alone: there is no change for it"))
    if receipt.written_ms is not None:
        lines.append(view.line("written", format_ms(receipt.written_ms)))
    if receipt.outcome is Outcome.PLANNED:
        lines += _would(receipt, view)
    elif receipt.propagation is not None:
        lines += observed_lines(receipt.propagation, view)
    if receipt.propagation is not None:
        lines += elsewhere_lines(view, receipt.propagation.elsewhere)
    if receipt.outcome is Outcome.NO_INSTANCES and receipt.written_ms is not None:
        lines.append(view.line("", "on other machines: name them in OPSCTL_INSTANCES, or use --no-wait"))
    return [*lines, *_besides(receipt, view)]


def to_data(receipt: Receipt, view: View) -> dict[str, Any]:
    """Return the object that docs/json.md describes under `kill` and `restore`."""
    plan = receipt.plan
    seen = receipt.propagation
    return {
        "command": plan.change,
        "target": view.target_data(),
        "flag": plan.ref.key,
        "outcome": receipt.outcome,
        "changed": receipt.written_ms is not None,
        "version": {"before": plan.from_version, "after": receipt.version, "written": receipt.written_version},
        "reason": receipt.reason,
        "incident": receipt.incident,
        "written_ms": receipt.written_ms,
        "expected_mode": plan.expected_mode,
        "instances": None if seen is None else instances_data(seen),
        "browsers": None if seen is None else browsers_data(seen),
        "stragglers": [] if seen is None else list(seen.stragglers),
        "elsewhere": [] if seen is None else list(seen.elsewhere),
        "notes": list(receipt.notes),
        "until": None if receipt.until is None else timed.to_data(receipt.until),
        "superseded_by": None if receipt.superseded_by is None else _change_data(receipt.superseded_by),
        "approval": None if receipt.approval is None else _approval_data(receipt.approval),
        "undo": _undo(receipt, view)[1],
    }


def _besides(receipt: Receipt, view: View) -> list[str]:
    lines: list[str] = []
    if receipt.until is not None:
        lines += timed.lines(receipt.until, receipt.plan.ref, view)
    if receipt.superseded_by is not None:
        lines += view.wrapped("changed by", receipt.superseded_by.told)
    if receipt.approval is not None:
        lines += _approval(receipt.approval, view, is_carried_out=receipt.written_ms is not None)
    for note in receipt.notes:
        lines += view.wrapped("note", note)
    return lines


def _versions(receipt: Receipt) -> str:
    plan = receipt.plan
    if receipt.written_ms is not None:
        return f"version {plan.from_version} → {receipt.written_version or receipt.version}"
    if plan.is_needed:
        somebodys = f" → {receipt.version}   by somebody else" if receipt.version > plan.from_version else ""
        return f"version {plan.from_version}{somebodys}"
    return f"version {plan.from_version}   {'on' if plan.change.turns_on else 'off'} already: nothing to write"


def _why(receipt: Receipt) -> str:
    reason = f'"{plain(receipt.reason)}"' if receipt.reason else ""
    incident = f"({plain(receipt.incident)})" if receipt.incident else ""
    return f"{reason} {incident}".strip()


def _would(receipt: Receipt, view: View) -> list[str]:
    plan, seen = receipt.plan, receipt.propagation
    if plan.is_needed:
        action = f"turn targeting {'on' if plan.change.turns_on else 'off'}; it then serves {plan.serves}"
        lines = [view.line("would", plain(action))]
    else:
        lines = []
    if seen is None or not seen.instances:
        return [*lines, none_found(view, () if seen is None else seen.elsewhere)]
    return [
        *lines,
        view.line("instances", f"{seen.instances:,} would follow"),
        view.line("browsers", f"{seen.browsers:,} connected now"),
    ]


def _approval(approval: ApprovalRequest, view: View, *, is_carried_out: bool) -> list[str]:
    if is_carried_out:
        return [view.line("approval", "given, and carried out", plain(approval.id))]
    state = "asked for" if approval.is_new else f"asked for already, {plain(approval.review)}"
    return [view.line("approval", state, plain(approval.id)), *view.wrapped("", f"given at {approval.url}")]


def _change_data(entry: AuditEntry) -> dict[str, Any]:
    from opsctl.cli.render.status import change_data  # noqa: PLC0415 - start-up

    return change_data(entry)


def _approval_data(approval: ApprovalRequest) -> dict[str, Any]:
    return {
        "id": approval.id,
        "url": approval.url,
        "review": approval.review,
        "created_ms": approval.created_ms,
        "is_new": approval.is_new,
    }


def closing(receipt: Receipt, view: View) -> str:
    """Return the last line: the state of the world, and the command that is next."""
    plan = receipt.plan
    undo = _undo(receipt, view)
    follow_up = {
        Outcome.SUPERSEDED: ("see", view.command("status", plan.ref.key)),
        Outcome.APPROVAL_REQUESTED: (
            "once it is given",
            view.command(plan.change, plan.ref.key, *_reasons(receipt), "--request-approval"),
        ),
        Outcome.PLANNED: ("do it", view.command(plan.change, plan.ref.key, *_reasons(receipt)))
        if plan.is_needed or receipt.options
        else undo,
    }.get(receipt.outcome, undo)
    return view.closing(_state(receipt), *follow_up)


def _undo(receipt: Receipt, view: View) -> tuple[str, str]:
    """Return the command that takes it back, after what it is called; a break-glass has to be ended before all else."""
    plan = receipt.plan
    if receipt.is_pinned:
        return "end the break-glass", view.command("reconcile", plan.ref.key)
    return "undo", view.command(plan.change.undo, plan.ref.key)


def _reasons(receipt: Receipt) -> list[str]:
    given = (("--reason", receipt.reason), ("--incident", receipt.incident))
    return [*(word for option, text in given if text for word in (option, plain(text))), *receipt.options]


def _state(receipt: Receipt) -> str:
    """Return the state of the world, claiming no more than what was observed."""
    is_written = receipt.written_ms is not None
    state, opposite = ("on", "off") if receipt.plan.change.turns_on else ("off", "on")
    written = "written" if is_written else "nothing written"
    states = {
        Outcome.NO_INSTANCES: f"{state}: {written}; no instance of the feed was there to confirm.",
        Outcome.NOT_VERIFIED: f"{state}: {written}, nothing verified.",
        Outcome.PENDING: f"pending: {'written, but ' if is_written else ''}not everyone confirmed in time.",
        Outcome.SUPERSEDED: f"superseded: somebody turned it {opposite} again, version {receipt.version}"
        + ("." if is_written else "; nothing was written."),
        Outcome.INTERRUPTED: f"interrupted: {'it is written; ' if is_written else ''}the figures are the last seen.",
        Outcome.APPROVAL_REQUESTED: f"not {receipt.plan.change.done}: it waits for approval.",
        Outcome.PLANNED: "dry run: nothing was written."
        if receipt.plan.is_needed or receipt.options
        else f"dry run: {state} already, nothing to do.",
    }
    return states.get(receipt.outcome) or _confirmed_state(receipt)


def _confirmed_state(receipt: Receipt) -> str:
    plan, seen = receipt.plan, receipt.propagation
    if plan.expected_mode is None:
        return "restored: targeting is on, and who gets what depends on the visitor."
    mode, verb = (Mode.DEGRADED, "off") if plan.change is Change.KILL else (Mode.FULL, "on")
    if seen is None or not seen.browsers:
        who = "; no browser is connected"
    else:
        who = " for everyone " + ("connected" if seen.browsers_confirmed == seen.browsers else "who confirmed")
    return f"{mode}: avatars and recommendations are {verb}{who}."
