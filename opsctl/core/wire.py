"""Reading the small JSON objects that processes of one installation send each other."""

from __future__ import annotations

from typing import Any, TypeVar

_T = TypeVar("_T")


def exact(value: Any, kind: type[_T]) -> _T:
    """Return `value` if it is of exactly this type; JSON's `true` is no number here.

    Raises:
        TypeError: it is not.
    """
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not {kind.__name__}")
    return value
