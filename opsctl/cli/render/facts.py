"""What the provider knows of a flag besides its state: what is pending for it, and what happened to it before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from opsctl.cli.render.timed import moment
from opsctl.core.durations import format_age
from opsctl.core.text import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.cli.render.view import View
    from opsctl.core.approving import ApprovalRequest
    from opsctl.core.flags import AuditEntry
    from opsctl.core.looking import Looked
    from opsctl.core.scheduling import ScheduledChange

_T = TypeVar("_T")


def listed(label: str, found: Looked[tuple[_T, ...]], parts: Callable[[_T], list[str]], view: View) -> list[str]:
    """Return a line for each thing that was looked up, or one that says why that is not known."""
    if found.error is not None:
        why = "not shown to this token, or not in this plan" if found.is_not_had else found.error.message
        return view.wrapped(label, f"not known: {why}")
    return [view.line(label if number == 0 else "", *parts(one)) for number, one in enumerate(found.value or ())] or [
        view.line(label, "none")
    ]


def scheduled_parts(change: ScheduledChange, now_s: float) -> list[str]:
    """Return when a scheduled change is made, and what it does, as parts of a line."""
    what = "turns it on again" if change.turns_on else f"does {', '.join(change.instructions)}"
    maker = "opsctl kill --for" if change.is_ours else plain(change.id)
    return [moment(change.at_ms, now_ms=round(now_s * 1000)), plain(what), f"({maker})"]


def scheduled_data(change: ScheduledChange) -> dict[str, Any]:
    """Return a scheduled change for programs."""
    return {
        "id": change.id,
        "at_ms": change.at_ms,
        "instructions": list(change.instructions),
        "turns_on": change.turns_on,
        "is_ours": change.is_ours,
    }


def looked_data(found: Looked[_T], data: Callable[[_T], Any]) -> Any:
    """Return what was looked up for programs, or `{"error"}` with why it is not known."""
    if found.error is not None:
        return {"error": {"code": found.error.code, "message": plain(found.error.message)}}
    return None if found.value is None else data(found.value)


def approval_parts(request: ApprovalRequest) -> list[str]:
    """Return an approval request as parts of a line."""
    about = f'"{plain(request.description)}"' if request.description else plain(request.id)
    return [request.review, plain(", ".join(request.instructions)), about]


def approval_data(request: ApprovalRequest) -> dict[str, Any]:
    """Return an approval request for programs."""
    return {
        "id": request.id,
        "review": request.review,
        "instructions": list(request.instructions),
        "description": request.description,
        "url": request.url or None,
    }


def ago(entry: AuditEntry, now_s: float) -> str:
    """Return when a change was made, from now."""
    return f"{format_age(max(now_s - entry.at_ms / 1000, 0.0))} ago"
