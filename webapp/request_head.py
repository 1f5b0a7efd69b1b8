"""The head of an HTTP request, its first line and headers, read as strictly as llhttp does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

import httptools

if TYPE_CHECKING:
    from typing import Any

MOST_HEADERS = 100
LONGEST_LINE = 8192
END = b"\r\n\r\n"

_VERSIONS = (b" HTTP/1.1", b" HTTP/1.0")
_NAMES_REMEMBERED = 128
_WITHOUT_PREFIX = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})


class RefusedHeadError(Exception):
    """The head cannot be accepted; `status` is that of the answer, after which the connection ends."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status

    @property
    def answer(self) -> bytes:
        """The whole answer."""
        text = f"{self.status.partition(' ')[2]}.\n"
        headers = f"Connection: close\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}\r\n"
        return f"HTTP/1.1 {self.status}\r\n{headers}\r\n{text}".encode("ascii")


@dataclass(slots=True)
class RequestHead:
    """What a head says.

    Attributes:
        method: As it was sent.
        target: As it was sent, still quoted.
        version: `HTTP/1.0` or `HTTP/1.1`.
        variables: The headers under their names in WSGI. Those sent twice are joined; a name with an underscore, which
            would pass for one with a hyphen, is left out.
        content_length: Length of the body; `None` when none was given.
        is_chunked: Whether the body comes in chunks.
        keeps_alive: Whether the other side means to ask again on this connection.
    """

    method: str
    target: str
    version: str
    variables: dict[str, str]
    content_length: int | None
    is_chunked: bool
    keeps_alive: bool

    def add_to(self, environ: dict[str, Any]) -> None:
        """Put all of it into a WSGI environment."""
        path, _, query = self.target.partition("?")
        environ.update(self.variables)
        environ["REQUEST_METHOD"] = self.method
        environ["SCRIPT_NAME"] = ""
        environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1") if "%" in path else path
        environ["QUERY_STRING"] = query
        environ["SERVER_PROTOCOL"] = self.version


class _Collected:
    """What llhttp calls back."""

    __slots__ = ("headers", "is_complete", "keeps_alive", "parser", "target")

    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.target = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.keeps_alive = self.is_complete = False

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.is_complete = True
        self.keeps_alive = self.parser.should_keep_alive()  # it is forgotten with the end of the message


def parse_head(head: bytes) -> RequestHead:
    """Read a head that is there as a whole, its empty line included.

    What could be understood in two ways, so that another server in front might see other requests than this one, is
    refused: two lengths, a length beside chunks, an encoding other than chunks, a bare line feed, a folded line, a
    space before a colon, control characters (RFC 9112, sections 2.2, 5 and 6; RFC 9110, section 5.5).

    Raises:
        RefusedHeadError: it is none of HTTP/1.0 or 1.1, is malformed, or has too many headers.
    """
    first_line = head[: head.find(b"\r\n")]
    if len(first_line) >= LONGEST_LINE:
        raise RefusedHeadError("414 URI Too Long")
    if not first_line.endswith(_VERSIONS):
        raise RefusedHeadError("400 Bad Request")
    found = _collected(head)
    variables: dict[str, str] = {}
    for name, value in found.headers:
        key = _variable(name)
        if key is not None:
            text = value.decode("latin-1").strip(" \t")
            variables[key] = _joined(key, variables[key], text) if key in variables else text
    encoding = variables.get("HTTP_TRANSFER_ENCODING")
    version = first_line[-8:].decode("ascii")
    if encoding is not None and (encoding.lower() != "chunked" or version == "HTTP/1.0"):
        raise RefusedHeadError("400 Bad Request")
    length = variables.get("CONTENT_LENGTH")
    return RequestHead(
        found.parser.get_method().decode("ascii"),
        found.target.decode("latin-1"),
        version,
        variables,
        None if length is None else int(length),
        encoding is not None,
        found.keeps_alive,
    )


def _collected(head: bytes) -> _Collected:
    found = _Collected()
    try:
        found.parser.feed_data(head)
    except httptools.HttpParserUpgrade:
        pass  # that is all to be said of the head: whether anything is upgraded is for the application
    except httptools.HttpParserError:
        raise RefusedHeadError("400 Bad Request") from None
    if not found.is_complete:
        raise RefusedHeadError("400 Bad Request")
    if len(found.headers) > MOST_HEADERS:
        raise RefusedHeadError("431 Request Header Fields Too Large")
    return found


def _joined(key: str, before: str, value: str) -> str:
    return f"{before}; {value}" if key == "HTTP_COOKIE" else f"{before},{value}"


@lru_cache(maxsize=_NAMES_REMEMBERED)
def _variable(name: bytes) -> str | None:
    """Return the name that a header has in WSGI; `None` where it must not have one."""
    if b"_" in name:
        return None
    key = name.decode("ascii").replace("-", "_").upper()
    return key if key in _WITHOUT_PREFIX else f"HTTP_{key}"
