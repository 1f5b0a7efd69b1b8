"""What an answer shows, and in short why there was none."""

from __future__ import annotations

import re
import socket
import ssl
import zlib

from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError

from opsctl.core.modes import Mode

ACCEPT_ENCODING = "gzip"
"""What answers may be packed with: what `mode_shown` can open a little of without opening all."""

_HEAD_BYTES = 16 * 1024
_ROOT_MODE = re.compile(rb'<html\b[^>]*\sdata-mode="([a-z]+)"')
_GZIP = 16 + zlib.MAX_WBITS
_FAILED = 400


def mode_shown(body: bytes, encoding: object) -> str:
    """Return the mode that a page says it shows in its root element; empty where it is no page of the feed.

    Args:
        body: Of the answer, as it came.
        encoding: What it is packed with, as its header says; `None` for nothing.
    """
    head = body[:_HEAD_BYTES]
    if encoding == "gzip":
        try:
            head = zlib.decompressobj(_GZIP).decompress(body, _HEAD_BYTES)
        except zlib.error:
            return ""
    found = _ROOT_MODE.search(head)
    mode = found[1].decode() if found else ""
    return mode if mode in set(Mode) else ""


def failure_of(status: int, shown: str) -> str | None:
    """Return why an answer is no page; `None` when it is one."""
    if status >= _FAILED:
        return str(status)
    return None if shown else "no page"


def failure_named(error: BaseException) -> str:
    """Return in a few words why there was no answer."""
    cause = getattr(error, "original", None) or error
    for kinds, name in _NAMES:
        if isinstance(cause, kinds):
            return name
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return type(cause).__name__


_NAMES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (TimeoutError, "timed out"),
    (ConnectionRefusedError, "connection refused"),
    ((ConnectionResetError, BrokenPipeError, HTTPConnectionClosed), "connection closed"),
    (HTTPParseError, "broken answer"),
    (socket.gaierror, "unknown host"),
    (ssl.SSLCertVerificationError, "certificate refused"),
    (ssl.SSLError, "no TLS"),
)
