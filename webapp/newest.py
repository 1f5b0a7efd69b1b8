"""The newest version of each flag and segment that a process ever held: what everything else is measured by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webapp.datasets import is_gone, is_newer, is_of_one_line

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from ldclient.versioned_data_kind import VersionedDataKind

    from webapp.datasets import Item


class Newest:
    """Remembers the newest item of each kind and key, also of those that are not held any more."""

    def __init__(self) -> None:
        self._items: dict[tuple[str, str], Item] = {}

    def note(self, kind: VersionedDataKind, item: Item) -> None:
        """Take note that an item is held from now on, or is deleted."""
        self._items[kind.namespace, item["key"]] = item

    def note_all(self, kind: VersionedDataKind, items: Mapping[str, Item]) -> None:
        """Take note that items are held from now on."""
        self._items.update({(kind.namespace, key): item for key, item in items.items()})

    def of(self, kind: VersionedDataKind, key: str) -> Item | None:
        """Return the newest item with that key."""
        return self._items.get((kind.namespace, key))

    def gone(self, kind: VersionedDataKind, held: Container[str]) -> dict[str, Item]:
        """Return what there is to know of the items that are not held any more, as SDKs note deletions, by key."""
        return {
            key: item if is_gone(item) else {"key": key, "version": item["version"], "deleted": True, **_salt(item)}
            for (name, key), item in list(self._items.items())
            if name == kind.namespace and key not in held
        }

    def is_newer(self, kind: VersionedDataKind, item: Item) -> bool:
        """Whether an item is a later version of the newest, or the first of its key."""
        newest = self.of(kind, item["key"])
        return newest is None or is_newer(item, newest)

    def is_current(self, kind: VersionedDataKind, item: Item) -> bool:
        """Whether an item is the newest version, or a later one."""
        newest = self.of(kind, item["key"])
        return newest is None or (is_of_one_line(item, newest) and item["version"] >= newest["version"])

    def is_older(self, kind: VersionedDataKind, item: Item) -> bool:
        """Whether an item is an earlier version of the newest."""
        newest = self.of(kind, item["key"])
        return newest is not None and is_newer(newest, item)

    def is_another(self, kind: VersionedDataKind, item: Item) -> bool:
        """Whether an item only shares its key with the newest."""
        newest = self.of(kind, item["key"])
        return newest is not None and not is_of_one_line(item, newest)


def _salt(item: Item) -> Item:
    return {"salt": item["salt"]} if "salt" in item else {}
