"""Complete sets of flag data: read and checked, compared, merged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from ldclient.versioned_data_kind import FEATURES, SEGMENTS, VersionedDataKind

from opsctl.core.wire import exact

if TYPE_CHECKING:
    from collections.abc import Mapping

Item: TypeAlias = dict[str, Any]
"""One flag or segment, as the provider sent it."""

DataSet: TypeAlias = dict[VersionedDataKind, dict[str, Item]]
"""All flags and segments of an environment, by kind and key."""

_NAMES = {FEATURES: "flags", SEGMENTS: "segments"}


def data_set(document: Any) -> DataSet:
    """Return what `{"flags": {KEY: …}, "segments": {KEY: …}}` holds, as SDKs are sent it.

    Raises:
        ValueError: the SDK could not work with it. Nothing of it is in the message.
    """
    try:
        return {kind: dict(map(_checked, *_pairs(kind, document[name]))) for kind, name in _NAMES.items()}
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"not flag data ({type(error).__name__})") from None


def document_of(data: Mapping[VersionedDataKind, Mapping[str, Item]]) -> dict[str, Any]:
    """Return the object that `data_set` reads."""
    return {name: data.get(kind, {}) for kind, name in _NAMES.items()}


def is_gone(item: Item) -> bool:
    """Whether an item only says that it was deleted."""
    return item.get("deleted") is True


def is_of_one_line(one: Item, other: Item) -> bool:
    """Whether two items of one key are versions of the same thing.

    A flag that was deleted and made anew has another salt, and its versions say nothing about those before.
    """
    return None in {one.get("salt"), other.get("salt")} or one["salt"] == other["salt"]


def is_newer(item: Item, than: Item) -> bool:
    """Whether `item` is a later version of the same thing."""
    return is_of_one_line(item, than) and bool(item["version"] > than["version"])


def with_newer(data: DataSet, other: DataSet) -> DataSet:
    """Return `data` with each item that is newer in `other` taken from there."""

    def newest(kind: VersionedDataKind, key: str, item: Item) -> Item:
        there = other.get(kind, {}).get(key)
        return there if there is not None and is_newer(there, item) else item

    return {kind: {key: newest(kind, key, item) for key, item in items.items()} for kind, items in data.items()}


def without_deleted(data: DataSet) -> DataSet:
    """Return `data` without the items that only say that they were deleted."""
    return {kind: {key: item for key, item in items.items() if not is_gone(item)} for kind, items in data.items()}


def _pairs(kind: VersionedDataKind, items: Any) -> tuple[list[VersionedDataKind], list[str], list[Item]]:
    return [kind] * len(items), list(items.keys()), list(items.values())


def _checked(kind: VersionedDataKind, key: str, item: Item) -> tuple[str, Item]:
    if exact(item, dict).get("key", key) != key or exact(item["version"], int) < 0:
        raise ValueError(key)
    kind.decode(item)
    return key, {**item, "key": key}
