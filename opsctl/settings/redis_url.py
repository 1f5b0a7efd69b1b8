"""The URL of a Redis or Valkey server, which may hold a password."""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from opsctl.core.lean_dataclass import dataclass
from opsctl.settings.secret import Secret

_SCHEMES = {
    **dict.fromkeys(("redis", "valkey"), "redis"),
    **dict.fromkeys(("rediss", "valkeys"), "rediss"),
    "unix": "unix",
}
_PARAMETERS = frozenset({"db", "ssl_ca_certs"})
"""What may stand in its query. Timeouts may not: how long a server is waited for is not for its URL to say."""

_SHORTEST_SECRET = 4
"""Fewer characters are in many words, and masking them would leave no line readable."""


@dataclass(frozen=True, slots=True)
class RedisUrl(Secret):
    """Where a server is, and the credentials for it. `str` shows everything but the password."""

    @classmethod
    def parse(cls, text: str) -> RedisUrl:
        """Return the URL that `text` is; `valkey://` and `valkeys://` are taken as `redis://` and `rediss://`.

        Raises:
            ValueError: it is none. The message says how one is written, and holds nothing of it.
        """
        cleaned = text.strip()
        parts = _parts(cleaned)
        if parts is None:
            raise ValueError("is not the URL of a Redis or Valkey server; write redis://HOST:PORT, rediss:// with TLS")
        unknown = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} - _PARAMETERS
        if unknown:
            raise ValueError("has a query that is not known; only db and ssl_ca_certs may stand there")
        return cls(f"{_SCHEMES[parts.scheme]}{cleaned[len(parts.scheme) :]}")

    @property
    def address(self) -> str:
        """The URL without credentials."""
        return self._with_user("")

    @property
    def has_password(self) -> bool:
        """Whether a password stands in it, however short."""
        return bool(urlsplit(self._value).password)

    def credentials(self) -> dict[str, Any]:
        """Return what the URL says of user name and password, as redis-py calls its arguments."""
        parts = urlsplit(self._value)
        given = {"username": parts.username, "password": parts.password}
        return {name: unquote(value) for name, value in given.items() if value}

    def texts(self) -> tuple[str, ...]:
        """Return the password as it stands in the URL, and as it is; nothing when it is no secret."""
        written = urlsplit(self._value).password or ""
        return tuple(text for text in dict.fromkeys((written, unquote(written))) if len(text) >= _SHORTEST_SECRET)

    def __str__(self) -> str:
        parts = urlsplit(self._value)
        return self._with_user(f"{parts.username or ''}:****@") if parts.password else self._value

    def __repr__(self) -> str:
        return f"RedisUrl({str(self)!r})"

    def _with_user(self, user: str) -> str:
        scheme, _, rest = self._value.partition("://")
        netloc = urlsplit(self._value).netloc
        return f"{scheme}://{user}{netloc.rpartition('@')[2]}{rest[len(netloc) :]}"


def _parts(text: str) -> SplitResult | None:
    if not text.isascii() or not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in _SCHEMES:
        return None
    if parts.scheme == "unix":
        return parts if parts.path.startswith("/") else None
    is_database = parts.path in {"", "/"} or parts.path[1:].isdecimal()
    return parts if host and is_database else None
