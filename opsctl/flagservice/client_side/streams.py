"""The open streams of client-side SDKs: each evaluates anew, in its own greenlet, when something has changed.

A stream waits for one bit, and so needs no queue: however slowly it is read, the next thing it sends is the newest.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event
from gevent.lock import BoundedSemaphore

from opsctl.flagservice.sdk_payload import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opsctl.flagservice.sdk_objects import Channel

Flags = dict[str, dict[str, Any]]
_HEARTBEAT = b":\n\n"
_LONGEST_WORK_S = 0.003
_PAUSE_S = 0.0005
_PING = b"event: ping\ndata: \n\n"


class ClientStreams:
    """Every open stream of a client-side SDK, by project and environment."""

    def __init__(self) -> None:
        self._open: dict[Channel, set[Event]] = {}
        self._is_closed = False
        self._turn = BoundedSemaphore()
        self._pause_ended_s = 0.0

    def changed(self, channel: Channel) -> None:
        """Have every stream of an environment look again."""
        for event in self._open.get(channel, ()):
            event.set()

    def open_streams(self, channel: Channel) -> int:
        """Return how many streams are open."""
        return len(self._open.get(channel, ()))

    def close(self) -> None:
        """Let every stream end."""
        self._is_closed = True
        for channel in self._open:
            self.changed(channel)

    def _take_turn(self) -> None:
        """Wait while other streams are at work, and let the event loop look at its sockets every few milliseconds.

        A sleep of 0 would not: gevent runs dozens of greenlets that are ready before it looks.
        """
        with self._turn:
            if time.monotonic() - self._pause_ended_s > _LONGEST_WORK_S:
                gevent.sleep(_PAUSE_S)
                self._pause_ended_s = time.monotonic()

    def wakes(self, channel: Channel, heartbeat_s: float) -> Iterator[bool]:
        """Yield `True` at first and whenever something has changed, `False` when nothing has for `heartbeat_s`."""
        event = Event()
        event.set()
        self._open.setdefault(channel, set()).add(event)
        try:
            while not self._is_closed:
                is_changed = event.wait(heartbeat_s)
                if is_changed:
                    self._take_turn()
                event.clear()
                if not self._is_closed:
                    yield is_changed
        finally:
            self._open[channel].discard(event)


def flag_events(wakes: Iterator[bool], evaluate: Callable[[], Flags | None]) -> Iterator[bytes]:
    """Yield a `put`, then a `patch` or `delete` for every flag that serves something else; end when there is nothing.

    Args:
        wakes: When to look.
        evaluate: Returns what each flag serves now; `None` when the stream has to end.
    """
    sent: Flags | None = None
    for is_changed in wakes:
        now = evaluate()
        if now is None:
            return
        if sent is None:
            yield b"event: put\ndata: " + to_json(now) + b"\n\n"
        else:
            events = b"".join(_differences(sent, now)) if is_changed else b""
            yield events or _HEARTBEAT
        sent = now


def ping_events(wakes: Iterator[bool], is_good: Callable[[], bool]) -> Iterator[bytes]:
    """Yield a `ping` at first and after every change, for SDKs that poll then; end when the credential is not good."""
    for is_changed in wakes:
        if not is_good():
            return
        yield _PING if is_changed else _HEARTBEAT


def _differences(before: Flags, after: Flags) -> Iterator[bytes]:
    for key, flag in after.items():
        if key not in before or not _is_same(before[key], flag):
            yield b"event: patch\ndata: " + to_json({"key": key, **flag}) + b"\n\n"
    # All that is evaluated at once has one version; one that comes again later has a higher one.
    version = next((flag["version"] for flag in after.values()), None)
    for key in before.keys() - after.keys():
        yield (
            b"event: delete\ndata: " + to_json({"key": key, "version": version or before[key]["version"] + 1}) + b"\n\n"
        )


def _is_same(before: dict[str, Any], after: dict[str, Any]) -> bool:
    # repr tells apart what == does not: True and 1, 1 and 1.0
    return repr({**before, "version": 0}) == repr({**after, "version": 0})
