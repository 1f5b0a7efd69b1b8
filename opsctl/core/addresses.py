"""Which addresses are this machine's own, and how an address stands in a URL."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from opsctl.core.lean_dataclass import dataclass


def is_loopback_name(name: str) -> bool:
    """Whether a host name or address is this machine's own by its spelling; nothing is looked up.

    Those are `localhost`, `*.localhost`, `127.0.0.0/8`, `::1`, and the latter two written as IPv6-mapped addresses.
    """
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def is_loopback_url(url: str) -> bool:
    """Whether the URL's host is this machine by its very name."""
    try:
        return is_loopback_name(urlsplit(url).hostname or "")
    except ValueError:
        return False


def url_at(host: str, port: int) -> str:
    """Return the http URL of an address; IPv6 ones stand in brackets."""
    return Address(host, port).url("http")


@dataclass(frozen=True, slots=True)
class Address:
    """Where something listens. `str` is `HOST:PORT`, with IPv6 in brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def url(self, scheme: str) -> str:
        """Return its URL."""
        return f"{scheme}://{self}"
