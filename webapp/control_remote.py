"""The worker's control channel on a TCP address, for operators on other machines: a token, and TLS off loopback.

It answers what the unix socket answers under `/v1/`, to whoever shows `Authorization: Bearer TOKEN`. Everybody else is
told nothing, slowly, and is counted.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import time
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import gevent
import prometheus_client
from cachetools import LRUCache
from gevent import pywsgi

from opsctl.daemon.remote_control import announced_url, control_listener, control_tls
from webapp.ratelimit import RateLimiter
from webapp.timed_http import TimedHandler

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Mapping
    from socket import socket

    from prometheus_client import CollectorRegistry

    from opsctl.settings import Secret, Settings

_log = logging.getLogger(__name__)
_HANDSHAKE_S = 5.0
_FAILURES_PER_S = 1.0
_FAILURES_AT_ONCE = 10
_SCHEME = ("WWW-Authenticate", "Bearer")
_REFUSAL_S = 0.2
_CONNECTIONS_OF_ONE = 64
_PEERS_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class RemoteControl:
    """Where the control channel of one worker listens, and by which URL operators reach it."""

    listener: socket
    token: Secret
    tls: ssl.SSLContext | None
    url: str

    @classmethod
    def opened(cls, settings: Settings, environ: Mapping[str, str], *, number: int) -> RemoteControl | None:
        """Listen for worker `number`, as its settings say; `None` when they do not want it.

        Raises:
            OpsError: as `control_tls` and `open_listener`.
        """
        tls = control_tls(settings)
        listener = control_listener(settings, environ, number=number)
        if listener is None or settings.control_token is None:
            return None
        return cls(listener, settings.control_token, tls, announced_url(settings, listener, number=number))

    def server(self, app: Any, registry: CollectorRegistry) -> pywsgi.WSGIServer:
        """Return a server of the control channel's application, not yet started; its count goes into `registry`."""
        refused = prometheus_client.Counter(
            "feed_control_refused", "Requests to the control channel without its token", registry=registry
        )
        guarded = TokenGuard(app, self.token, refused.inc)
        if self.tls is None:
            return pywsgi.WSGIServer(self.listener, guarded, handler_class=_ControlHandler, log=None, error_log=_log)
        return _TlsServer(self.listener, guarded, self.tls)


class TokenGuard:
    """WSGI middleware: lets requests with the token through, and of those only what is under `/v1/`.

    The right token always is: it is not for strangers at the same address to keep an operator out.

    Args:
        app: The control channel's application.
        token: The control token.
        on_refused: Called with each request that did not show it, for counting.
    """

    def __init__(self, app: Any, token: Secret, on_refused: Callable[[], None]) -> None:
        self._app = app
        self._wanted = _digest(f"Bearer {token.reveal()}")
        self._on_refused = on_refused
        self._failures = RateLimiter(rate_per_s=_FAILURES_PER_S, burst=_FAILURES_AT_ONCE)
        self._named: LRUCache[str, bool] = LRUCache(_PEERS_REMEMBERED)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Pass the request on, or refuse it (WSGI)."""
        if not hmac.compare_digest(_digest(environ.get("HTTP_AUTHORIZATION", "")), self._wanted):
            return self._refuse(environ.get("REMOTE_ADDR", ""), start_response)
        if not environ["PATH_INFO"].startswith("/v1/"):
            return _answer(start_response, HTTPStatus.NOT_FOUND, "there is no such thing here")
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer

    def _refuse(self, peer: str, start_response: Callable[..., Any]) -> list[bytes]:
        self._on_refused()
        if peer not in self._named:
            self._named[peer] = True
            _log.warning("%s showed no control token, or a wrong one: refused (said once, counted further)", peer)
        time.sleep(_REFUSAL_S)
        if not self._failures.allows(peer):
            return _answer(start_response, HTTPStatus.TOO_MANY_REQUESTS, "too many wrong tokens", ("Retry-After", "10"))
        return _answer(start_response, HTTPStatus.UNAUTHORIZED, "the control token is missing or wrong", _SCHEME)


class _ControlHandler(TimedHandler):
    idle_s = 10.0
    headers_s = 5.0
    body_s = 5.0

    def handle_error(self, kind: Any, error: Any, trace: Any) -> None:
        """Say little of a connection that broke off: whoever observes just goes away (gevent)."""
        if isinstance(error, OSError):
            self.close_connection = True
            _log.debug("a connection to the control channel broke off: %s", type(error).__name__)
            return
        super().handle_error(kind, error, trace)


class _TlsServer(pywsgi.WSGIServer):
    """Speaks TLS, and does not wait long for a handshake; one address has so many connections at once."""

    def __init__(self, listener: socket, app: Any, tls: ssl.SSLContext) -> None:
        super().__init__(listener, app, handler_class=_ControlHandler, log=None, error_log=_log, ssl_context=tls)
        self._tls = tls
        self._open: Counter[str] = Counter()

    def wrap_socket_and_handle(self, client_socket: Any, address: Any) -> None:
        """Serve a new connection (gevent)."""
        peer = address[0]
        if self._open[peer] >= _CONNECTIONS_OF_ONE:
            client_socket.close()
            return
        self._open[peer] += 1
        try:
            self._serve(client_socket, address)
        finally:
            self._open[peer] -= 1
            if not self._open[peer]:
                del self._open[peer]

    def _serve(self, client_socket: Any, address: Any) -> None:
        try:
            with gevent.Timeout(_HANDSHAKE_S, TimeoutError("no handshake")):
                wrapped = self._tls.wrap_socket(client_socket, server_side=True)
        except OSError as error:
            _log.debug("no TLS with %s: %s", address[0], error)
            client_socket.close()
            return
        with wrapped:
            self.handle(wrapped, address)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("latin-1", "replace")).digest()


def _answer(
    start_response: Callable[..., Any], status: HTTPStatus, message: str, *headers: tuple[str, str]
) -> list[bytes]:
    body = json.dumps({"message": message}).encode()
    start_response(
        f"{status.value} {status.phrase}",
        [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Connection", "close"), *headers],
    )
    return [body]
