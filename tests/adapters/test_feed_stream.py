"""Watching as a page does: against a Socket.IO server that says what the test wants."""

import pytest
from builders import KEY, REF
from support.socket_server import SocketServer
from support.waiting import DEADLINE_S, eventually

from opsctl.adapters.feed_stream import FeedStream
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.watching import WatchKind

FULL = {"epoch": [7, 0], "mode": "full", "flags": {KEY: True}, "reason": "FALLTHROUGH", "source": "live", "age": 0.5}


class Feed:
    """A server that greets each client with a state."""

    def __init__(self, server):
        self.server = server
        self.greeting = FULL
        self.acknowledged = []
        server.do(server.server.on, "connect", self._greet)
        server.do(server.server.on, "flag_ack", lambda _sid, data: self.acknowledged.append(data))

    def _greet(self, sid, _environ):
        emit = self.server.server.emit
        self.server.server.start_background_task(emit, "state", self.greeting, to=sid)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.port}"

    def update(self, epoch, mode, reason, **more):
        self.server.emit("flag_update", {"key": KEY, "epoch": epoch, "mode": mode, "reason": reason, **more})

    def drop(self):
        for one in self.server.sockets():
            self.server.do(one.close)


@pytest.fixture
def feed():
    with SocketServer() as server:
        yield Feed(server)


@pytest.fixture
def follow(feed):
    """Return the next event that is one."""
    stream = FeedStream(feed.url).follow(REF, start_timeout_s=DEADLINE_S)

    def next_event():
        return next(event for event in stream if event is not None)

    yield next_event
    stream.close()


def test_the_state_comes_first_with_the_source_and_age_of_the_data(follow):
    state = follow()

    assert (state.kind, state.new, state.version) == (WatchKind.STATE, True, 7)
    assert (state.page.source, state.page.age_s, state.page.reason, state.page.pin) == ("live", 0.5, "FALLTHROUGH", 0)


def test_a_change_is_told_and_confirmed(feed, follow):
    follow()

    feed.update([8, 0], "degraded", "OFF")
    killed = follow()

    assert (killed.kind, killed.old, killed.new, killed.version) == (WatchKind.CHANGE, True, False, 8)
    # Nothing answers where the feed would say how old its data is.
    assert (killed.page.source, killed.page.age_s) == (None, None)
    eventually(lambda: {"epoch": [8, 0], "mode": "degraded"} in feed.acknowledged, what="the acknowledgement")


def test_a_pin_and_a_hold_are_told_although_the_mode_is_the_same(feed, follow):
    follow()

    feed.update([8, 0], "degraded", "OFF")
    feed.update([8, 1], "degraded", "PINNED", pinned=True)
    feed.update([9, 2], "degraded", "CONDITION", pinned=False)
    told = [follow().page for _ in range(3)]

    assert [(page.reason, page.pin, page.is_pinned, page.is_by_flag) for page in told] == [
        ("OFF", 0, False, True),
        ("PINNED", 1, True, False),
        ("CONDITION", 2, False, False),
    ]


def test_what_is_older_or_nothing_new_is_not_told(feed, follow):
    follow()

    feed.update([6, 0], "degraded", "OFF")
    feed.update([8, 0], "full", "FALLTHROUGH")
    feed.update("nonsense", "degraded", "OFF")
    feed.update([9, 0], "off", "OFF")
    feed.server.emit("flag_update", "nonsense")
    feed.update([10, 0], "degraded", "OFF")

    assert follow().version == 10


def test_a_lost_connection_is_a_gap_and_what_changed_in_it_is_told(feed, follow):
    follow()
    feed.greeting = {**FULL, "epoch": [8, 0], "mode": "degraded", "reason": "OFF", "source": "last-known", "age": None}

    feed.drop()
    lost, resumed, change = follow(), follow(), follow()

    assert [lost.kind, resumed.kind, change.kind] == [WatchKind.LOST, WatchKind.RESUMED, WatchKind.CHANGE]
    assert (resumed.gap_s > 0, change.old, change.new) == (True, True, False)
    assert (change.page.source, change.page.age_s) == ("last-known", None)


def test_a_feed_of_another_flag_is_said(feed):
    feed.greeting = {**FULL, "flags": {"another": True}}

    with pytest.raises(OpsError) as raised:
        list(FeedStream(feed.url).follow(REF, start_timeout_s=DEADLINE_S))

    assert raised.value.code is ErrorCode.FLAG_NOT_FOUND
    assert "but on another" in raised.value.message


def test_nobody_there_is_unreachable_after_the_start_timeout():
    with pytest.raises(OpsError) as raised:
        list(FeedStream("http://127.0.0.1:9").follow(REF, start_timeout_s=0.3))

    assert raised.value.code is ErrorCode.UNREACHABLE
