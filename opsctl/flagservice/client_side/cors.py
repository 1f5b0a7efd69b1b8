"""Cross-origin requests: browsers ask whether a page of another origin may read the answers. Any page may.

The client-side id in the address is what keeps strangers out, as at LaunchDarkly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from opsctl.flagservice.api_errors import ApiError
from opsctl.flagservice.responses import error_response
from opsctl.flagservice.routing import Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Request

_ALLOWED_HEADERS = (
    *("Accept", "Accept-Encoding", "Authorization", "Cache-Control", "Content-Encoding", "Content-Length"),
    *("Content-Type", "If-None-Match", "X-LaunchDarkly-Event-Schema", "X-LaunchDarkly-Payload-ID"),
    *("X-LaunchDarkly-Tags", "X-LaunchDarkly-User-Agent", "X-LaunchDarkly-Wrapper", "X-Requested-With"),
)
_OWN_PREFIX = "x-launchdarkly-"


def cors_rule(path: str, method: str, handler: Callable[..., Response]) -> Rule:
    """Return the route of one method, with the `OPTIONS` that browsers send before it; refusals can be read too."""

    def handle(request: Request, **values: str) -> Response:
        if request.method == "OPTIONS":
            return _preflight(request, method)
        try:
            response = handler(request, **values)
        except ApiError as error:
            response = error_response(error)
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Expose-Headers"] = "Date, ETag, X-LD-EnvID"
        return response

    rule = Rule(path, endpoint=handle, methods=[method, "OPTIONS"])
    # Werkzeug adds HEAD to GET; a stream has no length to announce.
    rule.methods = {method, "OPTIONS"}
    return rule


def _preflight(request: Request, method: str) -> Response:
    asked = request.headers.get("Access-Control-Request-Headers", "").split(",")
    own = [name.strip() for name in asked if name.strip().lower().startswith(_OWN_PREFIX)]
    response = Response(status=204)
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Allow-Methods"] = f"{method}, OPTIONS"
    response.headers["Access-Control-Allow-Headers"] = ", ".join(dict.fromkeys((*_ALLOWED_HEADERS, *own)))
    response.headers["Access-Control-Max-Age"] = "300"
    return response
