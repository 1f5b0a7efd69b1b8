"""`/api/v2/tokens`: access tokens of the REST API. A secret is shown once, when it is made; only admins make any."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from opsctl.flagservice.api_errors import forbidden, invalid_request
from opsctl.flagservice.credentials import ROLES
from opsctl.flagservice.json_patch import apply_operations
from opsctl.flagservice.model import MEMBER_ID
from opsctl.flagservice.reading import member, optional
from opsctl.flagservice.responses import json_response
from opsctl.flagservice.rest.call import API_VERSIONS
from opsctl.flagservice.rest.identity import member_summary
from opsctl.flagservice.rest.links import API, link, page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from werkzeug.routing import Rule

    from opsctl.flagservice.model import Token
    from opsctl.flagservice.rest.call import Authenticated, Call
    from opsctl.flagservice.token_store import TokenStore

_DEFAULT_LIMIT = 25
_EDITABLE = frozenset({"name", "description", "role", "defaultApiVersion", "expiry"})
_DATES = frozenset(int(version) for version in API_VERSIONS if version.isdigit())


class TokenRoutes:
    """The routes of access tokens."""

    def __init__(self, tokens: TokenStore, now_ms: Callable[[], int]) -> None:
        self._tokens = tokens
        self._now_ms = now_ms

    def rules(self, authenticated: Authenticated) -> Iterator[Rule]:
        """Yield the routes."""
        yield authenticated.rule(f"{API}/tokens", "GET", self.list)
        yield authenticated.rule(f"{API}/tokens", "POST", self.create)
        yield authenticated.rule(f"{API}/tokens/<token_id>", "GET", self.get)
        yield authenticated.rule(f"{API}/tokens/<token_id>", "PATCH", self.patch)
        yield authenticated.rule(f"{API}/tokens/<token_id>", "DELETE", self.delete)
        yield authenticated.rule(f"{API}/tokens/<token_id>/reset", "POST", self.reset)

    def list(self, call: Call) -> Response:
        """List the tokens that the caller may see: service tokens; personal ones too for admins with `showAll`."""
        shows_all = call.flag("showAll", default=False) and _is_admin(call)
        tokens = [one for one in self._tokens.all() if shows_all or one.service_token or one.id == call.token.id]
        return json_response(page(call, tokens, _representation, default_limit=_DEFAULT_LIMIT))

    def get(self, _: Call, token_id: str) -> Response:
        """Return one token."""
        return json_response(_representation(self._tokens.get(token_id)))

    def create(self, call: Call) -> Response:
        """Create a token; this answer is the only one that shows its secret."""
        _require_admin(call)
        body = call.object_body()
        if body.get("customRoleIds") or body.get("inlineRole"):
            raise invalid_request("custom roles are not supported by this service; role is reader, writer or admin")
        document = {"role": "reader", "serviceToken": False, "defaultApiVersion": max(_DATES)} | body
        token, secret = self._tokens.create(lambda blank: self._read(document, blank), call.author())
        return json_response(_representation(token) | {"token": secret}, 201)

    def patch(self, call: Call, token_id: str) -> Response:
        """Change a token by a JSON patch."""
        _require_admin(call)
        operations, author = call.json_patch()

        def plan(token: Token) -> Token:
            document = _representation(token)
            return self._read(apply_operations(document, operations, lambda parts: parts[0] in _EDITABLE), token)

        return json_response(_representation(self._tokens.change(token_id, plan, author)))

    def reset(self, call: Call, token_id: str) -> Response:
        """Give a token a new secret, shown in this answer only; the old one is good until `expiry` (ms)."""
        _require_admin(call)
        token, secret = self._tokens.reset(token_id, call.number("expiry", 0), call.author())
        return json_response(_representation(token) | {"token": secret})

    def delete(self, call: Call, token_id: str) -> Response:
        """Revoke a token: it stops working at once."""
        _require_admin(call)
        self._tokens.delete(token_id, call.author())
        return Response(status=204)

    def _read(self, document: Mapping[str, Any], token: Token) -> Token:
        """Return the token with what the document says."""
        role, version = member(document, "role", str), member(document, "defaultApiVersion", int)
        expiry_ms = optional(document, "expiry", int)
        if role not in ROLES:
            raise invalid_request(f"role must be one of {', '.join(ROLES)}")
        if version not in _DATES:
            raise invalid_request(f"defaultApiVersion must be {max(_DATES)}")
        if expiry_ms is not None and expiry_ms != token.expiry_ms and expiry_ms <= self._now_ms():
            raise invalid_request("expiry must be a time in the future, in epoch milliseconds")
        return replace(
            token,
            name=member(document, "name", str, ""),
            description=member(document, "description", str, ""),
            role=role,
            service_token=member(document, "serviceToken", bool, False),
            default_api_version=version,
            expiry_ms=expiry_ms,
        )


def _representation(token: Token) -> dict[str, Any]:
    representation: dict[str, Any] = {
        "_id": token.id,
        "ownerId": MEMBER_ID,
        "memberId": MEMBER_ID,
        "_member": member_summary(),
        "name": token.name,
        "description": token.description,
        "creationDate": token.created_ms,
        "lastModified": token.modified_ms,
        "role": token.role,
        "token": token.ending,
        "serviceToken": token.service_token,
        "defaultApiVersion": token.default_api_version,
        "_links": {"self": link(f"{API}/tokens/{token.id}"), "parent": link(f"{API}/tokens")},
    }
    return representation if token.expiry_ms is None else representation | {"expiry": token.expiry_ms}


def _is_admin(call: Call) -> bool:
    return call.token.role == "admin"


def _require_admin(call: Call) -> None:
    if not _is_admin(call):
        raise forbidden(f"A token of role {call.token.role} may not manage access tokens.")
