"""The open streams of SDKs: each has a bounded queue, and one that does not read is dropped, never waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gevent
from gevent.queue import Empty, Full, Queue

from opsctl.flagservice.sdk_payload import change_event, delete_event
from opsctl.flagservice.versions import changed_environments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opsctl.flagservice.store import FlagChange

_QUEUE_LIMIT = 256
_HEARTBEAT = b":\n\n"
_END = b""

Channel = tuple[str, str]
"""A project's and an environment's key."""


class Subscription:
    """One open stream: the events that wait to be written to it. It belongs to the greenlet that makes it."""

    def __init__(self, queue_limit: int) -> None:
        self._queue: Queue[bytes] = Queue(queue_limit)
        self._writer = gevent.getcurrent()
        self._is_over = False

    def events(self, heartbeat_s: float) -> Iterator[bytes]:
        """Yield events as they come, and a comment whenever none came for `heartbeat_s`, until the stream ends.

        What waits in the queue is yielded as one piece, so that a burst costs one write.
        """
        while not self._is_over:
            try:
                piece = [self._queue.get(timeout=heartbeat_s)]
            except Empty:
                piece = [_HEARTBEAT]
            while not self._queue.empty():
                piece.append(self._queue.get_nowait())
            if _END in piece:
                self._is_over = True
            yield b"".join(piece)

    def offer(self, event: bytes) -> bool:
        """Queue an event without waiting; `False` when the queue is full."""
        try:
            self._queue.put_nowait(event)
        except Full:
            return False
        return True

    def end(self) -> None:
        """Let the stream end after what is queued; at once when the queue is full."""
        if not self.offer(_END):
            self.drop()

    def drop(self) -> None:
        """End the stream at once, even in the middle of a write that its reader does not take."""
        self._is_over = True
        if isinstance(self._writer, gevent.Greenlet):
            self._writer.kill(block=False)


class Broadcaster:
    """Every open stream, by project and environment. All of it happens in one thread, and nothing in it waits."""

    def __init__(self, *, queue_limit: int = _QUEUE_LIMIT) -> None:
        self._queue_limit = queue_limit
        self._channels: dict[Channel, set[Subscription]] = {}
        self.dropped = 0

    def subscribe(self, channel: Channel) -> Subscription:
        """Open a stream, from the greenlet that will write it.

        Take the data it begins with in the same step: then no change falls between the two.
        """
        subscription = Subscription(self._queue_limit)
        self._channels.setdefault(channel, set()).add(subscription)
        return subscription

    def unsubscribe(self, channel: Channel, subscription: Subscription) -> None:
        """Forget a stream; one that is forgotten already does not matter."""
        self._channels.get(channel, set()).discard(subscription)

    def open_streams(self, channel: Channel) -> int:
        """Return how many streams are open."""
        return len(self._channels.get(channel, ()))

    def publish(self, change: FlagChange) -> None:
        """Queue a change for every stream that has to hear of it; drop the streams whose queues are full."""
        before = change.before
        environments = list(change.after.environments) if before is None else changed_environments(before, change.after)
        for environment in environments:
            channel = (change.project, environment)
            if self._channels.get(channel):
                self._send(channel, _event(change, environment))

    def close(self) -> None:
        """End every stream."""
        for subscriptions in self._channels.values():
            for subscription in list(subscriptions):
                subscription.end()

    def _send(self, channel: Channel, event: bytes) -> None:
        for subscription in list(self._channels[channel]):
            if not subscription.offer(event):
                self.dropped += 1
                self.unsubscribe(channel, subscription)
                subscription.drop()


def _event(change: FlagChange, environment: str) -> bytes:
    version = change.after.environments[environment].version
    if change.is_deleted:
        return delete_event(change.after.key, version)
    return change_event(change.after, environment, version)
