"""Visitors that several processes make: how many, and the address at which they find each other."""

from __future__ import annotations

from opsctl.core.addresses import Address

MOST_PROCESSES = 64
_LOOPBACK = "127.0.0.1"
_LAST_PORT = 65535


def parse_joining(text: str) -> Address:
    """Read `HOST:PORT`; without `HOST:` it is this machine's own, which no other reaches. Port 0 is any free one.

    Raises:
        ValueError: it is none, or IPv6, which Locust's protocol does not speak; the message is for people.
    """
    host, colon, port = text.rpartition(":")
    if ":" in host:
        raise ValueError(f"{text!r}: write a name or an IPv4 address: Locust's protocol has no other")
    if not (port.isascii() and port.isdigit()) or int(port) > _LAST_PORT or (colon and not host.strip()):
        raise ValueError(f"{text!r} is no address; write HOST:PORT, with a port from 0 to {_LAST_PORT}")
    return Address(host or _LOOPBACK, int(port))
