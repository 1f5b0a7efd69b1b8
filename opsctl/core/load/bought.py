"""What the kill saved and what people lost by it, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.load.figures import Unit, avatar_calls_per_page
from opsctl.core.load.wording import counted, show, show_bytes, show_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.load.comparison import Comparison

_TEN_MINUTES = 600
_SHOWN_AS_NOTHING = 0.05


def saved_lines(comparison: Comparison) -> tuple[str, ...]:
    """Return what the pages of the degraded phase would have cost besides, one thing a line; nothing unknown."""
    saved, full = comparison.saved, comparison.full
    if saved is None or full is None:
        return ()
    per_page = avatar_calls_per_page(full)
    each = "" if per_page is None else f", at {show(per_page, Unit.PER_S)} a page"
    lines = [
        _line(saved.avatar_calls, lambda calls: counted(round(calls), "avatar call"), each),
        _line(saved.third_party_ms, show_ms, " of waiting for the avatar API, by what it was told to take"),
        _line(saved.sent_bytes, show_bytes, " sent"),
        _line(saved.cpu_ms, show_ms, " of the workers' processor time"),
    ]
    return tuple(line for line in lines if line)


def saved_basis(comparison: Comparison) -> str:
    """Return what that is reckoned on."""
    pages = 0 if comparison.saved is None else comparison.saved.pages
    return f"against what {counted(pages, 'page')} like these cost in full mode"


def lost_lines(comparison: Comparison) -> tuple[str, ...]:
    """Return what people went without, one thing a line."""
    lost = comparison.lost
    if lost is None:
        return ()
    lines = [f"{counted(lost.pages, 'page')} without avatars and recommendations"]
    if lost.browsers:
        lines.append(f"{counted(lost.browsers, 'open browser')} without them for {_long(lost.degraded_s)}")
    return tuple(lines)


def _line(value: float | None, say: Callable[[float], str], rest: str) -> str:
    if value is None or abs(value) < _SHOWN_AS_NOTHING:
        return ""
    return f"{say(value)}{rest}" if value > 0 else f"nothing: {say(-value)} more{rest}"


def _long(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < _TEN_MINUTES else show_ms(seconds * 1000)
