"""What server-side SDKs ask for: the stream, the poll, and a place for their events."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from opsctl.flagservice import fdv2
from opsctl.flagservice.events import request_body
from opsctl.flagservice.payload_filters import require_filter_key
from opsctl.flagservice.responses import JSON, json_response
from opsctl.flagservice.routing import Rule
from opsctl.flagservice.sdk_feed import Audience
from opsctl.flagservice.sdk_keys import SdkKeys, given_key
from opsctl.flagservice.streams import Signals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.wrappers import Request

    from opsctl.flagservice.events import EventCounter
    from opsctl.flagservice.model import Environment
    from opsctl.flagservice.sdk_feed import SdkFeed
    from opsctl.flagservice.sdk_objects import Channel
    from opsctl.flagservice.store import Store
    from opsctl.flagservice.streams import Broadcaster

_FDV2_SIGNALS = Signals(heartbeat=fdv2.as_sse([fdv2.HEARTBEAT]), farewell=fdv2.as_sse([fdv2.GOODBYE]))


class SdkRoutes:
    """The routes under which server-side SDKs find one environment, by its SDK key."""

    def __init__(
        self, store: Store, feed: SdkFeed, broadcaster: Broadcaster, events: EventCounter, *, heartbeat_s: float
    ) -> None:
        self._store = store
        self._feed = feed
        self._keys = SdkKeys(store)
        self._broadcaster = broadcaster
        self._events = events
        self._heartbeat_s = heartbeat_s

    def rules(self) -> Iterator[Rule]:
        """Yield the routes."""
        yield _without_head(Rule("/all", endpoint=self.stream, methods=["GET"]))
        yield Rule("/sdk/latest-all", endpoint=self.poll, methods=["GET"])
        yield Rule("/bulk", endpoint=self.accept_events, methods=["POST"])
        yield Rule("/diagnostic", endpoint=self.accept_diagnostic, methods=["POST"])
        yield _without_head(Rule("/sdk/stream", endpoint=self.stream_fdv2, methods=["GET"]))
        yield Rule("/sdk/poll", endpoint=self.poll_fdv2, methods=["GET"])
        yield Rule("/status", endpoint=self.status, methods=["GET"])

    def stream(self, request: Request) -> Response:
        """Send everything, then every change."""
        return self._stream(request, Audience(is_fdv2=False, filter_key=_filter(request)))

    def stream_fdv2(self, request: Request) -> Response:
        """Send everything, or what changed since the state that `basis` names; then every change."""
        return self._stream(request, Audience(is_fdv2=True, filter_key=_filter(request)))

    def poll(self, request: Request) -> Response:
        """Return everything, or 304 when the caller's ETag says that it has it."""
        project, environment = self._keys.environment(request)
        data = self._feed.everything((project, environment.key), _filter(request))
        response = Response(data, content_type=JSON)
        response.set_etag(hashlib.sha256(data).hexdigest()[:32])
        return _of_environment(response, environment).make_conditional(request)

    def poll_fdv2(self, request: Request) -> Response:
        """Return everything, or what changed since `basis`; 304 when the caller's ETag says that nothing did.

        The ETag names the state that the caller has after the answer. It counts only when the caller's basis, where
        it has one, is that state too: one that took in less than it was sent would miss the rest for good.
        """
        project, environment = self._keys.environment(request)
        basis = request.args.get("basis") or None
        data, state = self._feed.poll((project, environment.key), _filter(request), basis)
        response = Response(data, content_type=JSON)
        response.set_etag(str(state))
        _of_environment(response, environment)
        return response.make_conditional(request) if basis in {None, str(state)} else response

    def accept_events(self, request: Request) -> Response:
        """Count the events."""
        project, environment = self._keys.environment(request)
        self._events.accept_request((project, environment.key), request)
        return Response(status=202)

    def accept_diagnostic(self, request: Request) -> Response:
        """Take a diagnostic event, and forget it."""
        self._keys.environment(request)
        request_body(request)
        return Response(status=202)

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

    def _stream(self, request: Request, audience: Audience) -> Response:
        project, environment = self._keys.environment(request)
        basis = request.args.get("basis") or None
        pieces = self._events_of((project, environment.key), audience, basis, given_key(request))
        return _of_environment(Response(pieces, content_type="text/event-stream; charset=utf-8"), environment)

    def _events_of(self, channel: Channel, audience: Audience, basis: str | None, key: str) -> Iterator[bytes]:
        """Yield what the SDK misses, then every change, for as long as the key is good."""
        # Nothing else runs between subscribing and taking the snapshot, so that no change falls between the two.
        signals = _FDV2_SIGNALS if audience.is_fdv2 else Signals()
        subscription = self._broadcaster.subscribe(channel, audience, signals)
        try:
            yield self._feed.first(channel, audience, basis)
            for piece in subscription.events(self._heartbeat_s):
                if not self._keys.is_good(key, channel):
                    return
                yield piece
        finally:
            self._broadcaster.unsubscribe(channel, subscription)


def _filter(request: Request) -> str | None:
    return require_filter_key(request.args.get("filter"))


def _of_environment(response: Response, environment: Environment) -> Response:
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-LD-EnvID"] = environment.id
    return response


def _without_head(rule: Rule) -> Rule:
    """Refuse HEAD, which Werkzeug adds to GET: a stream has no length to announce."""
    rule.methods = {"GET"}
    return rule
