"""Reading JSON of callers, one member at a time: the right type, or a refusal that names the member."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, TypeVar

from opsctl.flagservice.api_errors import invalid_request

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,254}[A-Za-z0-9._-])?")
_LONGEST_TEXT = 20_000
_DEEPEST = 60
_T = TypeVar("_T")


class _Absent:
    """Stands for: no default, the member has to be there."""


_REQUIRED = _Absent()


def parse_json(body: bytes) -> Any:
    """Parse a request's body. What it returns can be written as JSON again, in UTF-8.

    Raises:
        ApiError: 400, it is not JSON in UTF-8, holds numbers or characters that are none, or is nested too deep.
    """
    try:
        # From bytes, `json` would guess at UTF-16 and let surrogates pass.
        value = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant, parse_float=_finite)
        if b"\\u" in body:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise invalid_request("Invalid request body: not valid JSON") from error
    if is_nested_too_deep(value):
        raise invalid_request("Invalid request body: nested too deep")
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is too large a number")
    return number


def is_nested_too_deep(value: Any) -> bool:
    """Whether arrays and objects stand in each other more deeply than requests may have them."""
    layer = [value]
    for _ in range(_DEEPEST):
        layer = [
            child
            for item in layer
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not layer:
            return False
    return True


def member(source: Mapping[str, Any], name: str, kind: type[_T], default: _T | _Absent = _REQUIRED) -> _T:
    """Return `source[name]`, which must be of that very type; a default also stands for `null`.

    Raises:
        ApiError: 400, naming the member.
    """
    value = source.get(name)
    if value is None:
        if isinstance(default, _Absent):
            raise invalid_request(f"{name} is required")
        return default
    return exactly(value, name, kind)


def optional(source: Mapping[str, Any], name: str, kind: type[_T]) -> _T | None:
    """Return `source[name]`, which must be of that type or absent or `null`.

    Raises:
        ApiError: 400, naming the member.
    """
    value = source.get(name)
    return None if value is None else exactly(value, name, kind)


def exactly(value: Any, name: str, kind: type[_T]) -> _T:
    """Return the value when it is of that very type: `True` is no number here, and text never passes for a list.

    Raises:
        ApiError: 400, naming what was expected.
    """
    if type(value) is not kind:
        raise invalid_request(f"{name} must be {_NAMES.get(kind, kind.__name__)}")
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        raise invalid_request(f"{name} is too long")
    return value


def objects(source: Mapping[str, Any], name: str, default: list[Any] | _Absent = _REQUIRED) -> list[dict[str, Any]]:
    """Return a member that is an array of objects."""
    return [exactly(item, f"each of {name}", dict) for item in member(source, name, list, default)]


def texts(source: Mapping[str, Any], name: str, default: list[Any] | _Absent = _REQUIRED) -> tuple[str, ...]:
    """Return a member that is an array of strings, each of them once, in their order."""
    values = [exactly(item, f"each of {name}", str) for item in member(source, name, list, default)]
    return tuple(dict.fromkeys(values))


def resource_key(source: Mapping[str, Any], name: str = "key") -> str:
    """Return a member that is a valid key: letters, digits, `.`, `_` and `-`, beginning with a letter or digit."""
    value = member(source, name, str)
    if not _KEY.fullmatch(value):
        raise invalid_request(
            f"{name} may hold letters, digits, '.', '_' and '-' only, and must begin with a letter or a digit"
        )
    return value


_NAMES = {
    bool: "true or false",
    int: "a whole number",
    str: "a string",
    list: "an array",
    dict: "an object",
}
