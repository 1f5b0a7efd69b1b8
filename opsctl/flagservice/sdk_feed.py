"""What the SDKs of each environment are sent: all of it at first, then every change, in the protocol each speaks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsctl.flagservice import fdv2
from opsctl.flagservice.fdv1 import object_event, put_event
from opsctl.flagservice.payload_filters import selected_keys
from opsctl.flagservice.payload_log import PayloadLog
from opsctl.flagservice.sdk_objects import (
    Kind,
    find_object,
    flag_object,
    live_objects,
    segment_object,
    total_of_versions,
)
from opsctl.flagservice.sdk_payload import all_data
from opsctl.flagservice.segment_store import SegmentChange
from opsctl.flagservice.versions import changed_environments

if TYPE_CHECKING:
    from collections.abc import Hashable

    from opsctl.flagservice.sdk_objects import Channel, SdkObject
    from opsctl.flagservice.store import FlagChange, Store
    from opsctl.flagservice.streams import Broadcaster

_Keys = frozenset[str] | None
_CACHE_LIMIT = 32
_SELECTIONS_LIMIT = 256


@dataclass(frozen=True, slots=True)
class Audience:
    """The server-side SDKs of one environment that are sent the same: by protocol and payload filter."""

    is_fdv2: bool
    filter_key: str | None = None


class SdkFeed:
    """The data of every environment as its SDKs are sent them, from the store that is given.

    One thread uses it, and nothing in it waits. What is sent to many is made once.
    """

    def __init__(self, store: Store, broadcaster: Broadcaster) -> None:
        self._store = store
        self._broadcaster = broadcaster
        self._log = PayloadLog()
        self._selections: dict[tuple[str, Audience], _Keys] = {}
        self._cache: dict[tuple[str, Audience], tuple[fdv2.Selector, bytes]] = {}
        for project in store.projects():
            for environment in project.environments:
                self._version((project.key, environment.key))

    def everything(self, channel: Channel, filter_key: str | None = None) -> bytes:
        """Return all data as FDv1 has them."""
        return self._cached(channel, Audience(is_fdv2=False, filter_key=filter_key))

    def poll(self, channel: Channel, filter_key: str | None, basis: str | None) -> tuple[bytes, fdv2.Selector]:
        """Return the answer to an FDv2 poll, and the state that the SDK has after it."""
        audience = Audience(is_fdv2=True, filter_key=filter_key)
        return fdv2.as_poll(self._transfer(channel, audience, basis)), self.selector(channel, audience)

    def first(self, channel: Channel, audience: Audience, basis: str | None = None) -> bytes:
        """Return what a stream begins with."""
        if audience.filter_key is not None:
            if len(self._selections) >= _SELECTIONS_LIMIT:
                # An open stream whose selection is forgotten is sent everything at the next change: that is all.
                self._selections.clear()
            self._selections[self._environment_id(channel), audience] = self._selection(channel, audience)
        if not audience.is_fdv2:
            return put_event(self._cached(channel, audience))
        if basis is None:
            return self._cached(channel, audience)
        return fdv2.as_sse(self._transfer(channel, audience, basis))

    def selector(self, channel: Channel, audience: Audience) -> fdv2.Selector:
        """Return the name of the present state: no two environments, filters or databases share one."""
        keys = self._selection(channel, audience)
        parts = [self._store.project(channel[0]).id, self._environment_id(channel)]
        if keys is not None:
            parts += [audience.filter_key or "", *sorted(keys)]
        return fdv2.Selector(hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16], self._version(channel))

    def on_change(self, change: FlagChange | SegmentChange) -> None:
        """Tell every open stream that has to hear of a change; it is called once the change is on disk."""
        if isinstance(change, SegmentChange):
            item = segment_object(change.after, is_deleted=change.is_deleted)
            self._tell((change.project, change.environment), item)
            return
        changed = frozenset(
            change.after.environments if change.before is None else changed_environments(change.before, change.after)
        )
        for environment in change.after.environments:
            channel = (change.project, environment)
            item = flag_object(change.after, environment, is_deleted=change.is_deleted)
            self._tell(channel, item if environment in changed else None)

    def _tell(self, channel: Channel, item: SdkObject | None) -> None:
        """Tell the streams of one environment; without an object, those whose filter selects differently now."""
        if self._store.project(channel[0]).environment(channel[1]) is None:
            return
        if item is not None:
            version = total_of_versions(self._store, channel)
            self._log.record(self._environment_id(channel), item.kind, item.key, version)
        self._broadcaster.publish(channel, lambda audience: self._event(channel, audience, item))

    def _event(self, channel: Channel, audience: Hashable, item: SdkObject | None) -> bytes:
        if not isinstance(audience, Audience):
            return b""
        if audience.filter_key is not None:
            selection = self._selection(channel, audience)
            if selection != self._selections.get((self._environment_id(channel), audience)):
                return self.first(channel, audience)
            if item is not None and item.kind is Kind.FLAG and selection is not None and item.key not in selection:
                return b""
        if item is None:
            return b""
        if audience.is_fdv2:
            return fdv2.as_sse(fdv2.changes(self.selector(channel, audience), [item]))
        return object_event(item)

    def _transfer(self, channel: Channel, audience: Audience, basis: str | None) -> list[fdv2.Event]:
        """Return the events for an SDK that holds the state `basis`, or nothing."""
        target = self.selector(channel, audience)
        held = None if basis is None else fdv2.Selector.parse(basis)
        if held == target:
            return fdv2.nothing_new(target)
        if held is not None and held.payload_id == target.payload_id and audience.filter_key is None:
            missed = self._log.changed_since(self._environment_id(channel), held.version)
            if missed is not None:
                found = (find_object(self._store, channel, kind, key) for kind, key in missed)
                return fdv2.changes(target, (item for item in found if item is not None))
        keys = self._selection(channel, audience)
        objects = (
            item
            for item in live_objects(self._store, channel)
            if keys is None or item.kind is not Kind.FLAG or item.key in keys
        )
        return fdv2.full_transfer(target, objects, "cant-catchup" if basis else "payload-missing")

    def _cached(self, channel: Channel, audience: Audience) -> bytes:
        """Return all data, in the bytes made last when nothing has changed since; many SDKs connect at once."""
        identity, state = (self._environment_id(channel), audience), self.selector(channel, audience)
        made, data = self._cache.get(identity, (None, b""))
        if made != state:
            data = self._whole(channel, audience)
            if len(self._cache) >= _CACHE_LIMIT:
                self._cache.clear()
            self._cache[identity] = (state, data)
        return data

    def _whole(self, channel: Channel, audience: Audience) -> bytes:
        if audience.is_fdv2:
            return fdv2.as_sse(self._transfer(channel, audience, None))
        keys = self._selection(channel, audience)
        flags = (flag for key, flag in self._store.flags(channel[0]).items() if keys is None or key in keys)
        return all_data(flags, channel[1], self._store.segments.segments(*channel).values())

    def _selection(self, channel: Channel, audience: Audience) -> _Keys:
        if audience.filter_key is None:
            return None
        return selected_keys(self._store.flags(channel[0]), channel[1], audience.filter_key)

    def _version(self, channel: Channel) -> int:
        return self._log.version(self._environment_id(channel), lambda: total_of_versions(self._store, channel))

    def _environment_id(self, channel: Channel) -> str:
        return self._store.environment(*channel).id
