"""When a switch was last rehearsed, as `status` says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.core.durations import format_age
from opsctl.core.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.cli.render.view import View
    from opsctl.core.looking import Looked
    from opsctl.core.rehearsal import Rehearsal, Rehearsed


def rehearsed_lines(found: Looked[Rehearsed], now_s: float, view: View) -> list[str]:
    """Return the lines that say so; none where nobody looked."""
    if found.error is not None:
        return view.wrapped("rehearsed", f"not known: {found.error.message}")
    if found.value is None:
        return []
    known = found.value
    if known.last is not None:
        lines = [view.line("rehearsed", *_parts(known.last, now_s))]
    elif known.elsewhere is not None:
        one = known.elsewhere
        lines = [view.line("rehearsed", "never", f"on a throw-away stack {_ago(one, now_s)}: {_verdict(one)}")]
    else:
        lines = [view.line("rehearsed", "never")]
    if known.broken_off is not None:
        one = known.broken_off
        lines.append(view.line("", f"broken off {_ago(one, now_s)}: {plain(one.trouble)}", _report(one)))
    return lines


def rehearsed_data(known: Rehearsed) -> dict[str, Any]:
    """Return what is known of rehearsals for programs."""
    return {
        "last": None if known.last is None else _data(known.last),
        "broken_off": None if known.broken_off is None else _data(known.broken_off),
        "on_throw_away_stack": None if known.elsewhere is None else _data(known.elsewhere),
    }


def _parts(one: Rehearsal, now_s: float) -> Sequence[str]:
    return f"{_ago(one, now_s)}: {_verdict(one)}", f"failure {plain(one.failure)}", plain(one.target), _report(one)


def _verdict(one: Rehearsal) -> str:
    if one.has_passed:
        return "passed"
    whys = [plain(one.trouble)] if one.trouble else [plain(f"{miss.text} ({miss.said})") for miss in one.missed]
    return f"failed: {'; '.join(whys)}"


def _ago(one: Rehearsal, now_s: float) -> str:
    return f"{format_age(max(now_s - one.at_ms / 1000, 0.0))} ago"


def _report(one: Rehearsal) -> str:
    return f"report {plain(one.report)}" if one.report else ""


def _data(one: Rehearsal) -> dict[str, Any]:
    return {
        "at_ms": one.at_ms,
        "passed": one.has_passed,
        "failure": one.failure,
        "url": one.target or None,
        "objectives": [
            {"expression": item.text, "is_met": item.is_met, "measured": plain(item.said)} for item in one.objectives
        ],
        "trouble": plain(one.trouble) or None,
        "report": one.report or None,
    }
