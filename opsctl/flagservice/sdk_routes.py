"""What server-side SDKs ask for: the stream, the poll, and a place for their events."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.routing import Rule
from werkzeug.wrappers import Response

from opsctl.flagservice.api_errors import invalid_request, not_found, unauthorized
from opsctl.flagservice.responses import JSON, error_response, json_response
from opsctl.flagservice.sdk_payload import all_data, put_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.wrappers import Request

    from opsctl.flagservice.events import EventCounter
    from opsctl.flagservice.model import Environment
    from opsctl.flagservice.store import Store
    from opsctl.flagservice.streams import Broadcaster, Channel

_KEY_PREFIX = "api_key "


class SdkRoutes:
    """The routes under which server-side SDKs find one environment, by its SDK key."""

    def __init__(self, store: Store, broadcaster: Broadcaster, events: EventCounter, *, heartbeat_s: float) -> None:
        self._store = store
        self._broadcaster = broadcaster
        self._events = events
        self._heartbeat_s = heartbeat_s

    def rules(self) -> Iterator[Rule]:
        """Yield the routes."""
        yield _without_head(Rule("/all", endpoint=self.stream, methods=["GET"]))
        yield Rule("/sdk/latest-all", endpoint=self.poll, methods=["GET"])
        yield Rule("/bulk", endpoint=self.accept_events, methods=["POST"])
        yield Rule("/diagnostic", endpoint=self.accept_diagnostic, methods=["POST"])
        yield Rule("/sdk/stream", endpoint=self.refuse_data_system, methods=["GET"])
        yield Rule("/sdk/poll", endpoint=self.refuse_data_system, methods=["GET"])
        yield Rule("/status", endpoint=self.status, methods=["GET"])

    def stream(self, request: Request) -> Response:
        """Send everything, then every change."""
        project, environment = self._environment(request)
        response = Response(
            self._events_of((project, environment.key)), content_type="text/event-stream; charset=utf-8"
        )
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-LD-EnvID"] = environment.id
        return response

    def poll(self, request: Request) -> Response:
        """Return everything, or 304 when the caller's ETag says that it has it."""
        project, environment = self._environment(request)
        data = all_data(self._store.flags(project).values(), environment.key)
        response = Response(data, content_type=JSON)
        response.set_etag(hashlib.sha256(data).hexdigest()[:32])
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-LD-EnvID"] = environment.id
        return response.make_conditional(request)

    def accept_events(self, request: Request) -> Response:
        """Count the events."""
        project, environment = self._environment(request)
        self._events.accept(
            (project, environment.key),
            _body(request),
            encoding=request.headers.get("Content-Encoding", ""),
            payload_id=request.headers.get("X-LaunchDarkly-Payload-ID"),
        )
        return Response(status=202)

    def accept_diagnostic(self, request: Request) -> Response:
        """Take a diagnostic event, and forget it."""
        self._environment(request)
        _body(request)
        return Response(status=202)

    def refuse_data_system(self, request: Request) -> Response:
        """Say that FDv2 is not spoken here, in the way that makes those SDKs fall back to `/sdk/latest-all`."""
        self._environment(request)
        response = error_response(not_found("FDv2 is not spoken here; fall back to FDv1"))
        response.headers["X-LD-FD-Fallback"] = "true"
        return response

    def status(self, _: Request) -> Response:
        """Return the open streams and the accepted events of each environment; it holds no secret."""
        environments = {
            f"{project.key}/{environment.key}": {
                "streams": self._broadcaster.open_streams((project.key, environment.key)),
                "events": self._events.counts((project.key, environment.key)),
            }
            for project in self._store.projects()
            for environment in project.environments
        }
        body = {"status": "healthy", "droppedStreams": self._broadcaster.dropped, "environments": environments}
        return json_response(body)

    def _events_of(self, channel: Channel) -> Iterator[bytes]:
        # Nothing else runs between subscribing and taking the snapshot, so that no change falls between the two.
        subscription = self._broadcaster.subscribe(channel)
        try:
            yield put_event(all_data(self._store.flags(channel[0]).values(), channel[1]))
            yield from subscription.events(self._heartbeat_s)
        finally:
            self._broadcaster.unsubscribe(channel, subscription)

    def _environment(self, request: Request) -> tuple[str, Environment]:
        """Return the environment whose SDK key the request carries, with its project's key."""
        given = request.headers.get("Authorization", "").removeprefix(_KEY_PREFIX).encode()
        found = None
        for project in self._store.projects():
            for environment in project.environments:
                if secrets.compare_digest(environment.sdk_key.encode(), given):
                    found = project.key, environment
        if found is None:
            raise unauthorized()
        return found


def _without_head(rule: Rule) -> Rule:
    """Refuse HEAD, which Werkzeug adds to GET: a stream has no length to announce."""
    rule.methods = {"GET"}
    return rule


def _body(request: Request) -> bytes:
    """Read the body, chunked or not; one too long is a 400 here, since a 413 would end the SDK's events for good."""
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        raise invalid_request("Request body too large") from error
