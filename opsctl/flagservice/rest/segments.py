"""`/api/v2/segments`: list, get, create, change, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.reading import member, optional, resource_key, texts
from opsctl.flagservice.responses import json_response
from opsctl.flagservice.rest.links import API, link, page
from opsctl.flagservice.rest.segment_patch import plan_segment_patch
from opsctl.flagservice.rest.segment_query import select_segments, sorted_segments
from opsctl.flagservice.segment_documents import segment_document
from opsctl.flagservice.segment_model import Segment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.routing import Rule

    from opsctl.flagservice.rest.call import Authenticated, Call
    from opsctl.flagservice.store import Store


class SegmentRoutes:
    """The routes of segments."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._segments = store.segments

    def rules(self, authenticated: Authenticated) -> Iterator[Rule]:
        """Yield the routes."""
        collection = f"{API}/segments/<project>/<environment>"
        yield authenticated.rule(collection, "GET", self.list)
        yield authenticated.rule(collection, "POST", self.create)
        yield authenticated.rule(f"{collection}/<key>", "GET", self.get)
        yield authenticated.rule(f"{collection}/<key>", "PATCH", self.patch)
        yield authenticated.rule(f"{collection}/<key>", "DELETE", self.delete)

    def list(self, call: Call, project: str, environment: str) -> Response:
        """List the segments of an environment, by `filter`, in the order of `sort`."""
        found = select_segments(self._segments.segments(project, environment).values(), call.text("filter"))
        ordered = sorted_segments(found, call.text("sort"))
        return json_response(page(call, ordered, lambda one: segment_representation(one, project, environment)))

    def get(self, _: Call, project: str, environment: str, key: str) -> Response:
        """Return one segment, with the flags that refer to it."""
        return json_response(self._in_full(self._segments.segment(project, environment, key), project, environment))

    def create(self, call: Call, project: str, environment: str) -> Response:
        """Create a segment."""
        segment = self._segments.create(project, environment, _new_segment(call.object_body()), call.author())
        return json_response(segment_representation(segment, project, environment), 201)

    def patch(self, call: Call, project: str, environment: str, key: str) -> Response:
        """Change a segment by a semantic patch, a JSON patch or a merge patch; `dryRun` only shows what would be."""
        self._segments.segment(project, environment, key)
        change = plan_segment_patch(call, environment)
        if call.flag("dryRun", default=False):
            segment = self._segments.preview(project, environment, key, change.plan)
        else:
            segment = self._segments.change(project, environment, key, change.plan, change.author)
        return json_response(self._in_full(segment, project, environment))

    def delete(self, call: Call, project: str, environment: str, key: str) -> Response:
        """Delete a segment that nothing refers to."""
        self._segments.delete(project, environment, key, call.author())
        return Response(status=204)

    def _in_full(self, segment: Segment, project: str, environment: str) -> dict[str, Any]:
        users = [
            {
                "key": key,
                "name": self._store.flag(project, key).name,
                "_links": {"self": link(f"{API}/flags/{project}/{key}")},
                "_site": {"href": f"/{project}/{environment}/features/{key}", "type": "text/html"},
            }
            for key in self._segments.flags_using(project, environment, segment.key)
        ]
        return segment_representation(segment, project, environment) | {"_flags": users}


def segment_representation(segment: Segment, project: str, environment: str) -> dict[str, Any]:
    """Return a segment as the REST API shows it."""
    document = segment_document(segment)
    del document["salt"]
    collection = f"{API}/segments/{project}/{environment}"
    return document | {
        "deleted": False,
        "unbounded": False,
        "generation": 1,
        "_links": {
            "parent": link(collection),
            "self": link(f"{collection}/{segment.key}"),
            "site": {"href": f"/{project}/{environment}/segments/{segment.key}", "type": "text/html"},
        },
    }


def _new_segment(body: dict[str, Any]) -> Segment:
    if member(body, "unbounded", bool, False):
        raise invalid_request("big segments (unbounded) are not supported by this service")
    return Segment(
        key=resource_key(body),
        name=member(body, "name", str),
        description=optional(body, "description", str),
        tags=texts(body, "tags", []),
        salt="",
        version=0,
        created_ms=0,
        modified_ms=0,
    )
