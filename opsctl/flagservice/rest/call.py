"""One REST request: who makes it, and what it asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import ApiError, forbidden, invalid_request, unauthorized
from opsctl.flagservice.auditing import Author
from opsctl.flagservice.reading import exactly, member, parse_json
from opsctl.flagservice.routing import Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Request, Response

    from opsctl.flagservice.model import Token
    from opsctl.flagservice.rest.rate_limits import RateLimiter
    from opsctl.flagservice.store import Store

API_VERSIONS = frozenset({"20240415", "beta"})
_READS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated request."""

    request: Request
    token: Token

    def body(self) -> Any:
        """Return the JSON body.

        Raises:
            ApiError: 400.
        """
        return parse_json(self.request.get_data(cache=True))

    def object_body(self) -> dict[str, Any]:
        """Return the JSON body, which must be an object."""
        return exactly(self.body(), "the request body", dict)

    def text(self, name: str) -> str | None:
        """Return a query parameter; an empty one counts as absent."""
        return self.request.args.get(name) or None

    def number(self, name: str, default: int, *, at_most: int | None = None) -> int:
        """Return a query parameter that is a whole number from 0 on, cut to `at_most`."""
        text = self.text(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 19):  # noqa: PLR2004 - what an SQLite integer holds
            raise invalid_request(f"{name} must be a whole number")
        return int(text) if at_most is None else min(int(text), at_most)

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a query parameter that is true or false, also written 1 or 0."""
        text = self.text(name)
        if text is None:
            return default
        if text.lower() not in {"true", "false", "1", "0"}:
            raise invalid_request(f"{name} must be true or false")
        return text.lower() in {"true", "1"}

    def refuse_parameters(self, *names: str) -> None:
        """Refuse query parameters that this service does not have: an answer that ignores a filter misleads.

        Raises:
            ApiError: 400, one of them was given.
        """
        for name in names:
            if name in self.request.args:
                raise invalid_request(f"the parameter {name!r} is not supported by this service")

    def json_patch(self) -> tuple[Any, Author]:
        """Return the operations of a JSON patch, bare or in `{"patch", "comment"}`, and who asks for them."""
        body = self.body()
        operations = body.get("patch") if isinstance(body, dict) else body
        return operations, self.author(body, delta=operations)

    def author(self, body: Any = None, *, delta: Any = None) -> Author:
        """Return who makes the change, with the `comment` of the body, where there is one."""
        comment = member(body, "comment", str, "") if isinstance(body, dict) else ""
        return Author(token=self.token, comment=comment, delta=delta)


class Authenticated:
    """Turns handlers of calls into handlers of requests, by checking the access token first."""

    def __init__(self, store: Store, limiter: RateLimiter) -> None:
        self._store = store
        self._limiter = limiter

    def rule(self, path: str, method: str, handler: Callable[..., Response], *, is_query: bool = False) -> Rule:
        """Return the route under which `handler` gets `(call, **values of the path)`.

        `is_query` says that it changes nothing whatever its method, so that every role may use it.
        """

        def answer(call: Call, **values: str) -> Response:
            _require_known_version(call.request)
            if method not in _READS and not is_query:
                _require_writer(call.token)
            return handler(call, **values)

        def handle(request: Request, **values: str) -> Response:
            token = self._token(request)
            headers = self._limiter.count(f"{method} {path}")
            try:
                response = answer(Call(request, token), **values)
            except ApiError as error:
                error.headers = {**error.headers, **headers}
                raise
            response.headers.update(headers)
            return response

        return Rule(path, endpoint=handle, methods=[method])

    def _token(self, request: Request) -> Token:
        found = self._store.access.find(request.headers.get("Authorization", ""))
        if found is None:
            raise unauthorized()
        return found


def _require_writer(token: Token) -> None:
    # LaunchDarkly's documents leave open whether a reader's write is a 401 or a 403. 403: the token is valid, so that
    # a client which takes 401 for "log in again" does not send its user in circles.
    if not token.may_write:
        raise forbidden(f"A token of role {token.role} may only read.")


def _require_known_version(request: Request) -> None:
    version = request.headers.get("LD-API-Version", "")
    if version and version not in API_VERSIONS:
        raise invalid_request(f"LD-API-Version {version[:20]!r} is not supported; this service speaks 20240415")
