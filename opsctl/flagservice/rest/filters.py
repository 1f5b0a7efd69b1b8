"""What lists share: `filter=field:value,…` and `sort=a,-b`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from opsctl.flagservice.api_errors import invalid_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

_Item = TypeVar("_Item")


def filter_fields(text: str | None, supported: Iterable[str]) -> dict[str, str]:
    """Split `a:1,b:{"x":2}` at the commas outside of braces.

    A part without a colon belongs to the value before it, as in `filterEnv:test,production`.

    Raises:
        ApiError: 400, it does not read so, or names a field that is not supported.
    """
    fields: dict[str, str] = {}
    name = ""
    for part in _parts(text or ""):
        head, colon, value = part.partition(":")
        if colon and "{" not in head:
            name = head.strip()
            if name not in supported:
                raise invalid_request(f"the filter {name!r} is not supported")
            fields[name] = value
        elif name:
            fields[name] += f",{part}"
        else:
            raise invalid_request("a filter reads field:value")
    return fields


def one_of(name: str, value: str | None, allowed: Iterable[str]) -> str | None:
    """Return the value of a filter that has a closed set of them.

    Raises:
        ApiError: 400, it is none of them.
    """
    if value is not None and value not in allowed:
        raise invalid_request(f"{name} must be one of {', '.join(sorted(allowed))}")
    return value


def is_true(name: str, value: str | None) -> bool | None:
    """Return the value of a filter that is true or false; `None` when it is not given.

    Raises:
        ApiError: 400, it is neither.
    """
    return None if value is None else one_of(name, value.lower(), ("true", "false")) == "true"


def plus_separated(value: str | None) -> frozenset[str]:
    """Return the parts of `a+b`."""
    return frozenset((value or "").split("+")) - {""}


def in_order(
    items: Iterable[_Item], sort: str | None, keys: Mapping[str, Callable[[_Item], Any]], *, default: str
) -> list[_Item]:
    """Return the items in the order of `a,-b`: by `a`, and where that is equal by `b`, the greatest first.

    Raises:
        ApiError: 400, there is no such order.
    """
    ordered = list(items)
    for name in reversed((sort or default).split(",")):
        key = keys.get(name.strip().removeprefix("-"))
        if key is None:
            raise invalid_request(f"these cannot be sorted by {name!r}")
        ordered.sort(key=key, reverse=name.strip().startswith("-"))
    return ordered


def _parts(text: str) -> Iterator[str]:
    depth, begin = 0, 0
    for position, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if character == "," and depth <= 0:
            yield text[begin:position]
            begin = position + 1
    if text[begin:]:
        yield text[begin:]
