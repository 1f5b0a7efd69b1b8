"""`watch`: one line an event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opsctl.cli.render import timed
from opsctl.cli.render.status import change_data
from opsctl.core.durations import format_age
from opsctl.core.modes import Mode
from opsctl.core.scheduling import utc_ms
from opsctl.core.text import plain
from opsctl.core.watching import CONDITION, EXPECTED_KILL, WatchEvent, WatchKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opsctl.cli.render.view import View
    from opsctl.core.flags import FlagRef
    from opsctl.core.watching import PageView

_MARGIN = len("14:13:20.000  ")
_OVERRIDES = {
    CONDITION: "a restore is held back: the objective is not met",
    EXPECTED_KILL: "told of a kill that its data does not show yet",
}


def to_text(event: WatchEvent, ref: FlagRef, view: View) -> str:
    """Return one line, which a terminal gets folded to its width; times are local."""
    at = datetime.fromtimestamp(event.at_s, UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
    return view.line(at, *_what(event, ref, view), margin=_MARGIN, gap="  ")


def to_data(event: WatchEvent, ref: FlagRef, view: View) -> dict[str, Any]:
    """Return the object that docs/json.md describes under `watch`."""
    return {
        "event": event.kind,
        "at": datetime.fromtimestamp(event.at_s, UTC).isoformat(timespec="milliseconds"),
        "target": view.target_data(),
        "flag": ref.key,
        "version": event.version,
        "from_version": event.from_version,
        "old": event.old,
        "new": event.new,
        "mode": None if event.new is None else Mode.of(flag_value=event.new),
        "missed": event.is_missed,
        "gap_s": event.gap_s,
        "change": None if event.entry is None else change_data(event.entry),
        "page": None if event.page is None else _page_data(event.page),
        "scheduled": None if event.due_ms is None else {"at": utc_ms(event.due_ms), "by_opsctl": event.is_ours},
    }


def _what(event: WatchEvent, ref: FlagRef, view: View) -> tuple[str, ...]:
    said = _SAID[event.kind](event, view)
    is_about_flag = event.kind not in {WatchKind.LOST, WatchKind.RESUMED, WatchKind.MISSING}
    return (ref.key if is_about_flag else "", *said)


def _state(event: WatchEvent, view: View) -> tuple[str, ...]:
    if event.page is not None:
        return _mode(event, view), _version(event), _page(event.page)
    return f"is {_value(event.new)}", _mode(event, view), _version(event)


def _change(event: WatchEvent, view: View) -> tuple[str, ...]:
    if event.page is not None:
        return f"→ {_mode(event, view)}", _version(event), _page(event.page), *_who(event)
    change = f"{_value(event.old)} → {_value(event.new)}"
    return change, _mode(event, view), _version(event), _missed(event), *_who(event)


def _other(event: WatchEvent, _view: View) -> tuple[str, ...]:
    what = "was changed otherwise" if event.entry is None else plain(event.entry.what)
    return what, _version(event), _missed(event), *_who(event)


def _scheduled(event: WatchEvent, _view: View) -> tuple[str, ...]:
    at = timed.moment(event.due_ms or 0, now_ms=round(event.at_s * 1000))
    by = "opsctl kill --for" if event.is_ours else "a scheduled change that opsctl did not make"
    return (f"will be turned on at {at} by {by}",)


def _unscheduled(event: WatchEvent, _view: View) -> tuple[str, ...]:
    at = timed.moment(event.due_ms or 0, now_ms=round(event.at_s * 1000))
    return (f"will not be turned on at {at} any more",)


def _missing(event: WatchEvent, _view: View) -> tuple[str, ...]:
    if (event.from_version or 0) > (event.version or 0):
        return (f"version {event.from_version} was never reached: the flag is at version {event.version}",)
    between = f"between version {event.from_version} and version {event.version}"
    return (f"the audit log does not tell all that was changed {between}",)


def _lost(_event: WatchEvent, _view: View) -> tuple[str, ...]:
    return ("stream lost; changes are not seen until it is back",)


def _resumed(event: WatchEvent, _view: View) -> tuple[str, ...]:
    return (f"stream back after {format_age(event.gap_s or 0.0)}",)


def _end(event: WatchEvent, view: View) -> tuple[str, ...]:
    if event.new is None:
        return "nothing was seen", "end of watch"
    return f"is {_value(event.new)}", _mode(event, view), "end of watch"


def _mode(event: WatchEvent, view: View) -> str:
    mode = Mode.of(flag_value=event.new)
    return view.good(mode) if mode is Mode.FULL else view.bad(mode)


def _missed(event: WatchEvent) -> str:
    return "missed then" if event.is_missed else ""


def _value(value: object) -> str:
    return plain(json.dumps(value, ensure_ascii=False))


def _version(event: WatchEvent) -> str:
    return "" if event.version is None else f"version {event.version}"


def _page(page: PageView) -> str:
    """Return what a page was told besides its mode: why, where that is not the flag, and how old the data is."""
    why = "pinned by hand (break-glass)" if page.is_pinned else _OVERRIDES.get(page.reason, "")
    age = f", {format_age(page.age_s)} old" if page.age_s is not None and page.source != "live" else ""
    data = f"{plain(page.source)} data{age}" if page.source else ""
    return ", ".join(filter(None, (why, data)))


def _page_data(page: PageView) -> dict[str, Any]:
    return {
        "reason": page.reason,
        "pin": page.pin,
        "pinned": page.is_pinned,
        "source": page.source,
        "age_s": page.age_s,
    }


def _who(event: WatchEvent) -> tuple[str, ...]:
    if event.entry is None:
        return () if event.page is not None and not event.page.is_by_flag else ("by: unknown",)
    return f"by: {plain(event.entry.who)}", f'"{plain(event.entry.comment)}"' if event.entry.comment else ""


_SAID: Mapping[WatchKind, Callable[[WatchEvent, View], tuple[str, ...]]] = {
    WatchKind.STATE: _state,
    WatchKind.CHANGE: _change,
    WatchKind.OTHER: _other,
    WatchKind.SCHEDULED: _scheduled,
    WatchKind.UNSCHEDULED: _unscheduled,
    WatchKind.MISSING: _missing,
    WatchKind.LOST: _lost,
    WatchKind.RESUMED: _resumed,
    WatchKind.END: _end,
}
