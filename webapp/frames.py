"""WebSocket frames (RFC 6455) as a server writes them, and as it cuts them out of what arrives."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from wsproto.frame_protocol import CloseReason

from webapp.ratelimit import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_MESSAGE_BYTES = 16 * 1024
_FRAMES_PER_S = 100.0
_FRAMES_AT_ONCE = 500.0
_FINAL, _OPCODE, _CONTROL = 0x80, 0x0F, 0x08
_FINAL_TEXT, _FINAL_BINARY, _MASKED, _LENGTH = 0x81, 0x82, 0x80, 0x7F
_SHORT, _LONG = 126, 127
_LONGEST_SHORT = 0xFFFF
_MASK = 4
_HEAD = 2 + _MASK
_LONGEST_HEAD = _HEAD + 8


class RefusedFrameError(Exception):
    """What arrives is nothing that a browser would send; says how to close the websocket."""

    def __init__(self, code: CloseReason, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Incoming:
    """Cuts what a client sends into its frames, which are neither too long nor too many."""

    __slots__ = ("_allowance", "_unread")

    def __init__(self) -> None:
        self._unread = b""
        self._allowance = TokenBucket(_FRAMES_PER_S, _FRAMES_AT_ONCE, _FRAMES_AT_ONCE, time.monotonic())

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield each frame that is whole now, in order.

        Raises:
            RefusedFrameError: one is too long, or they are too many.
        """
        if self._unread:
            data = self._unread + data
        at = 0
        while (end := _end_of_frame(data, at)) is not None:
            if end - at > LONGEST_MESSAGE_BYTES + _LONGEST_HEAD:
                raise RefusedFrameError(CloseReason.MESSAGE_TOO_BIG, "message is too big")
            if end > len(data):
                break
            if not self._allowance.take():
                raise RefusedFrameError(CloseReason.POLICY_VIOLATION, "too many messages")
            yield data[at:end]
            at = end
        self._unread = data[at:]


def short_text(frame: bytes) -> str | None:
    """Return the text of what nearly all frames of a client are, one short masked message; `None` for any other."""
    if frame[0] != _FINAL_TEXT or not _MASKED <= frame[1] < _MASKED | _SHORT:
        return None
    try:
        return _unmasked(frame[2:_HEAD], frame[_HEAD:]).decode()
    except UnicodeDecodeError:
        return None  # a library knows how to say so


def is_begun_by(frame: bytes, *, is_begun: bool) -> bool:
    """Return whether a message is begun and not finished after this frame; a control frame may come between."""
    if frame[0] & _OPCODE & _CONTROL:
        return is_begun
    return not frame[0] & _FINAL


def text_frame(text: str) -> bytes:
    """Return one whole text frame of a websocket server."""
    return _frame(_FINAL_TEXT, text.encode())


def message_frame(message: str | bytes) -> bytes:
    """Return one whole frame of a websocket server, of text or of bytes."""
    return text_frame(message) if isinstance(message, str) else _frame(_FINAL_BINARY, message)


def _frame(first: int, payload: bytes) -> bytes:
    length = len(payload)
    if length < _SHORT:
        return bytes((first, length)) + payload
    if length <= _LONGEST_SHORT:
        return bytes((first, _SHORT)) + length.to_bytes(2) + payload
    return bytes((first, _LONG)) + length.to_bytes(8) + payload


def _end_of_frame(data: bytes, at: int) -> int | None:
    """Return where the frame that starts at `at` ends, which may be later than `data` does.

    `None` while its head is not all there.
    """
    if len(data) < at + 2:
        return None
    length, start = data[at + 1] & _LENGTH, at + 2
    if length >= _SHORT:
        more = 2 if length == _SHORT else 8
        if len(data) < start + more:
            return None
        length, start = int.from_bytes(data[start : start + more]), start + more
    return start + (_MASK if data[at + 1] & _MASKED else 0) + length


def _unmasked(mask: bytes, payload: bytes) -> bytes:
    length = len(payload)
    key = (mask * (length // _MASK + 1))[:length]
    return (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(length)
