"""Values that must not be shown."""

from __future__ import annotations

from opsctl.core.lean_dataclass import dataclass
from opsctl.core.text import masked

TYPOGRAPHIC_QUOTES = frozenset("\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb")


@dataclass(frozen=True, slots=True)
class Secret:
    """A credential. `str` and `repr` show its last four characters at most; `reveal` is the only way to the rest."""

    _value: str

    @classmethod
    def parse(cls, text: str) -> Secret:
        """Return the credential that `text` is, without spaces round it.

        Raises:
            ValueError: it is empty, or has anything but visible ASCII characters, which no HTTP header can carry. The
                message says what, and holds nothing of it.
        """
        value = text.strip()
        if not value:
            raise ValueError("must not be empty")
        if TYPOGRAPHIC_QUOTES.intersection(value):
            raise ValueError("has typographic quotes; use straight ones, or none")
        if "\n" in value or "\r" in value:
            raise ValueError("has a line break in it; give the credential alone, on one line")
        if not (value.isascii() and value.isprintable()) or " " in value:
            raise ValueError("has characters that no credential has; copy it again, and nothing round it")
        return cls(value)

    def reveal(self) -> str:
        """Return the credential itself, to hand to the client that needs it."""
        return self._value

    def texts(self) -> tuple[str, ...]:
        """Return every text of it that must stand nowhere."""
        return (self._value,)

    def __str__(self) -> str:
        return masked(self._value)

    def __repr__(self) -> str:
        return f"Secret({masked(self._value)!r})"
