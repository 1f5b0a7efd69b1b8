"""Values that must not be shown."""

from __future__ import annotations

from dataclasses import dataclass

from opsctl.core.text import masked


@dataclass(frozen=True, slots=True)
class Secret:
    """A credential. `str` and `repr` show its last four characters at most; `reveal` is the only way to the rest."""

    _value: str

    def reveal(self) -> str:
        """Return the credential itself, to hand to the client that needs it."""
        return self._value

    def __str__(self) -> str:
        return masked(self._value)

    def __repr__(self) -> str:
        return f"Secret({masked(self._value)!r})"
