"""The composition root of the feed: settings in, one wired application out."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, request
from flask_socketio import SocketIO

from opsctl.core.modes import Mode
from opsctl.settings import load_settings
from webapp.acks import AckBoard
from webapp.avatar_api import AvatarApi, ImageOrigins
from webapp.avatars import Avatars
from webapp.broadcast import SocketIoBroadcaster
from webapp.cast import load_cast
from webapp.changes import Changes
from webapp.checking import Checker
from webapp.directives import Directives
from webapp.errors import handle_errors
from webapp.fanout import FanoutManager
from webapp.feed import Feed
from webapp.flagdata import ObservedStore
from webapp.forks import ForkGuard
from webapp.frames import LONGEST_MESSAGE_BYTES
from webapp.freshness import Freshness
from webapp.gate import Gate
from webapp.health import health_routes
from webapp.hosts import AllowedHosts, HostGuard
from webapp.interactions import Interactions
from webapp.keeping import Keeper
from webapp.kept_pages import KeptPages
from webapp.last_known import LastKnown, kept_in
from webapp.lifecycle import Lifecycle
from webapp.memory import Memory
from webapp.metrics import Metrics, Readings
from webapp.pages import Pages
from webapp.proxies import LocalProxy
from webapp.realtime import FeedNamespace
from webapp.rendered import RenderedPages
from webapp.routes import FeedRoutes
from webapp.sdk import start_client
from webapp.security import secure
from webapp.shared_posts import shared_posts
from webapp.stalls import GuardedFromStalls, StallGuard
from webapp.static_files import cache_static_files
from webapp.stock_websockets import limit_websockets
from webapp.switching import Switchboard
from webapp.visitors import Visitors
from webapp.websockets import best_async_mode, lighten_websockets

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.settings import Settings
    from webapp.cast import Cast

_LONGEST_BODY_BYTES = 16 * 1024
_CATCH_UP_S = 0.8
_PING_INTERVAL_S = 25
_PING_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class FeedApp:
    """One wired feed: the WSGI application, and the parts a process has to do with."""

    app: Flask
    settings: Settings
    socketio: SocketIO
    gate: Gate
    board: AckBoard
    avatars: Avatars
    feed: Feed
    pages: Pages
    changes: Changes
    metrics: Metrics
    lifecycle: Lifecycle
    run_id: str = field(default_factory=lambda: secrets.token_hex(8))
    """Tells this run of the feed from every other."""


def build_feed(
    settings: Settings | None = None,
    *,
    cast: Cast | None = None,
    data_source: Any = None,
    instance: str = "feed",
) -> FeedApp:
    """Wire and start a feed.

    Args:
        settings: As resolved; by default from the environment and the working directory.
        cast: The people and their posts; by default the bundled ones.
        data_source: The SDK's `update_processor_class` seam, in place of LaunchDarkly's stream.
        instance: Its name on this machine; what it was told is kept under it.

    Raises:
        OpsError: `bad_config`, for a setting that cannot be used.
    """
    settings = settings or load_settings(environ=os.environ, directory=Path.cwd())
    cast = cast or load_cast()
    metrics, changes, hosts, visitors = Metrics(), Changes(), AllowedHosts(settings), Visitors(cast)

    store, freshness = ObservedStore(), Freshness()
    has_provider = data_source is None and settings.sdk_key is not None
    last_known = LastKnown(settings.flag, kept_in(settings) if has_provider else (), store, freshness)
    last_known.load()
    client = start_client(settings, store, data_source=data_source)
    directives = Directives(settings, metrics.traffic.within, Memory(settings, instance))
    gate = Gate(client, store, settings.flag, directives, on_evaluation=metrics.evaluations.inc, freshness=freshness)

    has_api = settings.avatar_api_url is not None
    limit_s = settings.avatar_deadline_s
    avatars = Avatars(
        AvatarApi(settings, limit_s=limit_s) if has_api else None,
        deadline_s=limit_s,
        keep_s=settings.avatar_keep_s,
        is_wanted=lambda: gate.state.mode is not Mode.DEGRADED,
    )
    feed = Feed(cast)
    pages = Pages(cast, feed, avatars)

    app = _flask_app()
    socketio = _socketio(app, hosts, metrics, is_direct=settings.fanout == "direct")
    board = AckBoard(changes.ring)
    broadcaster = SocketIoBroadcaster(socketio)
    switchboard = Switchboard(
        gate,
        board,
        broadcaster,
        pages,
        restore_rate=settings.restore_rate,
        restore_spread_s=settings.restore_spread_s,
        on_update=metrics.flag_updates.inc,
    )
    shared = shared_posts(settings, on_ignored=metrics.ignored_events.inc)
    interactions = Interactions(feed, pages, switchboard, shared)
    if shared is not None:
        shared.listen(interactions.take)
    namespace = FeedNamespace(switchboard, board, broadcaster, visitors, interactions)
    socketio.on_namespace(namespace)
    _set_up_websockets(socketio, namespace, is_direct=settings.fanout == "direct")
    gate.news.on_state(lambda state: avatars.call_off() if state.mode is Mode.DEGRADED else None)
    gate.news.on_state(switchboard.on_state)
    gate.news.on_state(lambda _state: changes.ring())
    gate.news.on_state(lambda _state: last_known.wake())
    gate.news.on_source(changes.ring)

    keeper = Keeper(client, store, gate, Checker(settings, store) if has_provider else None)
    gate.news.on_missed(keeper.reach)
    stalls = StallGuard(_catching_up(gate, Checker(settings, store) if has_provider else None))
    lifecycle = Lifecycle(
        client,
        gate,
        keeper,
        avatars,
        interactions,
        [stalls, last_known] if shared is None else [stalls, last_known, shared],
        post_interval_s=settings.post_interval_s,
    )
    metrics.registry.register(Readings(gate, board, avatars, store, last_known))
    metrics.watch(app)
    handle_errors(app)
    secure(app, ImageOrigins.of(settings), host_of_request=lambda: request.host)
    rendered = RenderedPages(gate, pages)
    app.register_blueprint(FeedRoutes(gate, pages, rendered, visitors, interactions, hosts).blueprint())
    app.register_blueprint(health_routes(gate, lifecycle, metrics, hosts))
    kept = KeptPages(app.wsgi_app, gate, rendered, visitors, metrics)
    app.wsgi_app = _guarded(kept, settings, hosts, lifecycle, stalls)  # type: ignore[method-assign]  # Flask's way

    lifecycle.start()
    return FeedApp(app, settings, socketio, gate, board, avatars, feed, pages, changes, metrics, lifecycle)


def _catching_up(gate: Gate, checker: Checker | None) -> Callable[[], None]:
    def catch_up() -> None:
        if checker is not None:
            checker.check(limit_s=_CATCH_UP_S)
        gate.catch_up()

    return catch_up


def _guarded(app: Any, settings: Settings, hosts: AllowedHosts, lifecycle: Lifecycle, stalls: StallGuard) -> Any:
    guarded = HostGuard(ForkGuard(GuardedFromStalls(app, stalls), lifecycle), hosts)
    return LocalProxy(guarded) if settings.behind_proxy else guarded


def _flask_app() -> Flask:
    app = Flask("webapp")
    app.debug = False
    app.config.update(MAX_CONTENT_LENGTH=_LONGEST_BODY_BYTES, MAX_FORM_PARTS=20)
    cache_static_files(app)
    return app


def _set_up_websockets(socketio: SocketIO, namespace: FeedNamespace, *, is_direct: bool) -> None:
    if is_direct and best_async_mode() == "gevent":
        lighten_websockets(socketio, namespace.take_express)
    else:
        limit_websockets(socketio)


def _socketio(app: Flask, hosts: AllowedHosts, metrics: Metrics, *, is_direct: bool) -> SocketIO:
    async_mode = best_async_mode()
    return SocketIO(
        app,
        async_mode=async_mode,
        client_manager=FanoutManager(on_skip=metrics.skipped.inc, on_drop=metrics.dropped.inc)
        if is_direct and async_mode == "gevent"
        else None,
        transports=["websocket"],
        allow_upgrades=False,
        cors_allowed_origins=hosts.allows_socket_origin,
        cors_credentials=False,
        manage_session=False,
        async_handlers=False,
        always_connect=True,
        max_http_buffer_size=LONGEST_MESSAGE_BYTES,
        ping_interval=_PING_INTERVAL_S,
        ping_timeout=_PING_TIMEOUT_S,
        http_compression=False,
    )
