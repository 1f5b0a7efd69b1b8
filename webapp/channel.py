"""A websocket for which nobody waits: what arrives is read in turns, what is sent is written whole."""

from __future__ import annotations

import contextlib
import logging
import os
from typing import TYPE_CHECKING, Any

import gevent
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Message, Ping
from wsproto.frame_protocol import CloseReason

from webapp.frames import LONGEST_MESSAGE_BYTES, Incoming, RefusedFrameError, is_begun_by, message_frame, short_text
from webapp.reading import FAILURES
from webapp.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webapp.reading import Reader

_log = logging.getLogger(__name__)
_READ_BYTES = 4096
_CLOSING_S = 15.0
"""How long the other end may take to answer that the websocket is closed."""


class Channel:
    """One websocket after its handshake, on a socket of its own. Only for gevent, and not under TLS.

    A connected browser is silent nearly all of the time. One that is waited for costs a greenlet with its frames; this
    costs what it has in its slots. The common frame, a short text, is read here, any other by wsproto, which is made
    for it and dropped again.
    """

    __slots__ = ("_incoming", "_is_ended", "_pieces", "_turn", "is_open", "wire")

    def __init__(self, sock: Any, reader: Reader) -> None:
        self.wire = Wire(sock)
        self.is_open = True
        self._is_ended = False
        self._incoming = Incoming()
        self._pieces: _Pieces | None = None
        self._turn = reader.watch(sock.fileno(), self)

    def on_message(self, message: str | bytes) -> None:
        """Deal with a message.

        Raises:
            Exception: the websocket is to be closed; `on_error` is told.
        """
        raise NotImplementedError

    def on_error(self, error: BaseException) -> None:
        """Take note of what went wrong with a message."""
        raise NotImplementedError

    def on_end(self) -> None:
        """Let go of the websocket, whose connection is closed afterwards."""
        raise NotImplementedError

    def offer(self, frame: bytes) -> bool:
        """Write a whole frame if that can be begun at once, and return whether it was; see `Wire`."""
        return self.is_open and self.wire.offer(frame)

    def break_off(self) -> None:
        """End the connection without a word."""
        self.wire.break_off()

    def send(self, message: str | bytes) -> None:
        """Write a message, however slowly the other end reads.

        Raises:
            OSError: the websocket is closed.
        """
        if not self.is_open:
            raise BrokenPipeError("the websocket is closed")
        self.wire.send(message_frame(message))

    def close(self) -> None:
        """Close the websocket, and end the connection when the other end has seen that, or takes too long for it."""
        if self.is_open:
            gevent.spawn_later(_CLOSING_S, self._end)
            self._say_goodbye(CloseReason.NORMAL_CLOSURE)

    def take_turn(self) -> None:
        """Read what is there and deal with it; `Reader` calls this."""
        data = b""
        with contextlib.suppress(OSError):
            try:
                data = os.read(self.wire.fileno(), _READ_BYTES)
            except BlockingIOError:
                return
        if data and self.is_open:
            self._take(data)
        else:
            self.is_open = False
        if not self.is_open:
            self._end()

    def _take(self, data: bytes) -> None:
        """Deal with the messages in it. The websocket is not open any more when this ends it."""
        try:
            for message in self._messages(data):
                self.on_message(message)
        except RefusedFrameError as refused:
            self._close_at_once(refused.code, refused.reason)
        except FAILURES as error:
            self.on_error(error)
            self._close_at_once(CloseReason.NORMAL_CLOSURE)

    def _messages(self, data: bytes) -> Iterator[str | bytes]:
        for frame in self._incoming.feed(data):
            text = short_text(frame) if self._pieces is None else None
            if text is not None:
                yield text
            else:
                yield from self._messages_of_library(frame)
            if not self.is_open:
                return

    def _messages_of_library(self, frame: bytes) -> Iterator[str | bytes]:
        pieces = self._pieces or _Pieces()
        self._pieces = pieces if is_begun_by(frame, is_begun=self._pieces is not None) else None
        pieces.protocol.receive_data(frame)
        for event in pieces.protocol.events():
            if isinstance(event, Message):
                if (message := pieces.add(event)) is not None:
                    yield message
            elif isinstance(event, CloseConnection):
                self.is_open = False
                self._reply(pieces.protocol.send(event.response()))
            elif isinstance(event, Ping):
                self._reply(pieces.protocol.send(event.response()))

    def _reply(self, data: bytes) -> None:
        """Write what the protocol answers; a connection that is broken is at its end."""
        try:
            self.wire.write(data)
        except OSError:
            self.is_open = False

    def _close_at_once(self, code: CloseReason, reason: str | None = None) -> None:
        if self.is_open:
            with contextlib.suppress(OSError):
                self._say_goodbye(code, reason)

    def _say_goodbye(self, code: CloseReason, reason: str | None = None) -> None:
        self.is_open = False
        self.wire.write(Connection(ConnectionType.SERVER).send(CloseConnection(code, reason)))

    def _end(self) -> None:
        if self._is_ended:
            return
        self._is_ended = True
        self._turn.end()
        try:
            self.on_end()
        finally:
            self.wire.close()


class _Pieces:
    """A message of which more is to come, or one that is not a short text."""

    __slots__ = ("_length", "_parts", "protocol")

    def __init__(self) -> None:
        self.protocol = Connection(ConnectionType.SERVER)
        self._parts: list[Any] = []
        self._length = 0

    def add(self, event: Message[Any]) -> str | bytes | None:
        """Take in a piece; return the message when it was the last.

        Raises:
            RefusedFrameError: it is too long by now.
        """
        self._parts.append(event.data)
        self._length += len(event.data.encode() if isinstance(event.data, str) else event.data)
        if self._length > LONGEST_MESSAGE_BYTES:
            raise RefusedFrameError(CloseReason.MESSAGE_TOO_BIG, "message is too big")
        if not event.message_finished:
            return None
        return "".join(self._parts) if isinstance(event.data, str) else b"".join(self._parts)
