"""A reverse proxy on this machine, in front of the feed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from werkzeug.middleware.proxy_fix import ProxyFix

from opsctl.core.addresses import is_loopback_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class LocalProxy:
    """WSGI middleware: believes what a proxy on this machine says of the client's address and of TLS.

    Just the last proxy's word counts, and never its word on the host. Whoever comes from elsewhere is not believed.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._forwarded = ProxyFix(app, x_for=1, x_proto=1, x_host=0)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Pass the request on (WSGI)."""
        app: Any = self._forwarded if is_loopback_name(environ.get("REMOTE_ADDR", "")) else self._app
        answer: Iterable[bytes] = app(environ, start_response)
        return answer
