"""`/api/v2/projects/<project>/flags/<flag>/environments/<environment>/scheduled-changes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from opsctl.flagservice.pending_documents import scheduled_change_document
from opsctl.flagservice.pending_model import Place
from opsctl.flagservice.reading import member, objects
from opsctl.flagservice.responses import json_response
from opsctl.flagservice.rest.links import API, link
from opsctl.flagservice.rest.semantic import require_semantic
from opsctl.flagservice.schedule_patch import flag_instructions, patched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.routing import Rule

    from opsctl.flagservice.guard import Guard
    from opsctl.flagservice.pending_model import ScheduledChange
    from opsctl.flagservice.rest.call import Authenticated, Call
    from opsctl.flagservice.schedule import Schedule


class ScheduledChangeRoutes:
    """The routes of scheduled changes."""

    def __init__(self, schedule: Schedule, guard: Guard) -> None:
        self._schedule = schedule
        self._guard = guard

    def rules(self, authenticated: Authenticated) -> Iterator[Rule]:
        """Yield the routes."""
        address = f"{API}/projects/<project>/flags/<flag>/environments/<environment>/scheduled-changes"
        yield authenticated.rule(address, "GET", self.list)
        yield authenticated.rule(address, "POST", self.create)
        yield authenticated.rule(f"{address}/<change_id>", "GET", self.get)
        yield authenticated.rule(f"{address}/<change_id>", "PATCH", self.patch)
        yield authenticated.rule(f"{address}/<change_id>", "DELETE", self.delete)

    def list(self, _: Call, project: str, flag: str, environment: str) -> Response:
        """List what is scheduled for a flag in an environment, in the order of time."""
        place = Place(project, flag, environment)
        items = [self._representation(change) for change in self._schedule.of(place)]
        return json_response({"items": items, "_links": {"self": link(_address(place))}})

    def get(self, _: Call, project: str, flag: str, environment: str, change_id: str) -> Response:
        """Return one scheduled change."""
        return json_response(self._representation(self._schedule.get(Place(project, flag, environment), change_id)))

    def create(self, call: Call, project: str, flag: str, environment: str) -> Response:
        """Schedule instructions for a time."""
        place, body = Place(project, flag, environment), call.object_body()
        self._guard.require_no_approval(place)
        author = call.author(body)
        change = self._schedule.planned(
            place,
            member(body, "executionDate", int),
            flag_instructions(body, "instructions"),
            call.token,
            author.comment,
        )
        kept = self._schedule.keep(change, author, ignore_conflicts=call.flag("ignoreConflicts", default=False))
        return json_response(self._representation(kept), 201)

    def patch(self, call: Call, project: str, flag: str, environment: str, change_id: str) -> Response:
        """Change a scheduled change by a semantic patch, which may also delete it."""
        place, body = Place(project, flag, environment), call.object_body()
        require_semantic(call)
        change = self._schedule.get(place, change_id)
        after = patched(change, objects(body, "instructions"))
        if after is None:
            self._schedule.delete(change, call.author(body))
            return json_response(_with_links(change, scheduled_change_document(change)))
        self._guard.require_no_approval(place, is_pending=True)
        ignore = call.flag("ignoreConflicts", default=False)
        return json_response(
            self._representation(self._schedule.keep(after, call.author(body), ignore_conflicts=ignore))
        )

    def delete(self, call: Call, project: str, flag: str, environment: str, change_id: str) -> Response:
        """Withdraw a scheduled change; that needs no approval."""
        change = self._schedule.get(Place(project, flag, environment), change_id)
        self._schedule.delete(change, call.author())
        return Response(status=204)

    def _representation(self, change: ScheduledChange) -> dict[str, Any]:
        conflicts = self._schedule.conflicts(change.place)[change.id]
        return _with_links(change, scheduled_change_document(change, conflicts))


def _with_links(change: ScheduledChange, document: dict[str, Any]) -> dict[str, Any]:
    return document | {"_links": {"self": link(f"{_address(change.place)}/{change.id}")}}


def _address(place: Place) -> str:
    return f"{API}/projects/{place.project}/flags/{place.flag}/environments/{place.environment}/scheduled-changes"
