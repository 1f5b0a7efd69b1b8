"""What people call a browser."""

from __future__ import annotations

from opsctl.core.text import plain

_FAMILIES = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_LONGEST = 24


def browser_name(sid: str, user_agent: str, person: str) -> str:
    """Return a name such as `browser 3f9a · Chrome · Sandy`, with nothing in it that could drive a terminal."""
    return f"browser {plain(sid)[:4]} · {_family(user_agent)} · {plain(person)[:_LONGEST]}"


def _family(user_agent: str) -> str:
    for mark, family in _FAMILIES:
        if mark in user_agent:
            return family
    product = plain(user_agent).split("/")[0].split(" ")[0]
    return product[:_LONGEST] or "unknown"
