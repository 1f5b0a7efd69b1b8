"""Streams: nothing is missed, nobody waits for a slow reader, dead ones are found out."""

import socket
from urllib.parse import urlsplit

import gevent
import pytest
from support.waiting import eventually

from opsctl.flagservice.streams import Broadcaster, Signals, Subscription

TEST, PRODUCTION = ("default", "test"), ("default", "production")


def read(events):
    """Return the pieces that are ready now."""
    pieces = []
    reader = gevent.spawn(lambda: pieces.extend(events))
    gevent.sleep(0.05)
    reader.kill()
    return b"".join(pieces)


def test_only_the_channel_that_is_told_hears_of_it():
    broadcaster = Broadcaster()
    test, production = broadcaster.subscribe(TEST), broadcaster.subscribe(PRODUCTION)

    broadcaster.publish(TEST, lambda _: b"news")

    assert read(test.events(60)) == b"news"
    assert read(production.events(60)) == b""


def test_each_audience_is_told_in_its_own_words_which_are_made_once():
    broadcaster = Broadcaster()
    old, new, twin, silent = (broadcaster.subscribe(TEST, name) for name in ("old", "new", "new", "silent"))
    made = []

    def render(audience):
        made.append(audience)
        return b"" if audience == "silent" else audience.encode()

    broadcaster.publish(TEST, render)

    assert sorted(made) == ["new", "old", "silent"]
    assert [read(one.events(60)) for one in (old, new, twin, silent)] == [b"old", b"new", b"new", b""]


def test_a_silent_stream_carries_comments():
    assert read(Subscription(8).events(0.001)).startswith(b":\n\n:\n\n")


def test_a_burst_is_one_piece_and_the_end_comes_after_what_waits():
    subscription = Subscription(8)
    for event in (b"a", b"b", b"c"):
        subscription.offer(event)
    subscription.end()

    assert list(subscription.events(60)) == [b"abc"]


def test_a_stream_says_goodbye_in_its_own_words():
    broadcaster = Broadcaster()
    subscription = broadcaster.subscribe(TEST, None, Signals(heartbeat=b"beat", farewell=b"bye"))

    assert read(subscription.events(0.001)).startswith(b"beatbeat")
    subscription.offer(b"news")
    broadcaster.close()

    assert list(subscription.events(60)) == [b"newsbye"]


def test_a_stream_is_dropped_for_what_waits_in_bytes_too_but_never_for_one_large_event():
    broadcaster = Broadcaster(bytes_limit=100)
    broadcaster.subscribe(TEST)

    broadcaster.publish(TEST, lambda _: b"x" * 500)
    assert broadcaster.dropped == 0
    broadcaster.publish(TEST, lambda _: b"y")

    assert broadcaster.dropped == 1


def test_a_stream_whose_queue_is_full_is_dropped_and_the_others_hear_everything():
    broadcaster = Broadcaster(queue_limit=3)
    stuck, reading = broadcaster.subscribe(TEST), broadcaster.subscribe(TEST)
    heard = []
    reader = gevent.spawn(lambda: heard.extend(reading.events(60)))
    for _ in range(10):
        broadcaster.publish(TEST, lambda _: b"news ")
        gevent.sleep(0)
    reader.kill()

    assert broadcaster.dropped == 1
    assert broadcaster.open_streams(TEST) == 1
    assert b"".join(heard) == b"news " * 10
    assert list(stuck.events(60)) == []


@pytest.mark.acceptance
def test_a_reader_that_stops_reading_is_dropped_and_the_next_one_is_served(flag_service):
    """A real socket with a small window: the service must not keep all it ever missed, nor wait for it.

    The first data alone are more than the sockets' buffers hold, so that the stream is stuck from its beginning.
    """
    disabled = flag_service.request("GET", f"flags/default/{flag_service.flag}").json()["variations"][1]["_id"]
    values = [f"{number:03}" * 6000 for number in range(450)]
    flag_service.semantic_patch({"kind": "addTargets", "variationId": disabled, "values": values})
    parts = urlsplit(flag_service.url)
    stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.connect((parts.hostname, parts.port))
    stuck.sendall(f"GET /all HTTP/1.1\r\nHost: x.localhost\r\nAuthorization: {flag_service.sdk_key()}\r\n\r\n".encode())
    stuck.recv(1)

    def status():
        return flag_service._http.request("GET", f"{flag_service.url}/status").json()

    def switch_and_look():
        for number in range(50):
            flag_service.turn(on=number % 2 == 1)
        return status()["droppedStreams"]

    flag_service.semantic_patch({"kind": "clearTargets", "variationId": disabled})

    assert eventually(switch_and_look, what="the drop") == 1
    eventually(lambda: status()["environments"]["default/test"]["streams"] == 0, what="the stream's end")
    stuck.close()


@pytest.mark.acceptance
def test_a_stream_ends_cleanly_when_the_service_stops(flag_service):
    parts = urlsplit(flag_service.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as reader:
        key = flag_service.sdk_key()
        reader.sendall(f"GET /all HTTP/1.1\r\nHost: localhost\r\nAuthorization: {key}\r\n\r\n".encode())
        reader.recv(1)

        assert flag_service.stop() == 0

        received = b""
        while piece := reader.recv(65536):
            received += piece
    assert received.endswith(b"\r\n0\r\n\r\n")
