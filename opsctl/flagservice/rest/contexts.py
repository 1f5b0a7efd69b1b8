"""Contexts that events told of, and what flags serve to one: reads, though some of them are sent as POST."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.reading import member, optional
from opsctl.flagservice.responses import json_response
from opsctl.flagservice.rest.flag_statuses import iso_time
from opsctl.flagservice.rest.links import API, address, link, page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from werkzeug.routing import Rule
    from werkzeug.wrappers import Response

    from opsctl.flagservice.client_side.evaluation import Evaluations
    from opsctl.flagservice.rest.call import Authenticated, Call
    from opsctl.flagservice.store import Store
    from opsctl.flagservice.usage import Usage
    from opsctl.flagservice.usage_model import SeenContext

_DEFAULT_LIMIT = 20
_LARGEST_LIMIT = 50
_CONDITION = re.compile(r'\s*(kind|key)\s+(equals|anyOf|startsWith|contains)\s+(\[[^\]]*\]|"[^"]*"|[^,\s]+)\s*(?:,|$)')


class ContextRoutes:
    """The routes of contexts."""

    def __init__(self, store: Store, usage: Usage, evaluations: Evaluations) -> None:
        self._store = store
        self._usage = usage
        self._evaluations = evaluations

    def rules(self, authenticated: Authenticated) -> Iterator[Rule]:
        """Yield the routes."""
        environment = f"{API}/projects/<project>/environments/<environment>"
        yield authenticated.rule(f"{environment}/contexts/search", "POST", self.search, is_query=True)
        yield authenticated.rule(f"{environment}/contexts/<kind>/<path:key>", "GET", self.get)
        yield authenticated.rule(f"{environment}/flags/evaluate", "POST", self.evaluate, is_query=True)
        yield authenticated.rule(f"{API}/projects/<project>/context-kinds", "GET", self.kinds)

    def search(self, call: Call, project: str, environment: str) -> Response:
        """List the contexts that were seen, by kind and key, as `filter` says; in pages."""
        body = call.object_body() if call.request.get_data(cache=True) else {}
        if call.text("sort") or body.get("sort"):
            raise invalid_request("contexts are always sorted by kind and key: sort is not supported")
        environment_id = self._store.environment(project, environment).id
        wanted = call.text("filter") or optional(body, "filter", str) or ""
        found = [one for one in self._usage.contexts(environment_id) if _is_wanted(one, wanted)]
        token = call.text("continuationToken") or optional(body, "continuationToken", str)
        rest = [one for one in found if (one.kind, one.key) > _place(token)]
        limit = call.number("limit", member(body, "limit", int, _DEFAULT_LIMIT))
        if not 1 <= limit <= _LARGEST_LIMIT:
            raise invalid_request(f"limit must be from 1 to {_LARGEST_LIMIT}")
        shown = rest[:limit]
        answer = _contexts(shown, environment_id) | {"totalCount": len(found)}
        answer["_links"] = {"self": link(address(call))}
        if len(rest) > limit:
            answer["continuationToken"] = _token(shown[-1])
            answer["_links"]["next"] = link(address(call, continuationToken=_token(shown[-1])))
        return json_response(answer)

    def get(self, call: Call, project: str, environment: str, kind: str, key: str) -> Response:
        """Return one context, in a list that is empty when it was not seen."""
        environment_id = self._store.environment(project, environment).id
        found = [one for one in self._usage.contexts(environment_id) if (one.kind, one.key) == (kind, key)]
        answer = _contexts(found, environment_id) | {"totalCount": len(found)}
        return json_response(answer | {"_links": {"self": link(address(call))}})

    def kinds(self, call: Call, project: str) -> Response:
        """List the kinds of context that were seen in any environment of a project, and users."""
        owner = self._store.project(project)
        last_seen: dict[str, int] = {"user": 0}
        for environment in owner.environments:
            for one in self._usage.contexts(environment.id):
                last_seen[one.kind] = max(one.last_seen_ms, last_seen.get(one.kind, 0))
        items = [_kind(kind, seen_ms, owner.created_ms) for kind, seen_ms in sorted(last_seen.items())]
        return json_response({"items": items, "_links": {"self": link(address(call))}})

    def evaluate(self, call: Call, project: str, environment: str) -> Response:
        """Return what each flag serves to the context in the body; nothing is counted for it."""
        context = self._evaluations.context(call.object_body())
        self._store.environment(project, environment)
        flags = self._store.flags(project)
        evaluated = self._evaluations.evaluate((project, environment), context)
        text = (call.text("filter") or "").removeprefix("query equals ").strip('" ').lower()
        keys = sorted(key for key in evaluated if text in f"{key}\n{flags[key].name}".lower())
        return json_response(
            page(
                call,
                keys,
                lambda key: {
                    "key": key,
                    "name": flags[key].name,
                    "_value": evaluated[key]["value"],
                    "reason": _reason(evaluated[key]["reason"]),
                    "_links": {"self": link(f"{API}/flags/{project}/{key}")},
                },
            )
        )


def _contexts(seen: Iterable[SeenContext], environment_id: str) -> dict[str, Any]:
    items = [
        {
            "lastSeen": iso_time(one.last_seen_ms),
            "applicationId": "",
            "context": one.attributes,
            "associatedContexts": 1,
        }
        for one in seen
    ]
    return {"_environmentId": environment_id, "items": items}


def _kind(kind: str, last_seen_ms: int, created_ms: int) -> dict[str, Any]:
    seen = {"lastSeen": last_seen_ms} if last_seen_ms else {}
    return {
        "key": kind,
        "name": kind,
        "description": "",
        "version": 1,
        "createdFrom": "auto-add",
        "creationDate": created_ms,
        "lastModified": created_ms,
        "hideInTargeting": False,
        "archived": False,
        **seen,
    }


def _reason(reason: dict[str, Any]) -> dict[str, Any]:
    return {"ruleID" if name == "ruleId" else name: value for name, value in reason.items()}


def _is_wanted(seen: SeenContext, text: str) -> bool:
    place = 0
    while place < len(text):
        match = _CONDITION.match(text, place)
        if match is None:
            raise invalid_request(
                "a filter of contexts reads: kind or key, equals, anyOf, startsWith or contains, value"
            )
        values = [one.strip(' "') for one in match[3].strip("[]").split(",")]
        if not _holds(seen.kind if match[1] == "kind" else seen.key, match[2], values):
            return False
        place = match.end()
    return True


def _holds(value: str, operator: str, wanted: list[str]) -> bool:
    match operator:
        case "startsWith":
            return value.startswith(wanted[0])
        case "contains":
            return all(one in value for one in wanted)
        case _:
            return value in wanted


def _token(seen: SeenContext) -> str:
    return base64.urlsafe_b64encode(f"{seen.kind}\n{seen.key}".encode()).decode()


def _place(token: str | None) -> tuple[str, str]:
    try:
        kind, _, key = base64.urlsafe_b64decode(token or "").decode().partition("\n")
    except (binascii.Error, ValueError) as error:
        raise invalid_request("continuationToken is none of this service") from error
    return kind, key
