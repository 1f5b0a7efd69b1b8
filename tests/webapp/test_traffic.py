"""What an instance counts of its own answers and calls."""

import threading

from flask import abort

from webapp.rates import RecentRate
from webapp.traffic import TrafficMeter


class Clock:
    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


def test_errors_and_the_latency_of_the_others_are_counted():
    meter = TrafficMeter()
    for status, seconds in ((200, 0.010), (304, 0.020), (404, 0.030), (500, 9.0), (503, 9.0)):
        meter.count(status, seconds)

    total = meter.total

    assert (total.requests, total.errors, total.latency.count) == (5, 2, 3)
    assert (total.latency.percentile(50), total.latency.max_ms) == (20, 30)


def test_a_window_holds_what_was_answered_within_it_and_nothing_older():
    clock = Clock()
    meter = TrafficMeter(clock)
    for _ in range(20):
        meter.count(500, 0.1)
        clock.now_s += 1

    assert meter.within(5).errors in {5, 6}
    assert meter.within(3600).errors == 20
    clock.now_s += 30
    assert meter.within(5).requests == 0
    assert meter.total.requests == 20


def test_what_was_read_does_not_change_with_what_is_counted_later():
    meter = TrafficMeter()
    before = meter.total
    meter.count(200, 0.1)

    assert (before.requests, before.latency.count) == (0, 0)
    assert meter.total.since(before).latency.count == 1


def test_several_threads_may_count():
    meter = TrafficMeter()
    threads = [threading.Thread(target=lambda: [meter.count(500, 0.1) for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (meter.total.requests, meter.total.errors) == (2000, 2000)


def test_a_rate_is_over_the_last_ten_seconds():
    clock = Clock()
    rate = RecentRate(clock)
    for _ in range(15):
        for _ in range(4):
            rate.count()
        clock.now_s += 1

    assert rate.per_s == 3.6
    clock.now_s += 4
    assert rate.per_s == 2.0
    clock.now_s += 60
    assert rate.per_s == 0


def test_pages_and_the_api_are_traffic_and_nothing_else_is(full_feed):
    client = full_feed.app.test_client()
    for path in ("/", "/api/mode", "/api/personal", "/healthz", "/readyz", "/metrics", "/static/favicon.svg", "/none"):
        client.get(path)

    traffic = full_feed.metrics.traffic.total

    assert (traffic.requests, traffic.errors, traffic.latency.count) == (3, 0, 3)


def test_a_page_that_fails_is_an_error(full_feed):
    full_feed.app.view_functions["feed.mode"] = lambda: abort(500)
    full_feed.app.view_functions["feed.index"] = lambda: 1 / 0
    client = full_feed.app.test_client()

    assert [client.get(path).status_code for path in ("/", "/api/mode", "/api/personal")] == [500, 500, 200]

    traffic = full_feed.metrics.traffic.total
    assert (traffic.requests, traffic.errors) == (3, 2)


def test_calls_of_the_avatar_api_have_a_rate(full_feed):
    full_feed.app.test_client().get("/")

    assert full_feed.avatars.rate_per_s == full_feed.avatars.calls / 10 > 0
