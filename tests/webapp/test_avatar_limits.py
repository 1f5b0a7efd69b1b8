"""Calls of the avatar API that take too long, or that nobody wants any more."""

import threading
import time

import pytest
from feed_parts import answer_json, flag_data, settings, turn
from support.waiting import eventually

from opsctl.core.modes import Mode
from webapp.avatar_api import AvatarApi, AvatarError
from webapp.avatars import Avatars


class HeldSource:
    """A source whose calls end when it is let go of."""

    def __init__(self):
        self.begun = 0
        self.go = threading.Event()

    def fetch(self):
        self.begun += 1
        assert self.go.wait(20)
        return f"https://images.example/{self.begun}"


@pytest.fixture
def held():
    source = HeldSource()
    yield source
    source.go.set()


def test_a_call_whose_headers_drip_ends_at_its_limit(tmp_path, avatar_server):
    gave_up = threading.Event()

    def drip(handler):
        try:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not gave_up.wait(0.1):
                handler.wfile.write(b"a")
        except OSError:
            gave_up.set()

    avatar_server.script = drip
    api = AvatarApi(settings(tmp_path, avatar_api_url=avatar_server.url), limit_s=0.5)

    with pytest.raises(AvatarError, match="no answer"):
        api.fetch()

    assert gave_up.wait(20), "the connection is still open"


def test_a_connection_that_was_slow_once_has_its_whole_time_for_the_next_call(tmp_path, avatar_server):
    def slowly(handler):
        time.sleep(0.4)
        avatar_server.image(handler)

    avatar_server.script = slowly
    api = AvatarApi(settings(tmp_path, avatar_api_url=avatar_server.url), limit_s=5.0)

    assert [api.fetch() is not None for _ in range(3)] == [True] * 3


def test_calls_past_their_limit_open_the_breaker_while_they_still_hang(held):
    avatars = Avatars(held, deadline_s=0.05)

    avatars.urls([f"p{number}" for number in range(8)])
    eventually(lambda: avatars.urls(["p0"]) and avatars.is_open, what="the open breaker")

    # Each passes its own limit: those that began last may do so after the breaker has opened.
    eventually(lambda: avatars.urls(["p0"]) and avatars.errors == 8, what="the last failure")
    assert held.begun == 8
    held.go.set()
    eventually(lambda: not avatars._in_flight, what="the end of the calls")
    assert avatars.errors == 8


def test_while_the_breaker_is_open_nobody_queues_behind_calls_that_hang(held):
    avatars = Avatars(held, deadline_s=0.05)
    avatars.urls([f"p{number}" for number in range(40)])
    eventually(lambda: avatars.urls(["p0"]) and avatars.is_open, what="the open breaker")

    avatars.urls(["somebody", "else"])

    assert not {"somebody", "else"} & set(avatars._in_flight)


def test_an_unexpected_fault_of_the_source_is_forgotten_with_its_call():
    class Faulty:
        def fetch(self):
            raise RuntimeError("broken")

    avatars = Avatars(Faulty(), deadline_s=5.0)

    assert avatars.urls(["sandy"]) == {"sandy": None}
    assert avatars._in_flight == {}


def test_after_a_kill_no_call_begins(start_feed, avatar_server):
    release = threading.Event()

    def slowly(handler):
        assert release.wait(20)
        avatar_server.image(handler)

    avatar_server.script = slowly
    data = flag_data(on=True)
    feed = start_feed(data_source=data, avatar_api_url=avatar_server.url, avatar_deadline_s=15.0)
    people = [f"p{number}" for number in range(40)]
    page = threading.Thread(target=feed.avatars.urls, args=(people,))
    page.start()
    eventually(lambda: avatar_server.calls == 16, what="the first calls")

    turn(data, on=False)
    eventually(lambda: feed.gate.state.mode is Mode.DEGRADED, what="the kill")
    release.set()
    page.join(20)

    assert not page.is_alive()
    assert avatar_server.calls == feed.avatars.calls == 16
    assert feed.avatars._in_flight == {}


def test_what_a_kill_called_off_is_asked_for_again_after_the_restore(start_feed, avatar_server):
    data = flag_data(on=False)
    feed = start_feed(data_source=data, avatar_api_url=avatar_server.url)
    assert feed.avatars.urls(["sandy"]) == {"sandy": None}
    assert avatar_server.calls == 0

    turn(data, on=True)
    eventually(lambda: feed.gate.state.mode is Mode.FULL, what="the restore")

    assert feed.avatars.urls(["sandy"])["sandy"].startswith(avatar_server.url)


def test_a_call_that_nobody_wanted_is_no_failure(avatar_server, tmp_path):
    api = AvatarApi(settings(tmp_path, avatar_api_url=avatar_server.url), limit_s=5.0)
    avatars = Avatars(api, deadline_s=5.0, is_wanted=lambda: False)

    for number in range(20):
        avatars.urls([f"p{number}"])

    assert (avatars.calls, avatars.errors, avatars.is_open) == (0, 0, False)


def test_an_error_answer_is_counted_once(tmp_path, avatar_server):
    avatar_server.script = lambda handler: answer_json(handler, [], status=500)
    api = AvatarApi(settings(tmp_path, avatar_api_url=avatar_server.url), limit_s=5.0)
    avatars = Avatars(api, deadline_s=5.0)

    avatars.urls(["sandy"])

    assert (avatars.calls, avatars.errors) == (1, 1)
