"""What SDKs of one environment are sent, one by one: flags and segments, and what is left of deleted ones."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.sdk_payload import sdk_flag, sdk_segment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opsctl.flagservice.model import Flag
    from opsctl.flagservice.segment_model import Segment
    from opsctl.flagservice.store import Store

Channel = tuple[str, str]
"""A project's and an environment's key."""


class Kind(StrEnum):
    """The kinds of object, as FDv2 names them."""

    FLAG = "flag"
    SEGMENT = "segment"


@dataclass(frozen=True, slots=True)
class SdkObject:
    """One flag or segment at one version. `body` is `None` when SDKs are not to have it (any more)."""

    kind: Kind
    key: str
    version: int
    body: dict[str, Any] | None


def flag_object(flag: Flag, environment: str, *, is_deleted: bool = False) -> SdkObject:
    """Return the flag as the SDKs of an environment have to know it."""
    config = flag.environments.get(environment)
    version = 0 if config is None else config.version
    return SdkObject(Kind.FLAG, flag.key, version, None if is_deleted else sdk_flag(flag, environment))


def segment_object(segment: Segment, *, is_deleted: bool = False) -> SdkObject:
    """Return the segment as the SDKs of its environment have to know it."""
    return SdkObject(Kind.SEGMENT, segment.key, segment.version, None if is_deleted else sdk_segment(segment))


def live_objects(store: Store, channel: Channel) -> Iterator[SdkObject]:
    """Yield everything that SDKs of an environment are to hold; segments first, since flags refer to them."""
    project, environment = channel
    yield from map(segment_object, store.segments.segments(project, environment).values())
    for flag in store.flags(project).values():
        found = flag_object(flag, environment)
        if found.body is not None:
            yield found


def find_object(store: Store, channel: Channel, kind: Kind, key: str) -> SdkObject | None:
    """Return one object as it is now, a deleted one without a body; `None` when there never was one."""
    project, environment = channel
    if kind is Kind.SEGMENT:
        segment = store.segments.segments(project, environment).get(key)
        if segment is not None:
            return segment_object(segment)
        gone = store.segments.deleted_segments(project, environment).get(key)
        return None if gone is None else segment_object(gone, is_deleted=True)
    flag = store.flags(project).get(key)
    if flag is not None:
        return flag_object(flag, environment)
    deleted = store.deleted_flags(project).get(key)
    return None if deleted is None else flag_object(deleted, environment, is_deleted=True)


def total_of_versions(store: Store, channel: Channel) -> int:
    """Return the sum of the versions of all objects, deleted ones too.

    Every change to what SDKs are sent raises one version and lowers none, so that the sum numbers the states of the
    environment, over restarts as well.
    """
    project, environment = channel
    flags = (*store.flags(project).values(), *store.deleted_flags(project).values())
    segments = (
        *store.segments.segments(project, environment).values(),
        *store.segments.deleted_segments(project, environment).values(),
    )
    of_flags = sum(flag.environments[environment].version for flag in flags if environment in flag.environments)
    return of_flags + sum(segment.version for segment in segments)
