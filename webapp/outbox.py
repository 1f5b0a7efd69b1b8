"""What one browser is sent and has not been written yet."""

from __future__ import annotations

import queue
from typing import Any, Protocol

import gevent
from wsproto.utilities import LocalProtocolError

from webapp.frames import text_frame

_MOST = 128
"""Packets that may wait; the feed's own are fewer, so that the rest are answers to one that does not read them."""
_GOODBYE_S = 15.0
"""How long they may take to be written once the websocket is to be closed after them."""


class Writable(Protocol):
    """A websocket as it is written to."""

    def offer(self, frame: bytes) -> bool:
        """Write a whole frame if that can be begun at once, and return whether it was."""

    def send(self, message: str | bytes) -> None:
        """Write a message, however slowly the other end reads."""

    def close(self) -> None:
        """Close it, if it is not closed."""

    def break_off(self) -> None:
        """End its connection without a word."""


class Outbox:
    """The queue of one engine socket: what is put in is written at once if it can be, else by a greenlet for the time.

    It stands where python-engineio has a queue and a greenlet that waits on it, as long as the connection lasts. Who
    has too much written to it, or does not read what comes before its end, is broken off.
    """

    __slots__ = ("_flusher", "_packets", "_websocket")

    def __init__(self) -> None:
        self._packets: list[Any] = []
        self._websocket: Writable | None = None
        self._flusher: gevent.Greenlet[[], None] | None = None

    def attach(self, websocket: Writable) -> None:
        """Write to this websocket from now on, first what was put in so far."""
        self._websocket = websocket
        waiting, self._packets = self._packets, []
        for what in waiting:
            self.put(what)

    def put(self, what: Any) -> None:
        """Take in a packet; `None` closes the websocket after those before it."""
        if self._websocket is None:
            self._packets.append(what)
        elif self._packets:
            self._put_behind(self._websocket, what)
        elif not self._is_offered(self._websocket, what):
            self._packets.append(what)
            self._flusher = gevent.spawn(self._write_all)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: ARG002, FBT001, FBT002 - a queue's
        """Return the oldest packet; for transports that fetch them.

        Raises:
            queue.Empty: there is none.
        """
        if not self._packets:
            raise queue.Empty
        return self._packets.pop(0)

    def task_done(self) -> None:
        """Do nothing: a packet stands here until it is written."""

    def qsize(self) -> int:
        """How many packets are not written yet."""
        return len(self._packets)

    def empty(self) -> bool:
        """Whether everything is written."""
        return not self._packets

    def join(self) -> None:
        """Return when everything is written."""
        while self._flusher is not None:
            self._flusher.join()

    def _put_behind(self, websocket: Writable, what: Any) -> None:
        if what is None:
            gevent.spawn_later(_GOODBYE_S, self._give_up, websocket)
        elif len(self._packets) >= _MOST:
            websocket.break_off()
            return
        self._packets.append(what)

    def _give_up(self, websocket: Writable) -> None:
        if self._flusher is not None:
            websocket.break_off()

    @staticmethod
    def _is_offered(websocket: Writable, engine_packet: Any) -> bool:
        encoded = None if engine_packet is None else engine_packet.encode()
        try:
            return isinstance(encoded, str) and websocket.offer(text_frame(encoded))
        except OSError:
            return False

    def _write_all(self) -> None:
        websocket: Any = self._websocket
        try:
            while self._packets and self._packets[0] is not None:
                websocket.send(self._packets[0].encode())
                self._packets.pop(0)
            if self._packets:
                self._packets.clear()
                websocket.close()
        except (OSError, LocalProtocolError):
            # The connection is gone, or is being closed; whoever reads from it finds out too.
            self._packets.clear()
            websocket.break_off()
        finally:
            self._flusher = None
