"""The process of the visitors on a server that counts for itself, and that knows nothing of Locust."""

import itertools
import os
import time

import pytest
import trustme
from support.counting_server import CountingServer
from support.visitors import PATIENCE_S, Visitors
from support.waiting import eventually

pytestmark = pytest.mark.acceptance

BRISK = ("--seed", "7", "--think", "0.01,0.03")
STRETCHES = itertools.count(1)


@pytest.fixture(scope="module")
def both():
    with CountingServer() as server, Visitors("--url", server.url, *BRISK) as visitors:
        visitors.said("ready")
        yield server, visitors


@pytest.fixture
def crowd(both):
    """A server, its visitors, and the number of a stretch that is the test's own."""
    server, visitors = both
    server.forget()
    server.stretch = next(STRETCHES)
    visitors.do("stretch", stretch=server.stretch)
    yield server, visitors, server.stretch
    server.hold.set()
    visitors.leave()


def test_everything_is_counted_where_it_began_as_the_server_counted_it(crowd):
    server, visitors, before = crowd
    server.hold.clear()
    visitors.do("visitors", visitors=20)
    eventually(lambda: server.under_way == 20, what="20 requests under way")
    after = server.stretch = next(STRETCHES)
    assert visitors.do("stretch", stretch=after)["number"] == after
    server.hold.set()
    eventually(lambda: server.asked[after] > 100)
    visitors.leave()

    counted = visitors.tallies
    assert counted.of_phases(before).requests == server.asked[before] == 20
    assert counted.of_phases(after).requests == server.asked[after]
    assert counted.of_phases(before, after).sent_bytes == server.sent_bytes
    assert counted.of_phases(before, after).failed == 0
    assert server.connections == 20


def test_visitors_come_and_go_each_with_its_own_device(crowd):
    server, visitors, stretch = crowd
    reached = visitors.do("visitors", visitors=30, over_s=0.5)
    eventually(lambda: len(server.devices) == 30)
    fewer = visitors.do("visitors", visitors=5)
    visitors.tell(visitors=50, over_s=60)
    superseded = visitors.do("visitors", visitors=10)
    visitors.said("visitors", wanted=10, number=10)
    visitors.leave()

    assert (reached["number"], fewer["number"]) == (30, 5)
    assert 0.5 <= reached["took_s"] < 20
    assert superseded["is_superseded"]
    assert server.devices == {f"load-00000007-{number:08d}" for number in range(30)}
    assert visitors.tallies.of_phases(stretch).requests == server.total


def test_who_is_to_go_never_leaves_a_request_that_has_begun(crowd):
    """Whoever wakes from thinking in the moment that it is told to go either asks and is answered, or does not ask."""
    server, visitors, stretch = crowd
    for _ in range(20):
        visitors.do("visitors", visitors=40)
        visitors.do("visitors", visitors=0)
    visitors.leave()

    counted = visitors.tallies.of_phases(stretch)
    assert dict(counted.failures) == {}
    assert counted.requests == server.total > 0


@pytest.mark.parametrize("how", ["zips", "chunked"])
def test_bytes_are_those_of_the_bodies_as_they_came(crowd, how, monkeypatch):
    server, visitors, stretch = crowd
    monkeypatch.setattr(server, how, True)
    monkeypatch.setattr(server, "mode", b"degraded")
    visitors.do("visitors", visitors=5)
    eventually(lambda: server.total > 50)
    visitors.leave()

    assert visitors.tallies.of_phases(stretch).sent_bytes == server.sent_bytes
    assert {slot.shown for slot in visitors.tallies.slots if slot.phase == stretch} == {"degraded"}


def test_failures_are_counted_and_named(crowd, monkeypatch):
    server, visitors, stretch = crowd

    def failed(why):
        return visitors.tallies.of_phases(stretch).failures[why] > 10

    visitors.do("visitors", visitors=5)
    monkeypatch.setattr(server, "status", 503)
    eventually(lambda: failed("503"))
    monkeypatch.setattr(server, "status", 200)
    monkeypatch.setattr(server, "page", b"<html>Sorry</html>")
    eventually(lambda: failed("no page"))
    visitors.leave()
    server.close()
    visitors.do("visitors", visitors=3)
    eventually(lambda: failed("connection refused"))
    visitors.leave()
    server.open()

    counted = visitors.tallies.of_phases(stretch)
    assert set(counted.failures) == {"503", "no page", "connection refused"}
    assert counted.requests - counted.failures["connection refused"] == server.total
    assert counted.sent_bytes == server.sent_bytes


def test_what_is_no_command_is_said_and_nothing_ends(crowd):
    _, visitors, _ = crowd
    said = visitors.do("error", visitors="many")

    assert said["message"].startswith("not a command")
    assert "over_s" in said["fix"]
    assert visitors.do("stretch", stretch=next(STRETCHES))


def test_how_hard_the_process_works_is_said(crowd):
    _, visitors, _ = crowd
    visitors.do("visitors", visitors=10)

    def measured():
        tallies = [said for said in visitors.events if said["event"] == "tally"]
        return next((said["generator"] for said in tallies if said["generator"][0]["cpu"] > 0), None)

    (process,) = eventually(measured)
    assert process["cpu"] <= 1.5
    assert process["late_ms"] >= process["late_p99_ms"] * 0.95 >= 0


def test_stopping_waits_for_what_is_under_way_and_leaves_nothing_uncounted():
    zero_ns = time.monotonic_ns() - 100_000_000_000
    with CountingServer() as server, Visitors("--url", server.url, *BRISK, zero_ns=zero_ns) as visitors:
        visitors.said("ready")
        server.delay_s = 0.2
        visitors.do("visitors", visitors=20)
        eventually(lambda: server.under_way > 10)
        counted = visitors.stop()
        ended_s = (time.monotonic_ns() - zero_ns) / 1e9

    assert counted.of_phases(0).requests == server.total
    assert counted.of_phases(0).sent_bytes == server.sent_bytes
    assert counted.of_phases(0).failed == 0
    assert counted.of_phases(0).latency.percentile(0) >= 199
    assert {slot.second for slot in counted.slots} <= set(range(100, int(ended_s) + 1))
    assert 100 < visitors.events[-1]["at_s"] < ended_s


def test_the_end_of_standard_input_ends_it_at_once_with_requests_under_way():
    with CountingServer() as server, Visitors("--url", server.url, *BRISK) as visitors:
        visitors.said("ready")
        server.hold.clear()
        visitors.do("visitors", visitors=5)
        eventually(lambda: server.under_way == 5)
        visitors.process.stdin.close()

        assert visitors.process.wait(PATIENCE_S) == 0
    assert "stopped" not in [said["event"] for said in visitors.events]


def test_certificates_are_checked():
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    with CountingServer(certificate=certificate) as server, authority.cert_pem.tempfile() as trusted:
        environ = {**os.environ, "SSL_CERT_FILE": trusted}
        options = ("--url", server.url, *BRISK)
        with Visitors(*options, environ=environ) as trusting, Visitors(*options) as doubting:
            for visitors in (trusting, doubting):
                visitors.said("ready")
                visitors.do("visitors", visitors=2)
                eventually(lambda visitors=visitors: visitors.tallies.of_phases(0).requests > 2)
            trusted_pages, doubted_pages = trusting.stop().of_phases(0), doubting.stop().of_phases(0)

    assert trusted_pages.failed == 0
    assert set(doubted_pages.failures) == {"certificate refused"}
