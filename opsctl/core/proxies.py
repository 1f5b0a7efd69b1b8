"""Which hosts are reached without the proxy that the environment names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NAMES = ("no_proxy", "NO_PROXY")


def no_proxy_with_loopback(environ: Mapping[str, str]) -> str:
    """Return the `no_proxy` list with this machine's own names in it: nothing local is meant for a proxy.

    Libraries differ in which spelling of the variable they read first; the lower-case one wins here, as in curl.
    """
    given = next((environ[name] for name in _NAMES if environ.get(name)), "")
    hosts = [host.strip() for host in given.split(",") if host.strip()]
    return ",".join([*hosts, *(host for host in _LOOPBACK if host not in hosts)])
