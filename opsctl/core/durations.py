"""Durations as people type and read them: `500ms`, `5s`, `30m`, `2h`; and moments."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h)")
_MS_PER_S = 1000
_TEN_S_IN_MS = 10_000


def parse_duration_s(text: str) -> float:
    """Return the seconds that `text` names; a plain number is seconds.

    Raises:
        ValueError: it is not a duration. The message says how one is written.
    """
    cleaned = text.strip().lower()
    match = _DURATION.fullmatch(cleaned if cleaned[-1:].isalpha() else f"{cleaned}s")
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write 500ms, 5s, 30m or 2h")
    return float(match["number"]) * _SECONDS[match["unit"]]


def format_ms(value_ms: float) -> str:
    """Return milliseconds as a person reads them: `41 ms`, `1,240 ms`, `12.4 s`."""
    if value_ms < 1:
        return f"{value_ms:.1f} ms"
    if value_ms < _TEN_S_IN_MS:
        return f"{value_ms:,.0f} ms"
    return f"{value_ms / _MS_PER_S:,.1f} s"


def format_age(seconds: float) -> str:
    """Return an age in one unit: `340 ms`, `4 s`, `12 min`, `3 h`, `2 d`."""
    if seconds < 1:
        return f"{seconds * _MS_PER_S:.0f} ms"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def format_moment(at_ms: int) -> str:
    """Return a moment, in milliseconds since 1970, as people write it down: `2026-09-21 14:13:20 UTC`."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
