"""What connected browsers are told, with the real SDK and a broadcaster that records."""

from dataclasses import replace

import pytest
from feed_parts import FLAG, flag_data, small_cast, turn
from ldclient import LDClient
from support.waiting import eventually

from opsctl.core.epochs import Epoch
from opsctl.core.modes import Mode
from webapp.acks import AckBoard
from webapp.switching import Switchboard
from webapp.visitors import Visitors

VISITORS = Visitors(small_cast())


class RecordingBroadcaster:
    """Keeps what each browser got, in order."""

    def __init__(self):
        self.got = {}
        self.modes = {}
        self.broadcasts = []

    def to_one(self, sid, event, data):
        self.got.setdefault(sid, []).append((event, data))

    def to_mode(self, mode, event, data):
        self.broadcasts.append((mode, event))
        for sid in [sid for sid, placed in self.modes.items() if placed is mode]:
            self.to_one(sid, event, data)

    def to_all(self, event, data):
        self.broadcasts.append(("all", event))
        for sid in self.modes:
            self.to_one(sid, event, data)

    def place(self, sid, mode):
        self.modes[sid] = mode
        return True

    def drop(self, sid):
        del self.modes[sid]

    def events(self, sid, name):
        return [data for event, data in self.got.get(sid, []) if event == name]


class Scene:
    """One gate and a switchboard with recorded browsers on it."""

    def __init__(self, feed, data):
        self.feed = feed
        self.data = data
        self.board = AckBoard()
        self.sent = RecordingBroadcaster()
        self.switchboard = Switchboard(feed.gate, self.board, self.sent, feed.pages, restore_rate=100)
        feed.gate.news.on_state(self.switchboard.on_state)

    def connect(self, sid, person="sandy"):
        self.switchboard.connect(sid, f"browser {sid}", VISITORS.of({"visitor": person}))

    def updates(self, sid):
        return self.sent.events(sid, "flag_update")


@pytest.fixture
def scene(start_feed, avatar_server):
    data = flag_data(on=True)
    feed = start_feed(data_source=data, avatar_api_url=avatar_server.url)
    return Scene(feed, data)


def test_a_browser_gets_the_state_when_it_connects(scene):
    scene.connect("a")

    (state,) = scene.sent.events("a", "state")
    assert state["epoch"] == [1, 0]
    assert state["mode"] == "full"
    assert state["flags"] == {FLAG: True}
    assert state["reason"] == "FALLTHROUGH"
    assert set(state) == {"epoch", "order", "mode", "flags", "reason", "pinned", "source", "age"}


def test_a_kill_is_told_once_with_the_tutorials_fields_and_asks_for_no_request(scene):
    scene.connect("a")

    turn(scene.data, on=False)

    eventually(lambda: scene.updates("a"))
    (update,) = scene.updates("a")
    assert update.pop("order")[1] > scene.sent.events("a", "state")[0]["order"][1]
    assert [update] == [
        {
            "key": FLAG,
            "new_value": False,
            "epoch": [2, 0],
            "mode": "degraded",
            "reason": "OFF",
            "pinned": False,
            "refetch_within_ms": 0,
        }
    ]


def test_a_restore_spreads_the_pages_requests_at_the_configured_rate(scene):
    turn(scene.data, on=False)
    eventually(lambda: scene.feed.gate.state.mode is Mode.DEGRADED)
    for number in range(50):
        scene.connect(f"b{number}")

    turn(scene.data, on=True)

    eventually(lambda: scene.updates("b0"))
    assert scene.updates("b0")[-1]["refetch_within_ms"] == 500


def test_a_restore_is_spread_over_the_configured_time_however_few_there_are(scene):
    scene.switchboard._restore_spread_s = 30.0
    turn(scene.data, on=False)
    eventually(lambda: scene.feed.gate.state.mode is Mode.DEGRADED)
    scene.connect("a")

    turn(scene.data, on=True)

    eventually(lambda: scene.updates("a"))
    assert scene.updates("a")[-1]["refetch_within_ms"] == 30_000


def test_a_restore_of_a_handful_is_at_once(scene):
    turn(scene.data, on=False)
    eventually(lambda: scene.feed.gate.state.mode is Mode.DEGRADED)
    scene.connect("a")

    turn(scene.data, on=True)

    eventually(lambda: scene.updates("a"))
    assert scene.updates("a")[-1]["refetch_within_ms"] == 0


def test_when_the_flag_depends_on_the_visitor_each_browser_is_told_its_own_mode(scene):
    scene.connect("a", "sandy")
    scene.connect("b", "noor")

    scene.data.update(scene.data.flag(FLAG).variation_for_key("user", "noor", False))

    eventually(lambda: scene.updates("a") and scene.updates("b"))
    assert [update["mode"] for update in scene.updates("a")] == ["full"]
    assert [update["mode"] for update in scene.updates("b")] == ["degraded"]
    assert scene.updates("b")[0]["reason"] == "TARGET_MATCH"


def test_a_change_for_everybody_is_one_broadcast_and_one_evaluation_however_many_there_are(scene, monkeypatch):
    for number in range(100):
        scene.connect(f"b{number}", person="sandy" if number % 2 else "noor")
    evaluated = []
    variation_detail = LDClient.variation_detail
    monkeypatch.setattr(LDClient, "variation_detail", lambda *asked: evaluated.append(1) or variation_detail(*asked))

    turn(scene.data, on=False)

    eventually(lambda: scene.updates("b99"))
    assert scene.sent.broadcasts == [("all", "flag_update")]
    assert len(evaluated) < 10, "not one for each browser"


def test_a_change_that_depends_on_the_visitor_is_two_broadcasts_however_many_there_are(scene):
    for number in range(100):
        scene.connect(f"b{number}", person="sandy" if number % 2 else "noor")

    scene.data.update(scene.data.flag(FLAG).variation_for_key("user", "noor", False))

    eventually(lambda: scene.updates("b98"))
    assert scene.sent.broadcasts == [(mode, "flag_update") for mode in Mode]
    modes = [update["mode"] for number in range(100) for update in scene.updates(f"b{number}")]
    assert modes == ["degraded", "full"] * 50


def test_browsers_move_between_the_modes_as_their_visitors_do(scene):
    scene.connect("a", "sandy")
    scene.connect("b", "noor")
    scene.data.update(scene.data.flag(FLAG).variation_for_key("user", "noor", False))
    eventually(lambda: scene.updates("b"))

    scene.data.update(scene.data.flag(FLAG).variation_for_key("user", "noor", True))

    eventually(lambda: len(scene.updates("b")) == 2)
    assert scene.updates("b")[-1]["mode"] == "full"
    assert scene.sent.modes == {"a": Mode.FULL, "b": Mode.FULL}


def test_what_everybody_is_told_is_what_is_waited_for(scene):
    scene.connect("a")

    turn(scene.data, on=False)

    eventually(lambda: scene.updates("a"))
    assert not scene.board.confirm("a", Epoch(2), Mode.FULL)
    assert scene.board.confirm("a", Epoch(2), Mode.DEGRADED)


def test_what_each_is_told_is_what_is_waited_for(scene):
    scene.connect("a", "sandy")
    scene.connect("b", "noor")

    scene.data.update(scene.data.flag(FLAG).variation_for_key("user", "noor", False))

    eventually(lambda: scene.updates("a") and scene.updates("b"))
    assert scene.board.confirm("a", Epoch(2), Mode.FULL)
    assert scene.board.confirm("b", Epoch(2), Mode.DEGRADED)


def test_at_the_same_epoch_those_are_told_whose_mode_changes_and_nobody_else(scene):
    scene.connect("a", "sandy")
    scene.connect("b", "noor")
    scene.data.update(scene.data.flag(FLAG).variation_for_key("user", "noor", False))
    eventually(lambda: scene.updates("a") and scene.updates("b"))
    state = scene.switchboard._told

    scene.board.expect(scene.board.get("b"), Mode.FULL)
    scene.switchboard.on_state(replace(state, revision=state.revision + 1))

    assert [update["mode"] for update in scene.updates("b")] == ["degraded", "degraded"]
    assert len(scene.updates("a")) == 1


def test_a_visitor_whose_mode_stays_is_told_nothing_at_the_same_epoch(scene):
    scene.data.update(scene.data.flag(FLAG).variation_for_key("user", "noor", False))
    eventually(lambda: scene.feed.gate.state.mode is None)
    scene.connect("a", "sandy")

    scene.feed.gate._recheck()

    turn(scene.data, on=False)
    eventually(lambda: scene.updates("a"))
    assert [update["epoch"] for update in scene.updates("a")] == [[3, 0]]


def test_what_a_browser_is_told_never_goes_back(scene):
    scene.connect("a")

    for on in [False, True] * 20 + [False]:
        turn(scene.data, on=on)

    eventually(lambda: scene.updates("a") and scene.updates("a")[-1]["epoch"] == [42, 0])
    epochs = [Epoch.from_wire(update["epoch"]) for update in scene.updates("a")]
    assert epochs == sorted(set(epochs))
    assert scene.updates("a")[-1]["mode"] == "degraded"


def test_who_connects_after_a_kill_is_degraded(scene):
    turn(scene.data, on=False)
    eventually(lambda: scene.feed.gate.state.mode is Mode.DEGRADED)

    scene.connect("late")

    assert scene.sent.events("late", "state")[0]["mode"] == "degraded"
    assert scene.updates("late") == []


def test_an_arriving_post_has_its_avatar_in_full_mode(scene):
    scene.connect("a")

    scene.switchboard.announce(scene.feed.feed.arrive())

    (post,) = scene.sent.events("a", "post")
    assert post["author"]["avatar_url"].startswith("http://127.0.0.1:")


def test_an_arriving_post_has_no_avatar_after_a_kill_and_the_api_is_not_asked(scene, avatar_server):
    turn(scene.data, on=False)
    eventually(lambda: scene.feed.gate.state.mode is Mode.DEGRADED)
    scene.connect("a")

    scene.switchboard.announce(scene.feed.feed.arrive())

    (post,) = scene.sent.events("a", "post")
    assert post["author"]["avatar_url"] is None
    assert avatar_server.calls == 0


def test_an_arriving_post_has_its_avatar_only_for_those_in_full_mode(scene):
    scene.data.update(scene.data.flag(FLAG).variation_for_key("user", "noor", False))
    eventually(lambda: scene.feed.gate.state.mode is None)
    scene.connect("a", "sandy")
    scene.connect("b", "noor")

    eventually(lambda: scene.switchboard._told.mode is None)
    scene.switchboard.announce(scene.feed.feed.arrive())

    assert scene.sent.events("a", "post")[0]["author"]["avatar_url"]
    assert scene.sent.events("b", "post")[0]["author"]["avatar_url"] is None
