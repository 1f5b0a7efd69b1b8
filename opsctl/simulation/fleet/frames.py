"""WebSocket frames (RFC 6455), as far as a client of one event stream needs them; extensions are never agreed on."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
LARGEST_MESSAGE = 16 * 1024 * 1024
_FINAL, _MASKED, _OPCODE, _LENGTH = 0x80, 0x80, 0x0F, 0x7F
_SHORT, _LONG = 126, 127
_LONGEST_SHORT = 0xFFFF
_NO_MASK = b"\0\0\0\0"
"""A mask protects proxies from scripts that choose the bytes; here nobody does, and no time is spent on it."""


def client_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """Return one whole frame as a client sends it."""
    length = len(payload)
    if length < _SHORT:
        head = struct.pack("!BB", _FINAL | opcode, _MASKED | length)
    elif length <= _LONGEST_SHORT:
        head = struct.pack("!BBH", _FINAL | opcode, _MASKED | _SHORT, length)
    else:
        head = struct.pack("!BBQ", _FINAL | opcode, _MASKED | _LONG, length)
    return head + _NO_MASK + payload


class FrameReader:
    """Puts the messages of a server together from what arrives, in whatever pieces."""

    __slots__ = ("_buffer", "_parts", "_parts_opcode")

    def __init__(self) -> None:
        self._buffer = b""
        self._parts: list[bytes] = []
        self._parts_opcode = 0

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield the opcode and payload of each message that is whole now, in order.

        Raises:
            ValueError: it is no frame of a server, or the message is longer than `LARGEST_MESSAGE`.
        """
        buffer = self._buffer + data if self._buffer else data
        at = 0
        while (end := _end_of_frame(buffer, at)) is not None:
            start, stop = end
            opcode, is_final = buffer[at] & _OPCODE, buffer[at] & _FINAL
            payload = buffer[start:stop]
            at = stop
            # Kept at each step: the caller may stop reading after any message.
            self._buffer = buffer[at:]
            if is_final and opcode != CONTINUATION:
                yield opcode, payload
            elif (whole := self._joined(opcode, payload, is_final=bool(is_final))) is not None:
                yield self._parts_opcode, whole
        self._buffer = buffer[at:]

    def _joined(self, opcode: int, payload: bytes, *, is_final: bool) -> bytes | None:
        if opcode != CONTINUATION:
            self._parts, self._parts_opcode = [], opcode
        self._parts.append(payload)
        if sum(map(len, self._parts)) > LARGEST_MESSAGE:
            raise ValueError("the message is too long")
        return b"".join(self._parts) if is_final else None


def _end_of_frame(buffer: bytes, at: int) -> tuple[int, int] | None:
    """Return where the payload of the frame at `at` starts and stops; `None` when it is not all there."""
    if len(buffer) < at + 2:
        return None
    if buffer[at + 1] & _MASKED:
        raise ValueError("a server's frame must not be masked")
    length, start = buffer[at + 1] & _LENGTH, at + 2
    if length == _SHORT:
        start += 2
        length = int.from_bytes(buffer[at + 2 : start]) if len(buffer) >= start else LARGEST_MESSAGE
    elif length == _LONG:
        start += 8
        length = int.from_bytes(buffer[at + 2 : start]) if len(buffer) >= start else LARGEST_MESSAGE
    if length > LARGEST_MESSAGE:
        raise ValueError("the message is too long")
    return (start, start + length) if len(buffer) >= start + length else None
