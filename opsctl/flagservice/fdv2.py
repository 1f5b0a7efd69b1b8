"""The second protocol of LaunchDarkly's SDKs (FDv2): its events, and the selectors that name a state of the data.

An SDK that holds a state sends its selector back as `basis`, and is sent what changed since. Events are written as SSE
on `/sdk/stream`, and as one JSON object on `/sdk/poll`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.sdk_payload import to_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opsctl.flagservice.sdk_objects import SdkObject

_SELECTOR = re.compile(r"\(p:([0-9a-f]{1,64}):([0-9]{1,18})\)")


@dataclass(frozen=True, slots=True)
class Selector:
    """A state of the data: which payload, at which version. SDKs take its text for opaque."""

    payload_id: str
    version: int

    @classmethod
    def parse(cls, text: str) -> Selector | None:
        """Read what an SDK sent as `basis`; `None` when it is not of this service."""
        match = _SELECTOR.fullmatch(text)
        return None if match is None else cls(match[1], int(match[2]))

    def __str__(self) -> str:
        return f"(p:{self.payload_id}:{self.version})"


@dataclass(frozen=True, slots=True)
class Event:
    """One event, with its JSON data."""

    name: str
    data: dict[str, Any]


HEARTBEAT = Event("heart-beat", {})
GOODBYE = Event("goodbye", {"reason": "the flag service stops"})


def full_transfer(target: Selector, objects: Iterable[SdkObject], reason: str) -> list[Event]:
    """Return the events that replace all an SDK holds."""
    return [_intent(target, "xfer-full", reason), *map(_object, objects), _transferred(target)]


def changes(target: Selector, objects: Iterable[SdkObject]) -> list[Event]:
    """Return the events that bring an SDK from an earlier state to `target`."""
    return [_intent(target, "xfer-changes", "stale"), *map(_object, objects), _transferred(target)]


def nothing_new(target: Selector) -> list[Event]:
    """Return the event for an SDK that holds `target` already."""
    return [_intent(target, "none", "up-to-date")]


def as_sse(events: Iterable[Event]) -> bytes:
    """Return the events as a stream carries them."""
    return b"".join(b"event: %s\ndata: %s\n\n" % (one.name.encode(), to_json(one.data)) for one in events)


def as_poll(events: Iterable[Event]) -> bytes:
    """Return the events as a poll is answered with them."""
    return to_json({"events": [{"event": one.name, "data": one.data} for one in events]})


def _intent(target: Selector, code: str, reason: str) -> Event:
    payload = {"id": target.payload_id, "target": target.version, "intentCode": code, "reason": reason}
    return Event("server-intent", {"payloads": [payload]})


def _object(item: SdkObject) -> Event:
    named = {"version": item.version, "kind": item.kind.value, "key": item.key}
    return Event("delete-object", named) if item.body is None else Event("put-object", {**named, "object": item.body})


def _transferred(target: Selector) -> Event:
    return Event("payload-transferred", {"state": str(target), "version": target.version})
