"""Text from outside, made safe to show."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_ALLOWED_CONTROL = frozenset("\n\t")
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")
_MASK_KEEPS = 4


def plain(text: str, *, keep_newlines: bool = False) -> str:
    """Remove control, bidirectional and other invisible characters: text must not drive a terminal or forge a line.

    Zero-width joiners stay: scripts and emoji need them. Newlines and tabs become a space unless they are kept.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_plain_character(character, keep_newlines=keep_newlines) for character in text)


def _plain_character(character: str, *, keep_newlines: bool) -> str:
    if character in _ALLOWED_CONTROL:
        return character if keep_newlines else " "
    if character in _JOINERS:
        return character
    return "" if unicodedata.category(character) in _UNSAFE_CATEGORIES else character


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return the text with each of the secrets masked, also where it stands as Python writes it in a `repr`."""
    for secret in secrets:
        for form in (secret, repr(secret)[1:-1]):
            text = text.replace(form, masked(secret)) if len(form) > 2 * _MASK_KEEPS else text
    return text


def masked(secret: str) -> str:
    """Show no more of a secret than its last four characters, and none of one too short to spare them."""
    return f"…{secret[-_MASK_KEEPS:]}" if len(secret) > 2 * _MASK_KEEPS else "…"
