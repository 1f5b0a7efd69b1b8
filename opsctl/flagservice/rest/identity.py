"""Who is calling: the token, and the one member that this service has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import not_found
from opsctl.flagservice.documents import without_nulls
from opsctl.flagservice.model import MEMBER_ID
from opsctl.flagservice.responses import json_response
from opsctl.flagservice.rest.links import API, link, page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.routing import Rule
    from werkzeug.wrappers import Response

    from opsctl.flagservice.rest.call import Authenticated, Call

ACCOUNT_ID = "local"
_CURRENT_VERSION = 20240415
_ME = "me"


class IdentityRoutes:
    """The routes that say who is calling, and what there is to call."""

    def rules(self, authenticated: Authenticated) -> Iterator[Rule]:
        """Yield the routes."""
        yield authenticated.rule(API, "GET", self.root)
        yield authenticated.rule(f"{API}/caller-identity", "GET", self.caller)
        yield authenticated.rule(f"{API}/versions", "GET", self.versions)
        yield authenticated.rule(f"{API}/members", "GET", self.members)
        yield authenticated.rule(f"{API}/members/<member_id>", "GET", self.member)

    def root(self, _: Call) -> Response:
        """Return links to what there is."""
        names = ("caller-identity", "projects", "auditlog", "tokens", "members", "versions")
        return json_response({"links": {name: link(f"{API}/{name}") for name in names} | {"self": link(API)}})

    def caller(self, call: Call) -> Response:
        """Return what is known of the token that makes the call."""
        token = call.token
        identity = {
            "accountId": ACCOUNT_ID,
            "authKind": "token",
            "tokenKind": "service" if token.service_token else "personal",
            "tokenId": token.id,
            "tokenName": token.name,
            "memberId": None if token.service_token else MEMBER_ID,
            "serviceToken": token.service_token,
            "expiresAt": token.expiry_ms,
            "scopes": [token.role],
        }
        return json_response(without_nulls(identity))

    def versions(self, _: Call) -> Response:
        """Return the versions of the API that there are."""
        return json_response(
            {"validVersions": [_CURRENT_VERSION], "latestVersion": _CURRENT_VERSION, "currentVersion": _CURRENT_VERSION}
        )

    def members(self, call: Call) -> Response:
        """List the members: one."""
        call.refuse_parameters("filter", "sort", "expand")
        return json_response(page(call, [None], lambda _: _member()))

    def member(self, call: Call, member_id: str) -> Response:
        """Return the member; `me` is the caller's."""
        if member_id not in {_ME, MEMBER_ID}:
            raise not_found(f"there is no member {member_id!r}")
        role = {"role": call.token.role} if member_id == _ME else {}
        return json_response(_member() | role)


def member_summary() -> dict[str, Any]:
    """Return the member that tokens belong to, in short."""
    return {
        "_links": {"self": link(f"{API}/members/{MEMBER_ID}")},
        "_id": MEMBER_ID,
        "firstName": "Flag",
        "lastName": "Service",
        "role": "admin",
        "email": "flag-service@localhost",
    }


def _member() -> dict[str, Any]:
    return member_summary() | {
        "_pendingInvite": False,
        "_verified": True,
        "customRoles": [],
        "mfa": "disabled",
        "_lastSeen": 0,
        "creationDate": 0,
    }
