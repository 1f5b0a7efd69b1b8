"""Patterns with `*`, which stands for any text: matched in time that grows with the text, whatever the pattern."""

from __future__ import annotations


def fits(pattern: str, text: str) -> bool:
    """Whether the whole of `text` is what `pattern` describes."""
    first, *others = pattern.split("*")
    if not others:
        return pattern == text
    *between, last = others
    if len(first) + len(last) > len(text) or not text.startswith(first) or not text.endswith(last):
        return False
    # The earliest place for each piece leaves the most room for those after it, so no other need be tried.
    start, end = len(first), len(text) - len(last)
    for piece in between:
        found = text.find(piece, start, end)
        if found < 0:
            return False
        start = found + len(piece)
    return True
