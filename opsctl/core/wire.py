"""Reading the small JSON objects that processes of one installation send each other."""

from __future__ import annotations

import math
from typing import Any, TypeVar

_T = TypeVar("_T")
_LARGEST = 2**53 - 1


def exact(value: Any, kind: type[_T]) -> _T:
    """Return `value` if it is of exactly this type; JSON's `true` is no number here.

    Raises:
        TypeError: it is not.
    """
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not {kind.__name__}")
    return value


def position(value: Any) -> int:
    """Return `value` if it is a version or number that every peer can hold, a browser's script too.

    Raises:
        TypeError: it is no whole number.
        ValueError: it is negative, or 2⁵³ or more.
    """
    if not 0 <= exact(value, int) <= _LARGEST:
        raise ValueError("a version is from 0 to 2⁵³ - 1")
    return int(value)


def amount(value: Any) -> float:
    """Return `value` if it is a finite number that is not negative.

    Raises:
        TypeError: it is no number.
        ValueError: it is negative, infinite or no number that compares.
    """
    if type(value) not in {int, float}:
        raise TypeError(f"{value!r} is not a number")
    if not 0 <= value < math.inf:
        raise ValueError("an amount is finite and not negative")
    return float(value)
