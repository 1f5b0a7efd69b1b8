"""`--dry-run`: what a kill or a restore would come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.cli.render import receipt as receipts
from opsctl.cli.render.facts import (
    ago,
    approval_data,
    approval_parts,
    listed,
    looked_data,
    scheduled_data,
    scheduled_parts,
)
from opsctl.cli.render.pins import pin_data, pin_parts
from opsctl.cli.render.status import change_data
from opsctl.core.durations import format_age
from opsctl.core.errors import ErrorCode
from opsctl.core.switch import Change
from opsctl.core.text import plain

if TYPE_CHECKING:
    from opsctl.cli.render.view import View
    from opsctl.core.blast import Blast
    from opsctl.core.flags import AuditEntry

_SLOW = 10
_FOR_PEOPLE = {
    Change.KILL: ("people lose", "avatars and personal recommendations; the posts stay as they are"),
    Change.RESTORE: ("people get", "avatars and personal recommendations again; each open page fetches them once"),
}


def to_text(blast: Blast, view: View) -> str:
    """Return the report that follows the target line; its last line is the command that does it."""
    receipt = blast.receipt
    lines = [*receipts.body(receipt, view), *_verdict_lines(blast, view)]
    if receipt.plan.is_needed:
        lines += _effect_lines(blast, view)
    lines += listed("scheduled", blast.scheduled, lambda one: scheduled_parts(one, blast.at_s), view)
    lines += listed("approvals", blast.requested, approval_parts, view)
    lines += _history_lines(blast, view)
    if blast.pin is not None:
        lines.append(view.line("pinned", *pin_parts(blast.pin, blast.at_s)))
    if blast.refusal is not None:
        fix = view.hint(blast.refusal.hint or "") or view.command("status", receipt.plan.ref.key)
        if blast.refusal.code is ErrorCode.APPROVAL_REQUIRED:
            fix = view.command(receipt.plan.change, receipt.plan.ref.key, "--request-approval")
        return "\n".join([*lines, view.closing("dry run: the provider would refuse it.", "fix", fix)])
    return "\n".join([*lines, receipts.closing(receipt, view)])


def to_data(blast: Blast, view: View) -> dict[str, Any]:
    """Return the object that docs/json.md describes under `--dry-run`."""
    kill = blast.last_kill
    changes = blast.changes.value
    return {
        **receipts.to_data(blast.receipt, view),
        "verdict": _verdict(blast),
        "avatar_rate": round(blast.avatar_rate, 1),
        "scheduled": looked_data(blast.scheduled, lambda found: [scheduled_data(one) for one in found]),
        "approvals": looked_data(blast.requested, lambda found: [approval_data(one) for one in found]),
        "last_change": change_data(changes[0]) if changes else None,
        "last_kill": None
        if kill is None
        else {
            "start": change_data(kill.start),
            "end": None if kill.end is None else change_data(kill.end),
            "length_s": round(kill.length_s(blast.at_s), 3),
        },
        "pin": None if blast.pin is None else pin_data(blast.pin),
    }


def _verdict(blast: Blast) -> dict[str, Any] | None:
    if blast.verdict is None:
        return None
    error = blast.verdict.error
    return {
        "is_accepted": True if error is None else (False if blast.refusal is not None else None),
        "error": None
        if error is None
        else {"code": error.code, "message": plain(error.message), "hint": plain(error.hint or "") or None},
    }


def _verdict_lines(blast: Blast, view: View) -> list[str]:
    if blast.verdict is None:
        return []
    if blast.verdict.error is None:
        return [view.line("accepted", f"{view.provider} would make the change")]
    label = "refused" if blast.refusal is not None else "not checked"
    return view.wrapped(label, blast.verdict.error.message)


def _effect_lines(blast: Blast, view: View) -> list[str]:
    change, seen = blast.receipt.plan.change, blast.receipt.propagation
    label, what = _FOR_PEOPLE[change]
    lines = view.wrapped(label, what)
    if seen is None or not seen.instances:
        return lines
    rate = f"{blast.avatar_rate:,.1f}" if blast.avatar_rate < _SLOW else f"{blast.avatar_rate:,.0f}"
    now = (
        f"{rate} calls per second would stop" if change is Change.KILL else f"calls begin again; {rate} per second now"
    )
    return [*lines, view.line("avatar API", now, f"{seen.avatar_calls:,} made so far")]


def _history_lines(blast: Blast, view: View) -> list[str]:
    if blast.changes.error is not None:
        return view.wrapped("last change", f"not known: {blast.changes.error.message}")
    changes, kill = blast.changes.value or (), blast.last_kill
    lines = []
    if kill is None:
        lines.append(view.line("last kill", f"none among the last {len(changes)} changes" if changes else "none"))
    else:
        lasted = format_age(kill.length_s(blast.at_s))
        lines.append(
            view.line(
                "last kill",
                f"{ago(kill.start, blast.at_s)}",
                f"lasted {lasted}" if kill.end is not None else f"for {lasted} so far",
                *_who_and_why(kill.start),
            )
        )
    if changes:
        newest = changes[0]
        lines.append(
            view.line("last change", ago(newest, blast.at_s), plain(f"{newest.who} {newest.what}"), _why(newest))
        )
    return lines


def _who_and_why(entry: AuditEntry) -> list[str]:
    return [plain(entry.who), _why(entry)]


def _why(entry: AuditEntry) -> str:
    return f'"{plain(entry.comment)}"' if entry.comment else ""
