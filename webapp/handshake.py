"""The opening handshake of a websocket, from a WSGI request (RFC 6455, section 4.2)."""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Any

from wsproto.utilities import generate_accept_token

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERSION = "13"
_KEY_BYTES = 16


class RefusedHandshakeError(Exception):
    """The request opens no websocket; `status` and `headers` are those of the answer, for WSGI."""

    def __init__(self, message: str, status: str = "400 Bad Request", *headers: tuple[str, str]) -> None:
        super().__init__(message)
        self.status = status
        self.headers = [("Content-Type", "text/plain; charset=utf-8"), *headers]


def handshake_answer(environ: Mapping[str, Any]) -> bytes:
    """Return the answer that opens the websocket. No extension and no subprotocol is agreed on.

    Raises:
        RefusedHandshakeError: the request is not one of the protocol.
    """
    if environ.get("REQUEST_METHOD") != "GET" or environ.get("SERVER_PROTOCOL") != "HTTP/1.1":
        raise RefusedHandshakeError("a websocket is opened by GET, with HTTP/1.1")
    if environ.get("HTTP_UPGRADE", "").lower() != "websocket" or not _asks_to_upgrade(environ):
        raise RefusedHandshakeError("the request does not ask to be upgraded to a websocket")
    if environ.get("HTTP_SEC_WEBSOCKET_VERSION") != _VERSION:
        version = ("Sec-WebSocket-Version", _VERSION)
        raise RefusedHandshakeError("this version of websockets is not spoken here", "426 Upgrade Required", version)
    key = environ.get("HTTP_SEC_WEBSOCKET_KEY", "")
    if not _is_key(key):
        raise RefusedHandshakeError("the request has no Sec-WebSocket-Key of the protocol")
    accept = generate_accept_token(key.encode())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept
    )


def _asks_to_upgrade(environ: Mapping[str, Any]) -> bool:
    return "upgrade" in (token.strip().lower() for token in environ.get("HTTP_CONNECTION", "").split(","))


def _is_key(text: str) -> bool:
    try:
        return len(binascii.a2b_base64(text, strict_mode=True)) == _KEY_BYTES
    except ValueError:
        return False
