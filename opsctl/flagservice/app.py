"""The WSGI application: 503 until it is open, then the routes; every failure becomes an error body."""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge
from werkzeug.routing import Map
from werkzeug.wrappers import Request, Response

from opsctl.core.addresses import is_loopback_name
from opsctl.flagservice.api_errors import ApiError, invalid_request, method_not_allowed, not_found, unavailable
from opsctl.flagservice.database_errors import meaning_of
from opsctl.flagservice.responses import error_response
from opsctl.flagservice.rest.cors import allow_pages, is_preflight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from werkzeug.routing import Rule

_LOG = logging.getLogger(__name__)
_LONGEST_BODY = 10 * 1024 * 1024
_ROUTE = "opsctl.route"
_OVERRIDABLE = frozenset({"DELETE", "PATCH", "PUT"})


class Application:
    """Dispatches requests. SDKs back off for minutes on a 401 or 404, so that starting has to look like 503."""

    def __init__(self, on_answer: Callable[[Request, str, int], None] | None = None) -> None:
        """Take who is told of each answer: the request, the route it went to (empty: none) and the status."""
        self._routes: Map | None = None
        self._on_answer = on_answer

    def open(self, rules: Iterable[Rule]) -> None:
        """Begin to answer with these rules, whose endpoints are handlers: called with the request and its values."""
        self._routes = Map(list(rules), strict_slashes=False, merge_slashes=False)

    def close(self) -> None:
        """Go back to answering 503, so that nothing new begins."""
        self._routes = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        response = self._respond(request)
        allow_pages(request, response)
        if self._on_answer is not None:
            self._on_answer(request, environ.get(_ROUTE, ""), response.status_code)
        return response(environ, start_response)

    def _respond(self, request: Request) -> Response:
        try:
            return self._dispatch(request)
        except MethodNotAllowed as error:
            response = error_response(method_not_allowed())
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
            return response
        except Exception as error:  # noqa: BLE001 - the boundary: whatever it is, the caller gets an error body
            return error_response(_refusal(error))

    def _dispatch(self, request: Request) -> Response:
        if self._routes is None:
            raise unavailable("The flag service is starting or stopping. Try again in a moment.")
        request.max_content_length = _LONGEST_BODY
        _require_loopback_name(request.host)
        if is_preflight(request):
            return Response(status=204)
        try:
            adapter = self._routes.bind_to_environ(request.environ)
            rule, values = adapter.match(method=_method(request), return_rule=True)
        except NotFound as error:
            raise not_found(request.path) from error
        request.environ[_ROUTE] = rule.rule
        response: Response = rule.endpoint(request, **values)
        return response


def _refusal(error: Exception) -> ApiError:
    match error:
        case ApiError():
            return error
        case RequestEntityTooLarge():
            return ApiError(413, "invalid_request", "Request body too large")
        case HTTPException():
            return ApiError(error.code or 500, "invalid_request", error.name)
        case sqlite3.Error():
            _LOG.error("the database refused: %s", meaning_of(error))
            return unavailable(f"The database refused, nothing was changed: {meaning_of(error)}")
        case _:
            _LOG.error("a request failed", exc_info=error)
            return ApiError(500, "internal_service_error", "Internal service error")


def _method(request: Request) -> str:
    """Return the method, which callers behind strict firewalls put into a header of a POST."""
    override = request.headers.get("X-HTTP-Method-Override", "").upper()
    return override if request.method == "POST" and override in _OVERRIDABLE else request.method


def _require_loopback_name(host: str) -> None:
    """Refuse requests that reached this machine under another name: a web page whose DNS was rebound sends such."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        name = ""
    if not is_loopback_name(name):
        raise invalid_request("Invalid Host header: this service answers to loopback names only")
