"""The flag data an SDK client holds, made observable through the SDK's own `feature_store` seam."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ldclient.feature_store import InMemoryFeatureStore
from ldclient.interfaces import FeatureStore
from ldclient.versioned_data_kind import FEATURES, SEGMENTS

from webapp.datasets import is_gone, without_deleted
from webapp.newest import Newest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ldclient.versioned_data_kind import VersionedDataKind

    from webapp.datasets import DataSet, Item

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FlagData:
    """What matters of a flag's data besides its evaluation.

    Attributes:
        version: The version of the flag's configuration, which the provider only ever raises.
        depends_on_visitor: Whether two visitors may get different variations.
        salt: Tells it from another flag of the same key, before or after it; `None`: not known.
    """

    version: int
    depends_on_visitor: bool
    salt: str | None = None


class ObservedStore(FeatureStore):
    """The SDK's in-memory store, which tells about every write and never goes back to an older version.

    The SDK writes what its stream brings; `fetched` takes what was asked for beside it, and `load` what was known
    before the process began. `listen` sets who is told of each write; that callable runs on the writer's thread and
    must not block. It gets the key of the flag that was written, or `None` when everything was.

    `writing` is held while something is written: whoever holds it evaluates by the very data that `flag` tells of.

    An item older than one that was held before loses, also in a complete data set: a provider that came back with
    older data does not undo a kill. It is logged, and counted in `ignored`. A flag that the stream brings with another
    salt was deleted and made anew, and is followed whatever its version.

    `changes` rises with whatever was written.
    """

    def __init__(self) -> None:
        self._items = InMemoryFeatureStore()
        self._newest = Newest()
        self._unheard: frozenset[tuple[str, str]] = frozenset()
        self._flags: dict[str, FlagData] = {}
        self._is_initialized = False
        self.ignored = 0
        self.changes = 0
        self.writing = threading.Lock()
        self._listener: Callable[[str | None], None] = _nobody

    def listen(self, listener: Callable[[str | None], None]) -> None:
        """Tell `listener` about every write from now on."""
        self._listener = listener

    def resume(self) -> None:
        """Begin again in a process that was forked off; what was being written at that moment is dropped."""
        if self.writing.locked():
            self.writing = threading.Lock()
            self._items, self._flags, self._is_initialized = InMemoryFeatureStore(), {}, False

    def flag(self, key: str) -> FlagData | None:
        """Return what is held of a flag; `None` when there is none such.

        It takes none of the SDK's locks: under gevent each of them lets every other greenlet run first.
        """
        return self._flags.get(key)

    def flag_keys(self) -> tuple[str, ...]:
        """Return the keys of all flags that are held."""
        return tuple(self._flags)

    def is_deaf(self, key: str) -> bool:
        """Whether what is held of a flag was fetched, and the stream has brought nothing as new."""
        return (FEATURES.namespace, key) in self._unheard

    @property
    def has_unheard(self) -> bool:
        """Whether anything is held that was fetched, and that the stream has not brought."""
        return bool(self._unheard)

    def load(self, data: DataSet) -> None:
        """Hold what was known before; call it before the client is started."""
        with self.writing:
            self._replace_all(data)

    def fetched(self, data: DataSet) -> bool:
        """Take what is newer in a complete data set that was asked for; return whether anything was.

        What asks may be answered by a server that lags behind the stream. So nothing that is held is dropped unless
        all the rest is as new, and a flag that seems to be another one of that key is left to the stream.
        """
        with self.writing:
            items = [(kind, item) for kind, of_kind in data.items() for item in of_kind.values()]
            newer = [(kind, item) for kind, item in items if self._newest.is_newer(kind, item)]
            if not newer and self._is_initialized:
                return False
            if all(self._newest.is_current(kind, item) for kind, item in items):
                self._replace_all(data)
            else:
                for kind, item in newer:
                    self._put(kind, item)
            self._unheard |= {(kind.namespace, item["key"]) for kind, item in newer}
        self._listener(None)
        return True

    def is_replaced(self, key: str, data: DataSet) -> bool:
        """Whether a data set that was asked for has not the flag that is held, but none or another of that key."""
        item = data[FEATURES].get(key)
        return self.flag(key) is not None and (item is None or self._newest.is_another(FEATURES, item))

    def snapshot(self) -> DataSet:
        """Return everything that is held, as it was sent, and that what is not held any more is deleted."""
        with self.writing:
            held = {kind: self._encoded(kind) for kind in (FEATURES, SEGMENTS)}
            return {kind: items | self._newest.gone(kind, items) for kind, items in held.items()}

    def init(self, all_data: Mapping[VersionedDataKind, Mapping[str, Any]]) -> None:
        """Replace all data (SDK)."""
        with self.writing:
            self._replace_all({kind: self._without_older(kind, items) for kind, items in all_data.items()})
            for kind, items in all_data.items():
                self._hear(kind, items, [key for name, key in self._unheard if name == kind.namespace])
        self._listener(None)

    def upsert(self, kind: VersionedDataKind, item: Any) -> None:
        """Write one item, if it is newer (SDK)."""
        self._write(kind, item)

    def delete(self, kind: VersionedDataKind, key: str, version: int) -> None:
        """Delete one item, if the deletion is newer (SDK)."""
        newest = self._newest.of(kind, key) or {}
        self._write(kind, {"key": key, "version": version, "deleted": True, "salt": newest.get("salt")})

    def get(self, kind: VersionedDataKind, key: str, callback: Callable[[Any], Any] = lambda item: item) -> Any:
        """Return one item through `callback` (SDK)."""
        return self._items.get(kind, key, callback)

    def all(self, kind: VersionedDataKind, callback: Callable[[Any], Any] = lambda items: items) -> Any:
        """Return all items of a kind through `callback` (SDK)."""
        return self._items.all(kind, callback)

    @property
    def initialized(self) -> bool:
        """Whether there was a complete data set (SDK)."""
        return self._is_initialized

    def _write(self, kind: VersionedDataKind, item: Item) -> None:
        with self.writing:
            if self._newest.is_newer(kind, item) or self._newest.is_another(kind, item):
                self._put(kind, item)
            elif self._newest.is_older(kind, item):
                self._ignore(kind, [item])
            self._hear(kind, {item["key"]: item}, [item["key"]])
        if kind is FEATURES:
            self._listener(item["key"])

    def _put(self, kind: VersionedDataKind, item: Item) -> None:
        key = item["key"]
        kind.decode(item)
        if self._newest.is_another(kind, item):
            # the SDK's store would compare its version with that of the one before
            rest: DataSet = {one: self._encoded(one) for one in (FEATURES, SEGMENTS)}
            rest[kind].pop(key, None)
            self._items.init(rest)
        if is_gone(item):
            self._items.delete(kind, key, item["version"])
        else:
            self._items.upsert(kind, item)
        if kind is FEATURES:
            self._flags.pop(key, None) if is_gone(item) else self._flags.update({key: _flag_data(item)})
        self._newest.note(kind, item)
        self.changes += 1

    def _replace_all(self, data: DataSet) -> None:
        there = without_deleted(data)
        self._items.init(there)
        for kind, items in data.items():
            self._newest.note_all(kind, items)
        self._flags = {key: _flag_data(item) for key, item in there.get(FEATURES, {}).items()}
        self._is_initialized = True
        self.changes += 1

    def _without_older(self, kind: VersionedDataKind, items: Mapping[str, Item]) -> dict[str, Item]:
        older = {key: item for key, item in items.items() if self._newest.is_older(kind, item)}
        if not older:
            return dict(items)
        self._ignore(kind, list(older.values()))
        held = self._encoded(kind)
        return {
            key: held[key] if key in older else item for key, item in items.items() if key not in older or key in held
        }

    def _hear(self, kind: VersionedDataKind, items: Mapping[str, Item], keys: Iterable[str]) -> None:
        """Note what the stream brought: of each of those keys what is there, or that there is nothing."""
        heard = {key for key in keys if key not in items or self._newest.is_current(kind, items[key])}
        self._unheard -= {(kind.namespace, key) for key in heard}

    def _encoded(self, kind: VersionedDataKind) -> dict[str, Item]:
        return {key: kind.encode(item) for key, item in self._items.all(kind, dict).items()}

    def _ignore(self, kind: VersionedDataKind, items: list[Item]) -> None:
        """Tell of older items; not of those which the stream merely brings later than they were fetched."""
        known = [item for item in items if (kind.namespace, item["key"]) not in self._unheard]
        if not known:
            return
        self.ignored += len(known)
        first, more = known[0], f" (and {len(known) - 1} more like it)" if len(known) > 1 else ""
        newest = self._newest.of(kind, first["key"]) or first
        _log.error(
            "ignoring version %d of %s%s: had version %d before; to follow a provider that was put back in time,"
            " stop the feed, remove last-known-*.json from its data directory, and start it again",
            first["version"], first["key"], more, newest["version"],
        )  # fmt: skip


def _flag_data(flag: Item) -> FlagData:
    return FlagData(flag["version"], depends_on_visitor=_depends_on_visitor(flag), salt=flag.get("salt"))


def _depends_on_visitor(flag: Mapping[str, Any]) -> bool:
    if not flag.get("on"):
        return False
    if flag.get("prerequisites") or flag.get("rules") or "rollout" in (flag.get("fallthrough") or {}):
        return True
    targets = [*(flag.get("targets") or []), *(flag.get("contextTargets") or [])]
    return any(target.get("values") for target in targets)


def _nobody(_key: str | None) -> None:
    """Stand in until somebody listens."""
