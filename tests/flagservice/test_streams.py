"""Streams: nothing is missed, nobody waits for a slow reader, dead ones are found out."""

import json
import socket
from urllib.parse import urlsplit

import gevent
import pytest
from flag_values import a_flag
from support.waiting import eventually

from opsctl.flagservice.store import FlagChange
from opsctl.flagservice.streams import Broadcaster, Subscription
from opsctl.flagservice.versions import tombstone, with_new_versions

TEST, PRODUCTION = ("default", "test"), ("default", "production")


def killed(flag):
    from dataclasses import replace

    off = replace(flag, environments={**flag.environments, "test": replace(flag.environments["test"], on=False)})
    return with_new_versions(flag, off, 1)


def read(events):
    """Return the pieces that are ready now."""
    pieces = []
    reader = gevent.spawn(lambda: pieces.extend(events))
    gevent.sleep(0.05)
    reader.kill()
    return b"".join(pieces)


def test_only_the_environment_that_changed_hears_of_it():
    broadcaster = Broadcaster()
    test, production = broadcaster.subscribe(TEST), broadcaster.subscribe(PRODUCTION)

    broadcaster.publish(FlagChange("default", a_flag(), killed(a_flag())))

    event = read(test.events(60))
    assert event.startswith(b"event: patch\ndata: ")
    data = json.loads(event.split(b"data: ")[1])
    assert (data["path"], data["data"]["version"], data["data"]["on"]) == ("/flags/feed", 2, False)
    assert read(production.events(60)) == b""


def test_a_deleted_flag_is_a_delete_with_a_higher_version():
    broadcaster = Broadcaster()
    subscription = broadcaster.subscribe(TEST)
    flag = a_flag()

    broadcaster.publish(FlagChange("default", flag, tombstone(flag, 1), is_deleted=True))

    assert json.loads(read(subscription.events(60)).split(b"data: ")[1]) == {"path": "/flags/feed", "version": 2}


def test_a_silent_stream_carries_comments():
    assert read(Subscription(8).events(0.001)).startswith(b":\n\n:\n\n")


def test_a_burst_is_one_piece_and_the_end_comes_after_what_waits():
    subscription = Subscription(8)
    for event in (b"a", b"b", b"c"):
        subscription.offer(event)
    subscription.end()

    assert list(subscription.events(60)) == [b"abc"]


def test_a_stream_whose_queue_is_full_is_dropped_and_the_others_hear_everything():
    broadcaster = Broadcaster(queue_limit=3)
    stuck, reading = broadcaster.subscribe(TEST), broadcaster.subscribe(TEST)
    heard = []
    reader = gevent.spawn(lambda: heard.extend(reading.events(60)))
    flag = a_flag()
    for number in range(10):
        after = with_new_versions(flag, killed(flag) if number % 2 == 0 else a_flag(name=str(number)), number)
        broadcaster.publish(FlagChange("default", flag, after))
        flag = after
        gevent.sleep(0)
    reader.kill()

    assert broadcaster.dropped == 1
    assert broadcaster.open_streams(TEST) == 1
    assert b"".join(heard).count(b"event: patch") == 10
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

    assert eventually(switch_and_look, deadline_s=50, what="the drop") == 1
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
