"""The worker's metrics, for Prometheus: each app has a registry of its own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from flask import g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from opsctl.core.instances import DataSource, Hold
from opsctl.core.modes import Mode
from webapp.routes import FEED
from webapp.traffic import TrafficMeter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask import Flask, Response
    from prometheus_client import Metric

    from webapp.acks import AckBoard
    from webapp.avatars import Avatars
    from webapp.flagdata import ObservedStore
    from webapp.gate import Gate
    from webapp.last_known import LastKnown

_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """What is counted as it happens. The rest is read when somebody asks, by `Readings`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("feed_requests", "HTTP requests answered", ("route", "status"), registry=self.registry)
        self.seconds = Histogram(
            "feed_request_seconds", "Time to answer", ("route",), registry=self.registry, buckets=_BUCKETS_S
        )
        self.flag_updates = Counter(
            "feed_flag_updates", "Changes of the kill switch that browsers were told", registry=self.registry
        )
        self.skipped = Counter(
            "feed_events_skipped", "Events not kept for a browser that does not read", registry=self.registry
        )
        self.dropped = Counter("feed_browsers_dropped", "Browsers that did not read for long", registry=self.registry)
        self.ignored_events = Counter(
            "feed_shared_events_ignored", "What stood among the shared posts and is none", registry=self.registry
        )
        self.evaluations = Counter("feed_flag_evaluations", "Evaluations by the SDK", registry=self.registry)
        self.traffic = TrafficMeter()
        self._counted: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def watch(self, app: Flask) -> None:
        """Count the requests that `app` answers; those of the feed itself as traffic."""

        @app.before_request
        def begin() -> None:
            g.began_at = time.perf_counter()

        @app.after_request
        def count(response: Response) -> Response:
            route = request.url_rule.rule if request.url_rule is not None else "none"
            seconds = time.perf_counter() - g.began_at if "began_at" in g else None
            self.count(route, response.status_code, seconds, is_feed=request.blueprint == FEED)
            return response

    def count(self, route: str, status: int, seconds: float | None, *, is_feed: bool) -> None:
        """Count an answer, and how long it took where that is known; those of the feed itself as traffic."""
        counted = self._counted.get((route, status))
        if counted is None:
            counted = self._counted[route, status] = self.requests.labels(route, status), self.seconds.labels(route)
        counted[0].inc()
        if seconds is not None:
            counted[1].observe(seconds)
            if is_feed:
                self.traffic.count(status, seconds)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)


class Readings(Collector):
    """Reads the parts of one app when its metrics are asked for."""

    def __init__(
        self, gate: Gate, board: AckBoard, avatars: Avatars, store: ObservedStore, last_known: LastKnown
    ) -> None:
        self._gate = gate
        self._board = board
        self._avatars = avatars
        self._store = store
        self._last_known = last_known

    def collect(self) -> Iterable[Metric]:
        """Yield the readings (prometheus-client)."""
        state = self._gate.state
        mode = GaugeMetricFamily("feed_mode", "1 for the mode that visitors get", labels=("mode",))
        for name, is_now in (*((str(one), state.mode is one) for one in Mode), ("per-visitor", state.mode is None)):
            mode.add_metric((name,), float(is_now))
        yield mode
        epoch = GaugeMetricFamily("feed_epoch", "Version and pin of the kill switch that is served", labels=("part",))
        epoch.add_metric(("version",), state.epoch.version)
        epoch.add_metric(("pin",), state.epoch.pin)
        yield epoch
        source = GaugeMetricFamily("feed_flag_data", "1 for where the flag data comes from", labels=("source",))
        for one in DataSource:
            source.add_metric((one,), float(self._gate.source is one))
        yield source
        hold = GaugeMetricFamily("feed_hold", "1 for why it is degraded against its flag data", labels=("reason",))
        for why in Hold:
            hold.add_metric((why,), float(state.hold is why))
        yield hold
        yield GaugeMetricFamily("feed_pinned", "1 while pinned to degraded", value=float(state.is_pinned))
        yield GaugeMetricFamily(
            "feed_deaf", "1 while the stream has not delivered a version this instance knows of",
            value=float(self._gate.is_deaf),
        )  # fmt: skip
        yield CounterMetricFamily("feed_flag_data_ignored", "Items older than before", value=self._store.ignored)
        kept = CounterMetricFamily(
            "feed_last_known_failures", "Writes of the last known flag data that failed", labels=("place",)
        )
        for place, failures in self._last_known.failures().items():
            kept.add_metric((place,), failures)
        yield kept
        yield GaugeMetricFamily("feed_sockets", "Connected browsers", value=self._board.connected)
        yield CounterMetricFamily("feed_acks", "Acknowledgements that counted", value=self._board.total)
        yield CounterMetricFamily("feed_avatar_calls", "Requests to the avatar API", value=self._avatars.calls)
        yield CounterMetricFamily("feed_avatar_errors", "Those that gave no avatar", value=self._avatars.errors)
        yield GaugeMetricFamily(
            "feed_avatar_breaker_open", "1 while it is not asked", value=float(self._avatars.is_open)
        )
        yield CounterMetricFamily(
            "feed_avatar_breaker_open_seconds", "Seconds that it was not asked", value=self._avatars.open_s
        )
