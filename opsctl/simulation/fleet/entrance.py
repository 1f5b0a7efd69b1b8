"""Where browsers find the feed: one address for all of them, looked up once."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opsctl.simulation.fleet.wires import PlainWire, TlsWire

if TYPE_CHECKING:
    from opsctl.simulation.fleet.wires import Wire

_PROBE_S = 1.0
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Entrance:
    """The way in.

    Attributes:
        scheme: `http` or `https`.
        host: What is asked for, as a browser writes it: with its port, where that is not the scheme's own.
        name: The host alone.
        family: Of the address.
        address: As a socket takes it.
        context: What TLS believes: the certificates of the system, or of `SSL_CERT_FILE`. `None` without TLS.
    """

    scheme: str
    host: str
    name: str
    family: int
    address: tuple[Any, ...]
    context: ssl.SSLContext | None = None

    @classmethod
    def of(cls, url: str) -> Entrance:
        """Look up where a URL leads; of several addresses it is the first that takes a connection.

        Raises:
            OSError: nobody knows the name.
        """
        parts = urlsplit(url)
        name = parts.hostname or ""
        family, address = _address(name, parts.port or _PORTS[parts.scheme])
        context = _trusting() if parts.scheme == "https" else None
        return cls(parts.scheme, parts.netloc, name, family, address, context)

    def wire(self) -> Wire:
        """Return a new browser's."""
        return PlainWire() if self.context is None else TlsWire(self.context, self.name)


def _address(name: str, port: int) -> tuple[int, tuple[Any, ...]]:
    found = [(one[0], one[4]) for one in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)]
    return found[0] if len(found) == 1 else next(filter(_is_open, found), found[0])


def _is_open(place: tuple[int, tuple[Any, ...]]) -> bool:
    family, address = place
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(_PROBE_S)
            probe.connect(address)
    except OSError:
        return False
    return True


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])  # as browsers ask for websockets
    return context
