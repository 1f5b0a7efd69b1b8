"""The routes of client-side SDKs: those in browsers name their environment in the path, those on phones by a key."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from opsctl.flagservice.api_errors import ApiError
from opsctl.flagservice.client_side.audience import Audience, Doorkeeper, decoded
from opsctl.flagservice.client_side.cors import cors_rule
from opsctl.flagservice.client_side.streams import flag_events, ping_events
from opsctl.flagservice.events import request_body
from opsctl.flagservice.responses import JSON, json_response
from opsctl.flagservice.sdk_payload import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ldclient import Context
    from werkzeug.routing import Rule
    from werkzeug.wrappers import Request

    from opsctl.flagservice.client_side.evaluation import Evaluations
    from opsctl.flagservice.client_side.streams import ClientStreams
    from opsctl.flagservice.events import EventCounter
    from opsctl.flagservice.store import Store

_EVENT_STREAM = "text/event-stream; charset=utf-8"
_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


class ClientRoutes:
    """Polls, streams and events of client-side SDKs.

    Args:
        store: The environments and flags.
        evaluations: What evaluates.
        streams: Where open streams are kept.
        events: What takes events.
        heartbeat_s: Between comments on silent streams.
    """

    def __init__(
        self,
        store: Store,
        evaluations: Evaluations,
        streams: ClientStreams,
        events: EventCounter,
        *,
        heartbeat_s: float,
    ) -> None:
        self._store = store
        self._doorkeeper = Doorkeeper(store, evaluations)
        self._streams = streams
        self._events = events
        self._heartbeat_s = heartbeat_s

    def rules(self) -> Iterator[Rule]:
        """Yield the routes."""
        for base, env in (("/sdk", "/<client_side_id>"), ("/msdk", "")):
            for form, handler in (("evalx", self.poll), ("eval", self.poll_values)):
                for plural, singular in (("contexts", "context"), ("users", "user")):
                    yield cors_rule(f"{base}/{form}{env}/{plural}/<encoded>", "GET", handler)
                    yield cors_rule(f"{base}/{form}{env}/{singular}", "REPORT", handler)
        for stream, ping, env in (("/eval", "/ping", "/<client_side_id>"), ("/meval", "/mping", "")):
            yield cors_rule(f"{stream}{env}/<encoded>", "GET", self.stream)
            yield cors_rule(f"{stream}{env}", "REPORT", self.stream)
            yield cors_rule(f"{ping}{env}", "GET", self.ping)
        yield cors_rule("/sdk/goals/<client_side_id>", "GET", self.goals)
        for path in ("/events/bulk/<client_side_id>", "/mobile", "/mobile/events", "/mobile/events/bulk"):
            yield cors_rule(path, "POST", self.accept_events)
        for path in ("/events/diagnostic/<client_side_id>", "/mobile/events/diagnostic"):
            yield cors_rule(path, "POST", self.accept_diagnostic)
        yield cors_rule("/a/<client_side_id>.gif", "GET", self.accept_image_events)

    def poll(self, request: Request, client_side_id: str | None = None, encoded: str | None = None) -> Response:
        """Return what each visible flag serves, or 304 when the caller's ETag says that it has it."""
        audience, context = self._asked(request, client_side_id, encoded)
        return self._answer(request, audience, self._visible(request, audience, context))

    def poll_values(self, request: Request, client_side_id: str | None = None, encoded: str | None = None) -> Response:
        """Return the value of each visible flag, and nothing else, as the oldest SDKs have it."""
        audience, context = self._asked(request, client_side_id, encoded)
        visible = self._visible(request, audience, context)
        return self._answer(request, audience, {key: flag["value"] for key, flag in visible.items()})

    def stream(self, request: Request, client_side_id: str | None = None, encoded: str | None = None) -> Response:
        """Send what each visible flag serves, then every change of it."""
        audience, context = self._asked(request, client_side_id, encoded)

        def evaluate() -> dict[str, Any] | None:
            return self._visible(request, audience, context) if self._doorkeeper.is_good(audience) else None

        return self._stream(audience, lambda wakes: flag_events(wakes, evaluate))

    def ping(self, request: Request, client_side_id: str | None = None) -> Response:
        """Send a word whenever something has changed; the SDK polls then."""
        audience = self._doorkeeper.audience(request, client_side_id)
        return self._stream(audience, lambda wakes: ping_events(wakes, lambda: self._doorkeeper.is_good(audience)))

    def goals(self, request: Request, client_side_id: str) -> Response:
        """Return the click and page-view goals of experiments: there are none."""
        self._doorkeeper.audience(request, client_side_id)
        return json_response([])

    def accept_events(self, request: Request, client_side_id: str | None = None) -> Response:
        """Take events."""
        audience = self._doorkeeper.audience(request, client_side_id)
        self._events.accept_request(audience.channel, request)
        return Response(status=202)

    def accept_diagnostic(self, request: Request, client_side_id: str | None = None) -> Response:
        """Take a diagnostic event, and forget it."""
        self._doorkeeper.audience(request, client_side_id)
        request_body(request)
        return Response(status=202)

    def accept_image_events(self, request: Request, client_side_id: str) -> Response:
        """Take events from a page that is being left, in the address of an image."""
        audience = self._doorkeeper.audience(request, client_side_id)
        self._events.accept(audience.channel, decoded(request.args.get("d", "")), encoding="", payload_id=None)
        return Response(_PIXEL, content_type="image/gif")

    def _asked(self, request: Request, client_side_id: str | None, encoded: str | None) -> tuple[Audience, Context]:
        audience = self._doorkeeper.audience(request, client_side_id)
        return audience, self._doorkeeper.context(request, audience, encoded)

    def _visible(self, request: Request, audience: Audience, context: Context) -> dict[str, dict[str, Any]]:
        with_reasons = request.args.get("withReasons", "").lower() in {"true", "1"}
        return self._doorkeeper.visible(audience, context, with_reasons=with_reasons)

    def _answer(self, request: Request, audience: Audience, body: dict[str, Any]) -> Response:
        data = to_json(body)
        response = Response(data, content_type=JSON)
        response.set_etag(hashlib.sha256(data).hexdigest()[:32])
        return self._of_environment(response, audience).make_conditional(request)

    def _stream(self, audience: Audience, events: Callable[[Iterator[bool]], Iterator[bytes]]) -> Response:
        pieces = events(self._streams.wakes(audience.channel, self._heartbeat_s))
        return self._of_environment(Response(_until_refused(pieces), content_type=_EVENT_STREAM), audience)

    def _of_environment(self, response: Response, audience: Audience) -> Response:
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-LD-EnvID"] = self._store.environment(*audience.channel).id
        return response


def _until_refused(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """End a stream whose environment is gone."""
    try:
        yield from pieces
    except ApiError:
        return
