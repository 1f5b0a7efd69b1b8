"""What one browser is sent and has not been written yet."""

from __future__ import annotations

import queue
from collections import deque
from typing import Any

import gevent
from wsproto.utilities import LocalProtocolError

from webapp.wire import text_frame


class Outbox:
    """The queue of one engine socket: what is put in is written at once if it can be, else by a greenlet for the time.

    It stands where python-engineio has a queue and a greenlet that waits on it, as long as the connection lasts.
    """

    __slots__ = ("_flusher", "_packets", "_websocket")

    def __init__(self) -> None:
        self._packets: deque[Any] = deque()
        self._websocket: Any = None
        self._flusher: gevent.Greenlet[[], None] | None = None

    def attach(self, websocket: Any) -> None:
        """Write to this websocket from now on, first what was put in so far."""
        self._websocket = websocket
        self._flush()

    def put(self, what: Any) -> None:
        """Take in a packet; `None` closes the websocket after those before it."""
        self._packets.append(what)
        if self._websocket is not None and self._flusher is None:
            self._flush()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: ARG002, FBT001, FBT002 - a queue's
        """Return the oldest packet; for transports that fetch them.

        Raises:
            queue.Empty: there is none.
        """
        if not self._packets:
            raise queue.Empty
        return self._packets.popleft()

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

    def _flush(self) -> None:
        if len(self._packets) == 1 and self._is_offered(self._packets[0]):
            self._packets.popleft()
        elif self._packets:
            self._flusher = gevent.spawn(self._write_all)

    def _is_offered(self, engine_packet: Any) -> bool:
        encoded = None if engine_packet is None else engine_packet.encode()
        if not isinstance(encoded, str) or not self._websocket.ws.connected:
            return False
        try:
            is_offered: bool = self._websocket.ws.sock.offer(text_frame(encoded))
        except OSError:
            return False
        return is_offered

    def _write_all(self) -> None:
        try:
            while self._packets and self._packets[0] is not None:
                self._websocket.send(self._packets[0].encode())
                self._packets.popleft()
            if self._packets:
                self._packets.clear()
                self._websocket.close()
        except (OSError, LocalProtocolError):
            # The connection is gone, or is being closed; whoever reads from it finds out too.
            self._packets.clear()
            self._websocket.ws.sock.break_off()
        finally:
            self._flusher = None
