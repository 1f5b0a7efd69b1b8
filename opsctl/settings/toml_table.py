"""Reading a table of TOML key by key: what is unknown, or of a wrong type, is refused with where it stands."""

from __future__ import annotations

import difflib
import tomllib
from reprlib import repr as shown
from typing import TYPE_CHECKING, Any, TypeVar

from opsctl.core.durations import parse_duration_s

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

_T = TypeVar("_T")
_SOME_WORDS = 200
_MOST = 10**12


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a file holds.

    Raises:
        ValueError: it cannot be read; the message says why, and where.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror}; write the path of a file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"it is no TOML: {error}") from error


class Table:
    """One table, whose keys are known.

    Args:
        values: What stands in it.
        known: Its keys.
        where: What stands before a key in messages, such as `phase 2: `.

    Raises:
        ValueError: there is another key.
    """

    def __init__(self, values: Mapping[str, Any], known: Collection[str], *, where: str = "") -> None:
        self._values = values
        self._where = where
        for key in values:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                raise ValueError(f"{where}there is no key {shown(key)}; write {near[0] if near else ', '.join(known)}")

    def take(self, key: str, read: Callable[[Any], _T]) -> _T | None:
        """Return what a key says, or `None` where it is not there.

        Raises:
            ValueError: `read` refuses it.
        """
        if key not in self._values:
            return None
        try:
            return read(self._values[key])
        except ValueError as error:
            raise ValueError(f"{self._where}{key}: {error}") from error

    def need(self, key: str, read: Callable[[Any], _T], example: str) -> _T:
        """Return what a key says, which has to be there; `example` is how it is written."""
        if key not in self._values:
            raise ValueError(f"{self._where}there is no {key}; write {key} = {example}")
        try:
            return read(self._values[key])
        except ValueError as error:
            raise ValueError(f"{self._where}{key}: {error}") from error


def text(value: Any) -> str:
    """Read a line of text."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > _SOME_WORDS:
        raise ValueError('it is no line of text; write it in quotes: "…"')
    return value.strip()


def texts(value: Any) -> tuple[str, ...]:
    """Read a list of lines."""
    if not isinstance(value, list):
        raise ValueError('it is no list of texts; write ["…"]')  # noqa: TRY004 - one exception for every bad value
    return tuple(map(text, value))


def whole(value: Any) -> int:
    """Read a whole number, from 0."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MOST:
        raise ValueError(f"{shown(value)} is not a whole number from 0; write it without quotes: 300")
    return value


def switched(value: Any) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{shown(value)} is neither; write true or false")  # noqa: TRY004 - one exception for every bad value
    return value


def duration_s(value: Any) -> float:
    """Read a duration, in seconds."""
    if not isinstance(value, str):
        raise ValueError(f'{shown(value)} has no unit; write a duration in quotes: "500ms", "20s" or "2m"')  # noqa: TRY004 - one exception for every bad value
    return parse_duration_s(value)


def number(least: float, most: float) -> Callable[[Any], float]:
    """Return a reader of numbers from `least` to `most`."""

    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            raise ValueError(
                f"{shown(value)} is not a number from {least:g} to {most:g}; write such a one, without quotes"
            )
        return float(value)

    return read


def one_of(choices: Collection[str]) -> Callable[[Any], str]:
    """Return a reader of one of these words."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            named = " or ".join(f'"{choice}"' for choice in choices)
            raise ValueError(f"{shown(value)} is none of those there are; write {named}")
        return value

    return read


def table(value: Any) -> dict[str, Any]:
    """Read a table."""
    if not isinstance(value, dict):
        raise ValueError("it is no table; write { key = value }")  # noqa: TRY004 - one exception for every bad value
    return value


def tables(value: Any) -> list[dict[str, Any]]:
    """Read tables, such as `[[phase]]` ones."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ValueError("it is no list of tables; write its name in double brackets: [[phase]]")
    return value
