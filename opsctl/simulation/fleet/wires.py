"""What travels on a browser's socket: its bytes as they are, or in TLS."""

from __future__ import annotations

import ssl
from typing import Protocol

_LARGEST_RECORD = 16 * 1024


class Wire(Protocol):
    """One connection's bytes, without its socket."""

    def send(self, data: bytes) -> bytes:
        """Return what to write to the socket so that the other side is told `data`.

        Raises:
            WireError: TLS came to its end.
        """
        ...

    def receive(self, data: bytes) -> tuple[bytes, bytes]:
        """Take in what the socket had; return what the other side said with it, and what to write in return.

        Raises:
            WireError: TLS came to its end.
        """
        ...


class WireError(Exception):
    """TLS cannot go on; the message says why, in a few words. `last_words` are those to the other side."""

    def __init__(self, why: str, last_words: bytes) -> None:
        super().__init__(why)
        self.last_words = last_words


class PlainWire:
    """Bytes as they are."""

    __slots__ = ()

    def send(self, data: bytes) -> bytes:
        """Return it."""
        return data

    def receive(self, data: bytes) -> tuple[bytes, bytes]:
        """Return it, and nothing to write."""
        return data, b""


class TlsWire:
    """Bytes in TLS, from its handshake on: what is sent before that is over waits for it.

    Args:
        context: What is believed, and how.
        name: Whom the certificate has to be for; asked for by that name (SNI), unless it is an address.
    """

    __slots__ = ("_incoming", "_is_agreed", "_outgoing", "_tls", "_waiting")

    def __init__(self, context: ssl.SSLContext, name: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self._is_agreed = False
        self._waiting = b""

    def send(self, data: bytes) -> bytes:
        """As `Wire` has it; the first call begins the handshake."""
        try:
            if self._is_agreed:
                if data:
                    self._tls.write(data)
            else:
                self._waiting += data
                self._agree()
        except ssl.SSLError as error:
            raise self._failed(error) from error
        return self._outgoing.read()

    def receive(self, data: bytes) -> tuple[bytes, bytes]:
        """As `Wire` has it; records come in whatever pieces."""
        self._incoming.write(data)
        try:
            said = self._read() if self._is_agreed or self._agree() else b""
        except ssl.SSLError as error:
            raise self._failed(error) from error
        return said, self._outgoing.read()

    def _agree(self) -> bool:
        """Go on with the handshake; return whether that is over."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self._is_agreed = True
        if self._waiting:
            self._tls.write(self._waiting)
            self._waiting = b""
        return True

    def _read(self) -> bytes:
        parts = []
        try:
            while self._incoming.pending or self._tls.pending():
                part = self._tls.read(_LARGEST_RECORD)
                if not part:  # the other side says goodbye; that its socket ends comes next
                    break
                parts.append(part)
        except ssl.SSLWantReadError:
            pass
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _failed(self, error: ssl.SSLError) -> WireError:
        if isinstance(error, ssl.SSLCertVerificationError):
            why = f"certificate refused, {error.verify_message}"
        else:
            why = f"no TLS, {(error.reason or type(error).__name__).replace('_', ' ').lower()}"
        return WireError(why, self._outgoing.read())
