"""What lets web pages call the REST API: they need an access token all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.flagservice.rest.links import API

if TYPE_CHECKING:
    from werkzeug.wrappers import Request, Response

_METHODS = "OPTIONS, GET, POST, PUT, DELETE, PATCH"
_HEADERS = (
    *("Accept", "Content-Type", "Content-Length", "Accept-Encoding", "Authorization"),
    *("LD-API-Version", "X-HTTP-Method-Override"),
)
_EXPOSED = "Date, X-Ratelimit-Global-Remaining, X-Ratelimit-Route-Remaining, X-Ratelimit-Reset"


def is_preflight(request: Request) -> bool:
    """Whether a browser asks if a page may make a request to the REST API."""
    return request.method == "OPTIONS" and request.path.startswith(API)


def allow_pages(request: Request, response: Response) -> None:
    """Say on an answer of the REST API that any page may read it."""
    if not request.path.startswith(API):
        return
    response.headers["Access-Control-Allow-Origin"] = request.headers.get("Origin", "*")
    response.headers["Access-Control-Expose-Headers"] = _EXPOSED
    response.headers.add("Vary", "Origin")
    if is_preflight(request):
        response.headers["Access-Control-Allow-Methods"] = _METHODS
        response.headers["Access-Control-Allow-Headers"] = ", ".join(_HEADERS)
        response.headers["Access-Control-Max-Age"] = "300"
