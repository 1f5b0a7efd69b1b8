"""`kill --for`: when it ends, who sees to that, and what else would turn the flag on."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opsctl.core.durations import format_age, format_ms
from opsctl.core.switch import Change
from opsctl.core.text import plain

if TYPE_CHECKING:
    from opsctl.cli.render.view import View
    from opsctl.core.arrangements import Arrangement, Guard
    from opsctl.core.errors import OpsError
    from opsctl.core.flags import FlagRef
    from opsctl.core.objectives import Objective
    from opsctl.core.scheduling import ScheduledChange
    from opsctl.core.timed import Cleared, Waiting

_NARROWEST = 40
_LABEL = 13


def moment(at_ms: int, *, now_ms: int) -> str:
    """Return a moment as the clock on the wall here shows it, and in UTC; with its day where that is not today's."""
    utc, now = (datetime.fromtimestamp(value / 1000, UTC) for value in (at_ms, now_ms))
    local = utc.astimezone()
    day = "" if local.date() == now.astimezone().date() else f"{local:%a %d %b} "
    if not local.utcoffset():
        return f"{day}{utc:%H:%M:%S} UTC"
    return f"{day}{local:%H:%M:%S} {local.tzname()} ({utc:%H:%M:%S} UTC)"


def span(seconds: float) -> str:
    """Return a duration as people say it: `45 s`, `30 min`, `90 min`, `2 h 30 min`."""
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - seconds in a minute
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if rest:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return " ".join(filter(None, (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "")))


def lines(arranged: Arrangement, ref: FlagRef, view: View) -> list[str]:
    """Return the lines of the report that say how the kill ends."""
    at = moment(arranged.change.at_ms, now_ms=arranged.change.created_ms)
    return [
        view.line("until", at, f"in {span(arranged.for_s)}", f"{_provider(view)} turns it on"),
        view.line("", f"to have it stay off: {view.command(Change.KILL, ref.key)}"),
        *_guard_lines(arranged.guard, view),
        *(_skew_lines(arranged.ahead_s, view) if arranged.ahead_s else ()),
    ]


def to_data(arranged: Arrangement) -> dict[str, Any]:
    """Return the object that docs/json.md describes as `until`."""
    guard = arranged.guard
    return {
        "at_ms": arranged.change.at_ms,
        "schedule_id": arranged.change.id,
        "for_s": arranged.for_s,
        "clock_ahead_s": arranged.ahead_s,
        "guard": {
            "max_error_rate": guard.objective.max_error_rate,
            "max_p99_ms": guard.objective.max_p99_ms,
            "window_s": guard.window_s,
            "instances": list(guard.instances),
            "unguarded": list(guard.unguarded),
        },
    }


def waiting_parts(waiting: Waiting, now_s: float) -> list[str]:
    """Return when a process of this machine restores by itself, as parts of a line."""
    at = moment(waiting.until_ms, now_ms=round(now_s * 1000))
    return [at, "turns it on again", f"(opsctl kill --for --here, process {waiting.pid})"]


def cleared_notes(cleared: Cleared, change: Change) -> tuple[str, ...]:
    """Return what has to be said of what was, or still is, on the schedule."""
    now_ms = cleared.at_ms
    notes = [f"the restore scheduled for {_at(one, now_ms)} was withdrawn" for one in cleared.withdrawn]
    notes += [
        f"the restore scheduled for {_at(one, now_ms)} could not be withdrawn, and will be made: {error.message}"
        for one, error in cleared.left
    ]
    if change is Change.KILL:
        notes += [
            f"somebody else scheduled turning it on at {_at(one, now_ms)}, and opsctl leaves that alone: withdraw the"
            f" scheduled change {one.id} where the flag is"
            for one in cleared.others
        ]
    if cleared.error is not None:
        notes.append(f"whether something is scheduled to turn it on could not be seen: {cleared.error.message}")
    if cleared.was_waiting:
        notes.append("the opsctl kill --for --here that waited to restore it leaves it alone now")
    return tuple(notes)


def not_arranged_note(error: OpsError) -> str:
    """Return the note on a kill whose end could not be arranged."""
    return f"it stays off until somebody restores it: no end was scheduled ({error.message})"


def here_notes(for_s: float, objective: Objective, now_ms: int) -> tuple[str, ...]:
    """Return the notes on a kill that this process is to end."""
    at = moment(now_ms + round(for_s * 1000), now_ms=now_ms)
    return (
        f"this process restores it at {at}, in {span(for_s)}, and has to run until then: stopped, it leaves it off",
        f"it does not restore while an instance that is seen from here does not answer, or {objective_text(objective)}",
    )


def objective_text(objective: Objective) -> str:
    """Return what breaks an objective, for people."""
    percent = f"{objective.max_error_rate * 100:.3f}".rstrip("0").rstrip(".")
    return f"more than {percent}% of the requests fail or p99 is above {format_ms(objective.max_p99_ms)}"


def _at(change: ScheduledChange, now_ms: int) -> str:
    return moment(change.at_ms, now_ms=now_ms)


def _guard_lines(guard: Guard, view: View) -> list[str]:
    total = len(guard.instances) + len(guard.unguarded)
    if not total:
        text = "none: no instance of the feed was found here; it is restored whatever the feed does then"
        return _wrapped(view, "guard", text)
    said = []
    if guard.instances:
        who = f"{len(guard.instances)}/{total} instances" if total > 1 else guard.instances[0]
        stay = "stay" if len(guard.instances) > 1 else "stays"
        said.append(f"{who} {stay} degraded while {objective_text(guard.objective)}")
    if guard.unguarded:
        said.append(f"{', '.join(guard.unguarded)} did not take that in, and will follow whatever it does then")
    return _wrapped(view, "guard", "; ".join(said))


def _skew_lines(ahead_s: float, view: View) -> list[str]:
    which = "behind" if ahead_s > 0 else "ahead of"
    text = f"this machine's clock is {format_age(abs(ahead_s))} {which} that of {_provider(view)}, which counts here"
    return _wrapped(view, "clock", text)


def _provider(view: View) -> str:
    return f"the {view.provider}" if view.provider.startswith("local") else view.provider


def _wrapped(view: View, label: str, text: str) -> list[str]:
    return textwrap.wrap(
        plain(text),
        max(view.width or 10_000, _NARROWEST),
        initial_indent=label.ljust(_LABEL),
        subsequent_indent=" " * _LABEL,
        break_long_words=False,
        break_on_hyphens=False,
    )
