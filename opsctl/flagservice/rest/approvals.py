"""Approval requests: those of a flag in an environment, and all of them under `/api/v2/approval-requests`."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.config_copy import copying_instructions
from opsctl.flagservice.pending_documents import request_document
from opsctl.flagservice.pending_model import APPROVE, COMMENT, DECLINE, ApprovalRequest, Place
from opsctl.flagservice.reading import exactly, member, objects, optional, texts
from opsctl.flagservice.responses import json_response
from opsctl.flagservice.rest.approval_query import ApprovalQuery
from opsctl.flagservice.rest.flag_representation import flag_representation
from opsctl.flagservice.rest.links import API, link, page
from opsctl.flagservice.rest.project_representation import (
    approval_representation,
    environment_representation,
    project_representation,
)
from opsctl.flagservice.schedule_patch import flag_instructions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from werkzeug.routing import Rule

    from opsctl.flagservice.approvals import Approvals
    from opsctl.flagservice.instructions.scope import Instruction
    from opsctl.flagservice.rest.call import Authenticated, Call
    from opsctl.flagservice.store import Store

_ALL = f"{API}/approval-requests"
_EXPANDABLE = frozenset({"environments", "flag", "project", "resource"})


class ApprovalRoutes:
    """The routes of approval requests."""

    def __init__(self, approvals: Approvals, store: Store) -> None:
        self._approvals = approvals
        self._store = store

    def rules(self, authenticated: Authenticated) -> Iterator[Rule]:
        """Yield the routes."""
        address = f"{API}/projects/<project>/flags/<flag>/environments/<environment>/approval-requests"
        yield authenticated.rule(address, "GET", self.list_of_flag)
        yield authenticated.rule(address, "POST", self.create_for_flag)
        yield authenticated.rule(f"{address}-flag-copy", "POST", self.create_copy)
        yield authenticated.rule(_ALL, "GET", self.list)
        yield authenticated.rule(_ALL, "POST", self.create)
        for one in (f"{address}/<request_id>", f"{_ALL}/<request_id>"):
            yield authenticated.rule(one, "GET", self.get)
            yield authenticated.rule(one, "DELETE", self.delete)
            yield authenticated.rule(f"{one}/reviews", "POST", self.review)
            yield authenticated.rule(f"{one}/apply", "POST", self.apply)

    def list(self, call: Call) -> Response:
        """List all requests, by `filter`, the newest first."""
        query = ApprovalQuery.of(call.text("filter"))
        approvals = self._approvals
        found = [one for one in approvals.all() if query.matches(one, approvals.settings(one.place))]
        return json_response(page(call, found, lambda one: self._expanded(call, one)))

    def list_of_flag(self, _: Call, project: str, flag: str, environment: str) -> Response:
        """List the requests for a flag in an environment, the newest first."""
        place = Place(project, flag, environment)
        items = [self._representation(request) for request in self._approvals.of(place)]
        return json_response({"items": items, "_links": {"self": link(_address(place))}, "totalCount": len(items)})

    def get(self, call: Call, request_id: str, **place: str) -> Response:
        """Return one request."""
        return json_response(self._expanded(call, self._get(request_id, place)))

    def create(self, call: Call) -> Response:
        """Ask for approval of changes to a resource: a flag, in one environment or as it is in all of them."""
        body = call.object_body()
        place = _place(member(body, "resourceId", str))
        return self._create(call, place, body, flag_instructions(body, "instructions"))

    def create_for_flag(self, call: Call, project: str, flag: str, environment: str) -> Response:
        """Ask for approval of changes to a flag in an environment."""
        body = call.object_body()
        is_of_schedule = optional(body, "operatingOnId", str) is not None
        instructions = objects(body, "instructions") if is_of_schedule else flag_instructions(body, "instructions")
        return self._create(call, Place(project, flag, environment), body, instructions)

    def create_copy(self, call: Call, project: str, flag: str, environment: str) -> Response:
        """Ask for approval to copy a flag's configuration from another environment."""
        body, place = call.object_body(), Place(project, flag, environment)
        self._approvals.settings(place)
        source = member(body, "source", dict)
        found = self._store.flag(project, flag)
        instructions = copying_instructions(
            self._store.flags(project),
            flag,
            self._store.environment(project, member(source, "key", str)).key,
            environment,
            version=optional(source, "version", int),
            included=None if body.get("includedActions") is None else texts(body, "includedActions"),
            excluded=texts(body, "excludedActions", []),
        )
        copied = (source["key"], found.environments[source["key"]].version)
        return self._create(call, place, body, instructions, source=copied)

    def review(self, call: Call, request_id: str, **place: str) -> Response:
        """Approve, decline or comment on a request."""
        request, body = self._get(request_id, place), call.object_body()
        kind = member(body, "kind", str, COMMENT)
        if kind not in {APPROVE, DECLINE, COMMENT}:
            raise invalid_request("kind must be approve, decline or comment")
        reviewed = self._approvals.review(request, kind, call.author(body), call.token)
        return json_response(self._representation(reviewed))

    def apply(self, call: Call, request_id: str, **place: str) -> Response:
        """Carry out a request that is approved, or schedule it."""
        request = self._get(request_id, place)
        body = call.object_body() if call.request.get_data(cache=True) else {}
        return json_response(self._representation(self._approvals.apply(request, call.author(body), call.token)))

    def delete(self, call: Call, request_id: str, **place: str) -> Response:
        """Delete a request."""
        self._approvals.delete(self._get(request_id, place), call.author())
        return Response(status=204)

    def _get(self, request_id: str, place: dict[str, str]) -> ApprovalRequest:
        return self._approvals.get(request_id, Place(**place) if place else None)

    def _create(
        self,
        call: Call,
        place: Place,
        body: dict[str, Any],
        instructions: Sequence[Instruction],
        *,
        source: tuple[str, int] | None = None,
    ) -> Response:
        author = call.author(body)
        request = ApprovalRequest(
            id=secrets.token_hex(12),
            place=place,
            description=member(body, "description", str),
            instructions=tuple(instructions),
            requestor=call.token,
            created_ms=self._store.ledger.now_ms(),
            comment=author.comment,
            notify_member_ids=texts(body, "notifyMemberIds", []),
            notify_team_keys=texts(body, "notifyTeamKeys", []),
            execution_ms=optional(body, "executionDate", int),
            operating_on_id=optional(body, "operatingOnId", str),
            source=source,
        )
        return json_response(self._representation(self._approvals.create(request, author)), 201)

    def _representation(self, request: ApprovalRequest) -> dict[str, Any]:
        settings, place = self._approvals.settings(request.place), request.place
        address = _ALL if place.environment is None else _address(place)
        links = {
            "self": link(f"{address}/{request.id}"),
            "apply": link(f"{address}/{request.id}/apply"),
            "reviews": link(f"{address}/{request.id}/reviews"),
            "flag": link(f"{API}/flags/{place.project}/{place.flag}"),
        }
        return request_document(request, settings, self._approvals.conflicts(request)) | {
            "resourceId": place.resource,
            "approvalSettings": approval_representation(settings),
            "_links": links,
        }

    def _expanded(self, call: Call, request: ApprovalRequest) -> dict[str, Any]:
        wanted = set(filter(None, (call.text("expand") or "").split(",")))
        if not wanted <= _EXPANDABLE:
            raise invalid_request(f"expand takes {', '.join(sorted(_EXPANDABLE))}")
        shown, place = self._representation(request), request.place
        owner = self._store.project(place.project)
        flag = flag_representation(self._store.flag(place.project, place.flag), owner, environments=frozenset())
        environments = [one for one in owner.environments if place.environment in {None, one.key}]
        parts = {
            "project": project_representation(owner, is_expanded=False),
            "environments": [environment_representation(owner.key, one) for one in environments],
            "flag": flag,
            "resource": {"kind": "flag", "flag": flag},
        }
        return shown | {name: part for name, part in parts.items() if name in wanted}


def _place(resource: str) -> Place:
    kinds = [part.partition("/") for part in exactly(resource, "resourceId", str).split(":")]
    if [kind for kind, _, _ in kinds] != ["proj", "env", "flag"] or not all(key for _, _, key in kinds):
        raise invalid_request("resourceId must name a flag: proj/KEY:env/KEY:flag/KEY")
    project, environment, flag = (key.partition(";")[0] for _, _, key in kinds)
    return Place(project, flag, None if environment == "*" else environment)


def _address(place: Place) -> str:
    return f"{API}/projects/{place.project}/flags/{place.flag}/environments/{place.environment}/approval-requests"
