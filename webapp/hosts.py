"""Which Host and Origin the feed answers to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opsctl.core.addresses import is_loopback_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opsctl.settings import Settings

_HOST = re.compile(r"(?:(?P<name>[A-Za-z0-9._-]+)|\[(?P<address>[0-9A-Fa-f:.]+)\])(?::[0-9]{1,5})?")
_PROXY_HEADERS = ("HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO")
_ANY_ADDRESS = {"0.0.0.0", "::", ""}  # noqa: S104 - recognised, not bound


class AllowedHosts:
    """Loopback names, the address that was configured, and the hosts that were allowed by name."""

    def __init__(self, settings: Settings) -> None:
        own = () if settings.host in _ANY_ADDRESS else (settings.host.lower(),)
        self._names = frozenset((*settings.allowed_hosts, *own))
        self._origins = frozenset(settings.allowed_hosts)
        self._may_be_proxied = bool(settings.allowed_hosts) or settings.behind_proxy

    def allows_host(self, host: str) -> bool:
        """Return whether a Host header names the feed. DNS rebinding arrives with a foreign name."""
        name = _hostname(host)
        return name is not None and (name in self._names or is_loopback_name(name))

    def allows_origin(self, origin: str, host: str) -> bool:
        """Return whether a page of `origin` may talk to the feed at `host`: its own pages, and those of allowed names.

        The scheme is not compared, since TLS may end in front of the feed. `null` is nobody's own page.
        """
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            return False
        return parts.netloc.lower() == host.lower() or parts.hostname in self._origins

    def allows_socket_origin(self, origin: str, environ: dict[str, Any]) -> bool:
        """Return whether a page of `origin` may open a Socket.IO connection (python-engineio's callable).

        It is only asked when there is an Origin. A client without one is let in: every browser sends it, so it is no
        browser that a foreign page could abuse, but a program with no cookies of anybody's.
        """
        return self.allows_origin(origin, environ.get("HTTP_HOST", ""))

    def is_operator(self, environ: dict[str, Any]) -> bool:
        """Return whether it is surely a program on this machine that asks, and may see how the feed is doing.

        A proxy in front makes everybody look local. So nobody counts who comes by another name or with any header of
        a proxy, nor anybody at all where the feed is set up to be reached by others; the control socket remains.
        """
        if self._may_be_proxied or not is_local_peer(environ):
            return False
        name = _hostname(environ.get("HTTP_HOST", ""))
        return name is not None and is_loopback_name(name)

    def is_foreign(self, headers: Any) -> bool:
        """Return whether a browser sent this request on behalf of a page that is not the feed's own."""
        site = headers.get("Sec-Fetch-Site")
        if site is not None and site not in {"same-origin", "none"}:
            return True
        origin = headers.get("Origin")
        return origin is not None and not self.allows_origin(origin, headers.get("Host", ""))


class HostGuard:
    """WSGI middleware in front of everything, Socket.IO too: a request for another host is refused with 400."""

    def __init__(self, app: Any, hosts: AllowedHosts) -> None:
        self._app = app
        self._hosts = hosts

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Pass the request on, or refuse it (WSGI)."""
        if not self._hosts.allows_host(environ.get("HTTP_HOST", "")):
            body = b"This host name is not one the feed answers to.\n"
            headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
            start_response("400 Bad Request", [*headers, ("X-Content-Type-Options", "nosniff")])
            return [body]
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer


def is_local_peer(environ: dict[str, Any]) -> bool:
    """Return whether a program on this machine asks, and not a proxy on it for somebody else."""
    if any(header in environ for header in _PROXY_HEADERS):
        return False
    return is_loopback_name(environ.get("REMOTE_ADDR", ""))


def _hostname(host: str) -> str | None:
    match = _HOST.fullmatch(host)
    return (match["name"] or match["address"]).lower() if match else None
