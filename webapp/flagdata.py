"""The flag data an SDK client holds, made observable through the SDK's own `feature_store` seam."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ldclient.feature_store import InMemoryFeatureStore
from ldclient.interfaces import FeatureStore
from ldclient.versioned_data_kind import FEATURES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ldclient.versioned_data_kind import VersionedDataKind

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FlagData:
    """What matters of a flag's data besides its evaluation.

    Attributes:
        version: The version of the flag's configuration, which the provider only ever raises.
        depends_on_visitor: Whether two visitors may get different variations.
    """

    version: int
    depends_on_visitor: bool


class ObservedStore(FeatureStore):
    """The SDK's in-memory store, which tells about every write and never goes back to an older version.

    `listen` sets who is told; that callable runs on the SDK's stream thread and must not block. It gets the key of the
    flag that was written, or `None` when everything was.

    `writing` is held while something is written: whoever holds it evaluates by the very data that `flag` tells of.

    An item older than one that was held before loses, also in a complete data set: a provider that came back with
    older data does not undo a kill. It is logged, and counted in `ignored`.
    """

    def __init__(self) -> None:
        self._items = InMemoryFeatureStore()
        self._newest: dict[tuple[str, str], int] = {}
        self._flags: dict[str, FlagData] = {}
        self._is_initialized = False
        self.ignored = 0
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

    def init(self, all_data: Mapping[VersionedDataKind, Mapping[str, Any]]) -> None:
        """Replace all data (SDK)."""
        with self.writing:
            kept = {kind: self._without_older(kind, items) for kind, items in all_data.items()}
            self._items.init(kept)
            flags = kept.get(FEATURES, {})
            self._flags = {key: _flag_data(item) for key, item in flags.items() if not item.get("deleted")}
            self._is_initialized = True
        self._listener(None)

    def upsert(self, kind: VersionedDataKind, item: Any) -> None:
        """Write one item, if it is newer (SDK)."""
        with self.writing:
            if self._is_newer(kind, item["key"], item["version"]):
                self._items.upsert(kind, item)
                self._note(kind, item["key"], item["version"])
                if kind is FEATURES:
                    self._flags[item["key"]] = _flag_data(item)
        if kind is FEATURES:
            self._listener(item["key"])

    def delete(self, kind: VersionedDataKind, key: str, version: int) -> None:
        """Delete one item, if the deletion is newer (SDK)."""
        with self.writing:
            if self._is_newer(kind, key, version):
                self._items.delete(kind, key, version)
                self._note(kind, key, version)
                if kind is FEATURES:
                    self._flags.pop(key, None)
        if kind is FEATURES:
            self._listener(key)

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

    def _without_older(self, kind: VersionedDataKind, items: Mapping[str, Any]) -> dict[str, Any]:
        kept = {}
        for key, item in items.items():
            newest = self._newest_of(kind, key)
            if item["version"] >= newest:
                self._note(kind, key, item["version"])
                kept[key] = item
                continue
            self._ignore(key, item["version"], newest)
            held = self._items.get(kind, key)
            if held is not None:
                kept[key] = kind.encode(held)
        return kept

    def _is_newer(self, kind: VersionedDataKind, key: str, version: int) -> bool:
        newest = self._newest_of(kind, key)
        if version < newest:
            self._ignore(key, version, newest)
        return version > newest

    def _ignore(self, key: str, version: int, newest: int) -> None:
        self.ignored += 1
        _log.error(
            "ignoring version %d of %s: had version %d before; a provider that was put back in time is followed again"
            " after a restart of the feed",
            version, key, newest,
        )  # fmt: skip

    def _note(self, kind: VersionedDataKind, key: str, version: int) -> None:
        self._newest[kind.namespace, key] = max(version, self._newest_of(kind, key))

    def _newest_of(self, kind: VersionedDataKind, key: str) -> int:
        return self._newest.get((kind.namespace, key), -1)


def _flag_data(flag: Mapping[str, Any]) -> FlagData:
    return FlagData(version=flag["version"], depends_on_visitor=_depends_on_visitor(flag))


def _depends_on_visitor(flag: Mapping[str, Any]) -> bool:
    if not flag.get("on"):
        return False
    if flag.get("prerequisites") or flag.get("rules") or "rollout" in (flag.get("fallthrough") or {}):
        return True
    targets = [*(flag.get("targets") or []), *(flag.get("contextTargets") or [])]
    return any(target.get("values") for target in targets)


def _nobody(_key: str | None) -> None:
    """Stand in until somebody listens."""
