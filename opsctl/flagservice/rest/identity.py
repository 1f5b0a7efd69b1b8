"""`/api/v2/caller-identity`: whose token it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.flagservice.responses import json_response
from opsctl.flagservice.rest.links import API, link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.routing import Rule
    from werkzeug.wrappers import Response

    from opsctl.flagservice.rest.call import Authenticated, Call

ACCOUNT_ID = "local"


class IdentityRoutes:
    """The routes that say who is calling."""

    def rules(self, authenticated: Authenticated) -> Iterator[Rule]:
        """Yield the routes."""
        yield authenticated.rule(API, "GET", self.root)
        yield authenticated.rule(f"{API}/caller-identity", "GET", self.caller)

    def root(self, _: Call) -> Response:
        """Return links to what there is."""
        names = ("caller-identity", "projects", "flags/default", "auditlog")
        links = {name.partition("/")[0]: link(f"{API}/{name}") for name in names}
        return json_response({"links": links | {"self": link(API)}})

    def caller(self, call: Call) -> Response:
        """Return what is known of the token that makes the call."""
        return json_response(
            {
                "accountId": ACCOUNT_ID,
                "authKind": "token",
                "tokenKind": "api",
                "tokenId": call.token.id,
                "tokenName": call.token.name,
                "serviceToken": True,
                "scopes": [call.token.role],
            }
        )
