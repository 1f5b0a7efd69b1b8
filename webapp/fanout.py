"""The fast way of one event to many browsers: one frame, encoded once, offered to each socket directly.

A frame of a websocket server is not masked, so it is the same bytes for every browser. python-socketio's own way puts a
packet into a queue for each and wakes a greenlet to encode and send it; here that is left to browsers that are not
ready for the frame at this moment, so that what one browser gets stays in order.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import gevent
from engineio import packet as engine
from gevent.lock import RLock
from socketio import packet

from webapp.frames import text_frame
from webapp.rooms import RoomManager
from webapp.stints import Stint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from webapp.wire import Wire

_STINT_S = 0.02
"""Of a broadcast between two turns of everybody else: pages must not wait for its end."""
_AT_ONCE = 256
"""Browsers between two looks at the clock."""
_MOST_QUEUED = 16
_LOOK_S = 0.25
_PATIENCE_S = 15.0


class FanoutManager(RoomManager):
    """A client manager for python-socketio that broadcasts directly. Only for gevent.

    A browser that does not read is given no more than `_MOST_QUEUED` packets. What comes then is not kept, but for the
    newest of each event in `lasting`, which it gets once it reads again; after `patience_s` it is dropped.

    Args:
        lasting: Events of which only the newest counts.
        patience_s: How long a browser may be behind.
        on_skip: Called for each event that was not kept for a browser.
        on_drop: Called for each browser that is dropped.
    """

    def __init__(
        self,
        *,
        lasting: frozenset[str] = frozenset({"flag_update"}),
        patience_s: float = _PATIENCE_S,
        on_skip: Callable[[], None] = lambda: None,
        on_drop: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # python-socketio ships no types
        self._lasting = lasting
        self._patience_s = patience_s
        self._count_skip = on_skip
        self._count_drop = on_drop
        self._turn = RLock()
        self._lagging: dict[str, dict[str, Any]] = {}

    def emit(  # type: ignore[override]  # as above
        self, event: str, data: Any, namespace: str, room: Any = None, to: Any = None, **options: Any
    ) -> None:
        """Send an event to one browser, a room, or everybody (python-socketio).

        What is not one text packet without further options goes python-socketio's own way.
        """
        stock: Any = super()
        is_plain = namespace in self.rooms and not any(options.values())
        encoded = self._encoded(event, data, namespace) if is_plain else None
        if not isinstance(encoded, str):
            stock.emit(event, data, namespace, room=to or room, **options)
            return
        engine_packet = engine.Packet(engine.MESSAGE, encoded)
        with self._turn:
            self._send_each(event, engine_packet, self.get_engine_sids(namespace, to or room))

    def _encoded(self, event: str, data: Any, namespace: str) -> Any:
        arguments = list(data) if isinstance(data, tuple) else [] if data is None else [data]
        server: Any = self.server
        return server.packet_class(packet.EVENT, namespace=namespace, data=[event, *arguments]).encode()

    def _send_each(self, event: str, engine_packet: Any, eio_sids: list[str]) -> None:
        frame = text_frame(engine_packet.encode())
        stint = Stint(_STINT_S)
        is_written = True
        for some in _batches(eio_sids):
            if stint.is_over:
                stint.rest()
            behind = self._send_some(frame, some)
            for engine_socket in behind:
                self._put_behind(event, engine_packet, engine_socket)
            is_written = is_written and not behind
        # Whoever has something in its queue is to be given the chance to send it before it counts as behind. What one
        # browser was given at once, as each is when it connects, is no reason to wait.
        if len(eio_sids) > 1 or not is_written:
            gevent.sleep(0)

    def _send_some(self, frame: bytes, eio_sids: Sequence[str]) -> list[Any]:
        """Write a frame to those who are ready for it, and return the others.

        First who is ready, then the system's calls one after the other: each of them leaves little of Python's own data
        in the processor's cache, so that what is done in between takes three times as long. Nobody else runs meanwhile.
        """
        server: Any = self.server
        sockets, lagging, alive_since = server.eio.sockets, self._lagging, time.time() - server.eio.ping_timeout
        senders = []
        behind = []
        for eio_sid in eio_sids:
            engine_socket = sockets.get(eio_sid)
            if engine_socket is None:
                continue
            send = None if eio_sid in lagging else ready_to_send(engine_socket, alive_since)
            if send is not None:
                senders.append((send, engine_socket))
            else:
                behind.append(engine_socket)
        length = len(frame)
        for send, engine_socket in senders:
            try:
                written = send(frame)
            except BlockingIOError:
                behind.append(engine_socket)
            except OSError:
                pass  # whoever reads from it finds out too, and closes it in order
            else:
                if written < length:
                    engine_socket.wire.finish(frame[written:])
        return behind

    def _put_behind(self, event: str, engine_packet: Any, engine_socket: Any) -> None:
        """Let it wait for what one browser has not been written yet."""
        if engine_socket.sid in self._lagging or engine_socket.queue.qsize() >= _MOST_QUEUED:
            self._skip(event, engine_packet, engine_socket)
        else:
            self._queue(engine_socket, engine_packet)

    def _queue(self, engine_socket: Any, engine_packet: Any) -> None:
        server: Any = self.server
        server.eio.send_packet(engine_socket.sid, engine_packet)

    def _skip(self, event: str, engine_packet: Any, engine_socket: Any) -> None:
        self._count_skip()
        is_new = engine_socket.sid not in self._lagging
        newest = self._lagging.setdefault(engine_socket.sid, {})
        if event in self._lasting:
            newest[event] = engine_packet
        if is_new:
            gevent.spawn(self._catch_up, engine_socket)

    def _catch_up(self, engine_socket: Any) -> None:
        """Give a browser that reads again what counts; drop one that does not."""
        ends_at = time.monotonic() + self._patience_s
        try:
            while not engine_socket.closed and engine_socket.queue.qsize() >= _MOST_QUEUED // 2:
                if time.monotonic() > ends_at:
                    self._count_drop()
                    cut_off(engine_socket)
                    return
                gevent.sleep(_LOOK_S)
        finally:
            with self._turn:
                newest = self._lagging.pop(engine_socket.sid, {})
                for engine_packet in newest.values():
                    self._queue(engine_socket, engine_packet)


def ready_to_send(engine_socket: Any, alive_since: float) -> Callable[[bytes], int] | None:
    """Return what writes a frame at once, if that is the next that the browser gets.

    A ping from before `alive_since` that was not answered leaves it to python-engineio, which closes such a connection.
    """
    is_idle = (
        engine_socket.upgraded
        and not engine_socket.closing
        and not engine_socket.closed
        and engine_socket.queue.empty()
        and (engine_socket.last_ping or alive_since) >= alive_since
    )
    wire: Wire | None = getattr(engine_socket, "wire", None) if is_idle else None
    return None if wire is None else wire.send_at_once


def _batches(eio_sids: list[str]) -> Iterator[list[str]]:
    return (eio_sids[at : at + _AT_ONCE] for at in range(0, len(eio_sids), _AT_ONCE))


def cut_off(engine_socket: Any) -> None:
    """Break a browser's connection off: one that does not read could not be told goodbye either."""
    if hasattr(engine_socket, "wire"):
        engine_socket.wire.break_off()
