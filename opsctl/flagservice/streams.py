"""The open streams of SDKs: each has a bounded queue, and one that does not read is dropped, never waited for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import gevent
from gevent.queue import Empty, Full, Queue

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from opsctl.flagservice.sdk_objects import Channel

_QUEUE_LIMIT = 256
_BYTES_LIMIT = 16 * 1024 * 1024
_END = b""


@dataclass(frozen=True, slots=True)
class Signals:
    """What a stream says besides events: `heartbeat` when it is silent, `farewell` before it ends in good order."""

    heartbeat: bytes = b":\n\n"
    farewell: bytes = b""


class Subscription:
    """One open stream: the events that wait to be written to it. It belongs to the greenlet that makes it."""

    def __init__(
        self, queue_limit: int = _QUEUE_LIMIT, bytes_limit: int = _BYTES_LIMIT, signals: Signals | None = None
    ) -> None:
        self._queue: Queue[bytes] = Queue(queue_limit)
        self._bytes_limit = bytes_limit
        self._waiting_bytes = 0
        self._signals = signals or Signals()
        self._writer = gevent.getcurrent()
        self._is_over = False

    def events(self, heartbeat_s: float) -> Iterator[bytes]:
        """Yield events as they come, and a heartbeat whenever none came for `heartbeat_s`, until the stream ends.

        What waits in the queue is yielded as one piece, so that a burst costs one write.
        """
        while not self._is_over:
            try:
                piece = [self._queue.get(timeout=heartbeat_s)]
            except Empty:
                piece = [self._signals.heartbeat]
            while not self._queue.empty():
                piece.append(self._queue.get_nowait())
            self._waiting_bytes = 0
            if _END in piece:
                self._is_over = True
            yield b"".join(piece)

    def offer(self, event: bytes) -> bool:
        """Queue an event without waiting; `False` when too many wait already, or too much."""
        if self._waiting_bytes and self._waiting_bytes + len(event) > self._bytes_limit:
            return False
        try:
            self._queue.put_nowait(event)
        except Full:
            return False
        self._waiting_bytes += len(event)
        return True

    def end(self) -> None:
        """Let the stream end after what is queued; at once when the queue is full."""
        if self._signals.farewell:
            self.offer(self._signals.farewell)
        if not self.offer(_END):
            self.drop()

    def drop(self) -> None:
        """End the stream at once, even in the middle of a write that its reader does not take."""
        self._is_over = True
        if isinstance(self._writer, gevent.Greenlet):
            self._writer.kill(block=False)


class Broadcaster:
    """Every open stream, by project and environment. All of it happens in one thread, and nothing in it waits.

    The streams of a channel that are sent the same bytes are one audience: what names it is up to the caller.
    """

    def __init__(self, *, queue_limit: int = _QUEUE_LIMIT, bytes_limit: int = _BYTES_LIMIT) -> None:
        self._limits = (queue_limit, bytes_limit)
        self._channels: dict[Channel, dict[Hashable, set[Subscription]]] = {}
        self.dropped = 0

    def subscribe(self, channel: Channel, audience: Hashable = None, signals: Signals | None = None) -> Subscription:
        """Open a stream, from the greenlet that will write it.

        Take the data it begins with in the same step: then no change falls between the two.
        """
        subscription = Subscription(*self._limits, signals)
        self._channels.setdefault(channel, {}).setdefault(audience, set()).add(subscription)
        return subscription

    def unsubscribe(self, channel: Channel, subscription: Subscription) -> None:
        """Forget a stream; one that is forgotten already does not matter."""
        audiences = self._channels.get(channel, {})
        for audience, subscriptions in list(audiences.items()):
            subscriptions.discard(subscription)
            if not subscriptions:
                del audiences[audience]

    def open_streams(self, channel: Channel) -> int:
        """Return how many streams are open."""
        return sum(map(len, self._channels.get(channel, {}).values()))

    def publish(self, channel: Channel, render: Callable[[Hashable], bytes]) -> None:
        """Queue an event for every stream of a channel, and drop those whose queues are full.

        `render` is called once per audience, for its bytes; none when it is not to hear of this.
        """
        for audience, subscriptions in list(self._channels.get(channel, {}).items()):
            event = render(audience)
            for subscription in list(subscriptions) if event else ():
                if not subscription.offer(event):
                    self.dropped += 1
                    self.unsubscribe(channel, subscription)
                    subscription.drop()

    def end(self, channel: Channel) -> None:
        """End the streams of a channel, as when its credentials are no longer good."""
        for subscriptions in self._channels.get(channel, {}).values():
            for subscription in list(subscriptions):
                subscription.end()

    def nudge(self, project: str, environment: str) -> None:
        """Have each stream of an environment send a comment now, and so look whether its key is still good."""
        self.publish((project, environment), lambda _: b":\n\n")

    def close(self) -> None:
        """End every stream."""
        for channel in self._channels:
            self.end(channel)
