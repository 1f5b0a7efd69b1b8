"""`watch`: one line an event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opsctl.cli.render.status import change_data
from opsctl.core.durations import format_age
from opsctl.core.modes import Mode
from opsctl.core.text import plain
from opsctl.core.watching import WatchEvent, WatchKind

if TYPE_CHECKING:
    from opsctl.cli.render.view import View
    from opsctl.core.flags import FlagRef


def to_text(event: WatchEvent, ref: FlagRef, view: View) -> str:
    """Return one line; times are local."""
    at = datetime.fromtimestamp(event.at_s, UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
    return f"{at}  {_what(event, ref, view)}"


def to_data(event: WatchEvent, ref: FlagRef, view: View) -> dict[str, Any]:
    """Return the object that docs/json.md describes under `watch`."""
    return {
        "event": event.kind,
        "at": datetime.fromtimestamp(event.at_s, UTC).isoformat(timespec="milliseconds"),
        "target": view.target_data(),
        "flag": ref.key,
        "old": event.old,
        "new": event.new,
        "mode": Mode.of(flag_value=event.new),
        "gap_s": event.gap_s,
        "change": None if event.entry is None else change_data(event.entry),
    }


def _what(event: WatchEvent, ref: FlagRef, view: View) -> str:
    mode = Mode.of(flag_value=event.new)
    coloured = view.good(mode) if mode is Mode.FULL else view.bad(mode)
    match event.kind:
        case WatchKind.STATE:
            return f"{ref.key}  is {_value(event.new)}  {coloured}"
        case WatchKind.CHANGE:
            return f"{ref.key}  {_value(event.old)} → {_value(event.new)}  {coloured}  {_who(event)}"
        case WatchKind.LOST:
            return "stream lost; changes are not seen until it is back"
        case WatchKind.RESUMED:
            gap = format_age(event.gap_s or 0.0)
            return f"stream back after {gap}; of the changes in between only the last one shows"
        case WatchKind.END:
            return f"{ref.key}  is {_value(event.new)}  {coloured}  end of watch"


def _value(value: object) -> str:
    return plain(json.dumps(value, ensure_ascii=False))


def _who(event: WatchEvent) -> str:
    if event.entry is None:
        return "by: unknown"
    why = f'  "{plain(event.entry.comment)}"' if event.entry.comment else ""
    return f"by: {plain(event.entry.who)}{why}"
