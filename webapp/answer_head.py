"""The head of an answer as it goes over the wire: checked and encoded once for all answers that begin alike."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """Status and headers that an application gave, encoded.

    Attributes:
        code: The status, as a number.
        status: As it goes over the wire.
        lines: The headers as they go over the wire.
        length: What was given as `Content-Length`, if it was.
        date: The same of `Date`.
        connection: The same of `Connection`.
    """

    code: int
    status: bytes
    lines: bytes
    length: str | None
    date: str | None
    connection: str | None


@lru_cache(maxsize=_REMEMBERED)
def answer_head(status: str, headers: tuple[tuple[str, str], ...]) -> AnswerHead:
    """Check and encode what an application gave to WSGI's `start_response`.

    Raises:
        TypeError: something of it is no text.
        ValueError: it cannot be encoded, or would begin another line (response splitting).
    """
    given = {name.lower(): value for name, value in headers}
    lines = b"".join([b"%b: %b\r\n" % (_line(name), _line(value)) for name, value in headers])
    return AnswerHead(
        int(status.partition(" ")[0]),
        _line(status),
        lines,
        given.get("content-length"),
        given.get("date"),
        given.get("connection"),
    )


def _line(text: str) -> bytes:
    if not isinstance(text, str):
        raise TypeError(f"no text: {text!r}")
    if "\r" in text or "\n" in text:
        raise ValueError(f"a line break: {text!r}")
    return text.encode("latin-1")
