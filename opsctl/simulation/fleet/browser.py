"""One browser of the fleet, without its socket: what it is sent, what it answers, and what it saw.

Engine.IO 4 and Socket.IO 5 over a websocket, by their published protocols; the feed's events are in `webapp.realtime`
and `webapp.switching`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opsctl.core.epochs import Epoch
from opsctl.core.modes import Mode
from opsctl.simulation.fleet.frames import CLOSE, PING, PONG, TEXT, FrameReader, client_frame

if TYPE_CHECKING:
    from collections.abc import Callable

_KEY = base64.b64encode(b"opsctl-simulator").decode()
_ACCEPT = base64.b64encode(
    hashlib.sha1(f"{_KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode(), usedforsecurity=False).digest()
)
_LONGEST_HEAD = 16 * 1024
_ENGINE_OPEN, _ENGINE_CLOSE, _ENGINE_PING, _ENGINE_PONG = b"0", b"1", b"2", b"3"
_CONNECT, _DISCONNECT, _EVENT, _REFUSED = b"40", b"41", b"42", b"44"


class Stage(StrEnum):
    """How far a browser is."""

    UPGRADING = "upgrading"
    JOINING = "joining"
    JOINED = "joined"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Sight:
    """What a page shows: a mode, at an epoch."""

    epoch: Epoch
    mode: Mode


class VirtualBrowser:
    """Says what a page would say, and tells `on_sight` of each new thing that it shows; one that `is_mute` says less.

    `stage` is `GONE` once the server ended the connection or broke the protocol; `went_back` counts epochs older than
    one shown before, which must not happen, and `repeated` the news that it showed already. `has_begun` is the
    fleet's: whether it counts this one as connected. `ended_because` says why the server, or the protocol, ended it.
    """

    __slots__ = (
        "_frames",
        "_head",
        "_is_mute",
        "_on_sight",
        "ended_because",
        "has_begun",
        "repeated",
        "shows",
        "stage",
        "went_back",
    )

    def __init__(self, on_sight: Callable[[VirtualBrowser, Sight, int], None], *, is_mute: bool = False) -> None:
        self.stage = Stage.UPGRADING
        self.has_begun = False
        self.ended_because = ""
        self.shows: Sight | None = None
        self.went_back = 0
        self.repeated = 0
        self._head = b""
        self._frames = FrameReader()
        self._on_sight = on_sight
        self._is_mute = is_mute

    def receive(self, data: bytes, now_ns: int) -> bytes:
        """Take in what arrived at that time, and return what to send."""
        try:
            if self.stage is Stage.UPGRADING:
                self._head += data
                head, end, data = self._head.partition(b"\r\n\r\n")
                if not end:
                    if len(self._head) > _LONGEST_HEAD:
                        self._leave("an endless answer")
                    return b""
                self._head = b""
                if not _is_upgrade(head):
                    self._leave(head.partition(b"\r\n")[0].decode("ascii", "replace"))
                    return b""
                self.stage = Stage.JOINING
            return b"".join([self._answer(opcode, payload, now_ns) for opcode, payload in self._frames.feed(data)])
        except ValueError as error:
            self._leave(str(error))
            return b""

    def _leave(self, why: str) -> None:
        self.ended_because = f"{why} while {self.stage}"
        self.stage = Stage.GONE

    def _answer(self, opcode: int, payload: bytes, now_ns: int) -> bytes:
        if opcode == PING:
            return client_frame(payload, PONG)
        if opcode == CLOSE:
            self._leave(f"websocket closed with {int.from_bytes(payload[:2])}")
            return b""
        return self._answer_packet(payload, now_ns) if opcode == TEXT else b""

    def _answer_packet(self, packet: bytes, now_ns: int) -> bytes:
        kind = packet[:2]
        if kind == _EVENT:
            return self._answer_event(packet, now_ns)
        if packet == _ENGINE_PING:
            return _PONG_FRAME
        if kind == _CONNECT:
            self.stage = Stage.JOINED
        elif kind in {_DISCONNECT, _REFUSED} or packet == _ENGINE_CLOSE:
            self._leave(f"told to leave ({packet[:2].decode()})")
        elif kind[:1] == _ENGINE_OPEN:
            return _CONNECT_FRAME
        return b""

    def _answer_event(self, packet: bytes, now_ns: int) -> bytes:
        found = sight_of(packet)
        if found is None:
            return b""
        sight, acknowledgement = found
        if self.shows is not None and sight.epoch < self.shows.epoch:
            self.went_back += 1
            return b""
        if sight == self.shows:
            self.repeated += 1
        else:
            self.shows = sight
            self._on_sight(self, sight, now_ns)
        return b"" if self._is_mute else acknowledgement


@lru_cache(maxsize=256)
def sight_of(packet: bytes) -> tuple[Sight, bytes] | None:
    """Return what an event makes a page show, with the frame that acknowledges it; `None` for any other event.

    Every browser gets the same bytes of a broadcast, so each is read once.
    """
    try:
        name, data = json.loads(packet[2:])
        epoch = Epoch.from_wire(data["epoch"]) if name in {"state", "flag_update"} else None
        if epoch is None:
            return None
        mode = Mode(data["mode"])
    except (ValueError, KeyError, TypeError):
        return None
    said: list[Any] = ["flag_ack", {"epoch": epoch.to_wire(), "mode": mode}]
    return Sight(epoch, mode), client_frame(_EVENT + json.dumps(said, separators=(",", ":")).encode())


def upgrade_request(
    host: str, *, device: str, scheme: str = "http", path: str = "/socket.io/", more: str = ""
) -> bytes:
    """Return the request that opens a browser's websocket; `device` is its cookie, which a rollout goes by."""
    return (
        f"GET {path}?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}\r\nOrigin: {scheme}://{host}\r\n"
        f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {_KEY}\r\n"
        f"Cookie: device={device}\r\nUser-Agent: opsctl-simulation\r\n{more}\r\n"
    ).encode()


def _is_upgrade(head: bytes) -> bool:
    return head.startswith(b"HTTP/1.1 101 ") and _ACCEPT in head


_PONG_FRAME = client_frame(_ENGINE_PONG)
_CONNECT_FRAME = client_frame(_CONNECT)
