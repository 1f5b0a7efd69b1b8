"""Which segments a list shows, and in which order."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from opsctl.flagservice.api_errors import invalid_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from opsctl.flagservice.segment_model import Segment

_CONDITION = re.compile(r"\s*(\w+)(?:\s+(equals|anyOf|exists)\s+|:)(\[[^\]]*\]|\"[^\"]*\"|[^,]*)\s*(?:,|$)")


def select_segments(segments: Iterable[Segment], text: str | None) -> list[Segment]:
    """Return the segments that a `filter` describes: conditions with commas between them, all of which must hold.

    Raises:
        ApiError: 400, it cannot be read, or names a field that is not supported.
    """
    found = list(segments)
    for name, values in _conditions(text or ""):
        found = [segment for segment in found if _holds(segment, name, values)]
    return found


def sorted_segments(segments: Sequence[Segment], sort: str | None) -> list[Segment]:
    """Return the segments in an order of several fields, the first of which counts most; by default the newest first.

    Raises:
        ApiError: 400, there is no such field.
    """
    ordered = sorted(segments, key=lambda segment: segment.key)
    for field in reversed((sort or "-creationDate").split(",")):
        key = _SORT_KEYS.get(field.strip().removeprefix("-"))
        if key is None:
            raise invalid_request(f"segments cannot be sorted by {field!r}")
        ordered.sort(key=key, reverse=field.strip().startswith("-"))
    return ordered


def _conditions(text: str) -> Iterable[tuple[str, list[str]]]:
    place = 0
    while place < len(text):
        match = _CONDITION.match(text, place)
        if match is None:
            raise invalid_request("a filter reads: field operator value, with commas between several")
        yield match[1], _values(match[3].strip())
        place = match.end()


def _values(text: str) -> list[str]:
    if not text.startswith(("[", '"')):
        return text.split("+") if "+" in text else [text]
    try:
        value = json.loads(text)
    except ValueError as error:
        raise invalid_request(f"{text} in the filter is not JSON") from error
    return [str(one) for one in (value if isinstance(value, list) else [value])]


def _holds(segment: Segment, name: str, values: list[str]) -> bool:
    match name:
        case "query":
            searched = f"{segment.key}\n{segment.name}\n{segment.description or ''}".lower()
            return all(value.lower() in searched for value in values)
        case "tags":
            return bool(set(values) & set(segment.tags))
        case "includedKeys" | "keys":
            return segment.key in values
        case "excludedKeys":
            return segment.key not in values
        case "unbounded" | "external":
            # There are no big segments and no synced ones here.
            return values == ["false"]
        case _:
            raise invalid_request(f"the filter {name!r} is not supported")


_SORT_KEYS: dict[str, Callable[[Segment], int | str]] = {
    "creationDate": lambda segment: segment.created_ms,
    "lastModified": lambda segment: segment.modified_ms,
    "name": lambda segment: segment.name.lower(),
    "key": lambda segment: segment.key,
}
