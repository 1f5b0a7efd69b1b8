"""An instance that is told things: what it keeps of them, and whom it believes."""

import itertools
import json
import random
import stat
import threading

import pytest
from feed_parts import FLAG, flag_data, settings, small_cast, turn
from support.waiting import eventually

from opsctl.core.epochs import Epoch
from opsctl.core.expecting import Expect
from opsctl.core.flags import FlagRef
from opsctl.core.instances import Hold, sdk_key_digest
from opsctl.core.modes import Mode
from opsctl.core.objectives import Condition, Objective
from opsctl.core.pins import Pin
from opsctl.daemon.pin_file import PinFile
from opsctl.settings import Secret
from webapp.memory import Memory
from webapp.overrides import Told
from webapp.visitors import Visitors

SANDY = Visitors(small_cast()).of({"visitor": "sandy"})
CONDITION = Condition(flag=FLAG, from_version=1, objective=Objective(), window_s=600)


def pin(number, *, is_set=True, **more):
    given = {"project": "default", "environment": "test", "flag": FLAG, "by": "sam", "at_s": 1.0, "reason": "p99"}
    return Pin(number=number, is_set=is_set, **given | more)


def expect(version, *, is_kill=True, within_ms=0, **more):
    return Expect(flag=FLAG, version=version, is_kill=is_kill, within_ms=within_ms, **more)


def pin_file(tmp_path):
    return PinFile(tmp_path, FlagRef("default", "test", FLAG))


def fail_pages(feed, count=40):
    for _ in range(count):
        feed.metrics.traffic.count(500, 0.1)


@pytest.fixture
def start(start_feed):
    """Start feeds in full mode, all in one data directory; one that is started again is the same instance."""

    def start_on(*, on=True, data=None, **more):
        return start_feed(data_source=data or flag_data(on=on), **more)

    return start_on


class TestPins:
    def test_a_pin_is_in_force_and_written_down_when_it_was_taken(self, start, tmp_path):
        feed = start()

        feed.gate.take(pin(1))

        assert (feed.gate.state.mode, feed.gate.state.epoch) == (Mode.DEGRADED, Epoch(1, 1))
        assert feed.gate.decide(SANDY).is_pinned
        assert pin_file(tmp_path).read() == pin(1)

    @pytest.mark.parametrize("has_data", [True, False])
    def test_an_instance_that_starts_pinned_is_degraded_from_the_first_moment(self, start_feed, tmp_path, has_data):
        pin_file(tmp_path).keep(pin(4))

        feed = start_feed(data_source=flag_data(on=True) if has_data else None)

        assert (feed.gate.state.mode, feed.gate.state.epoch.pin, feed.gate.state.reason) == (Mode.DEGRADED, 4, "PINNED")
        assert feed.gate.directives.pin == pin(4)

    def test_a_pin_that_another_process_writes_is_found(self, start, tmp_path):
        feed = start()

        pin_file(tmp_path).keep(pin(1))
        eventually(lambda: feed.gate.state.is_pinned)
        pin_file(tmp_path).keep(pin(2, is_set=False))
        eventually(lambda: feed.gate.state.mode is Mode.FULL)

        assert feed.gate.state.epoch == Epoch(1, 2)

    def test_a_pin_older_than_that_of_the_file_is_not_believed(self, start, tmp_path):
        feed = start()
        pin_file(tmp_path).keep(pin(5))

        feed.gate.take(pin(2, is_set=False))

        assert feed.gate.directives.pin == pin(5)

    def test_the_stream_goes_on_under_a_pin_without_anybody_seeing_full(self, start):
        data = flag_data(on=True)
        feed = start(data=data)
        feed.gate.take(pin(1))
        seen = []
        feed.gate.news.on_state(seen.append)

        for on in (False, True, False, True):
            turn(data, on=on)
        eventually(lambda: feed.gate.state.epoch == Epoch(5, 1))

        assert {state.mode for state in seen} == {Mode.DEGRADED}
        assert {state.is_pinned for state in seen} == {True}

    def test_a_pin_file_that_cannot_be_read_means_degraded_until_it_is_released(self, start, tmp_path):
        pin_file(tmp_path).path.write_bytes(b"\0\0\0")
        feed = start()
        assert feed.gate.state.is_pinned
        assert "cannot be read" in feed.gate.directives.pin.reason

        feed.gate.take(pin(2, is_set=False))

        assert feed.gate.state.mode is Mode.FULL

    def test_a_disk_that_does_not_take_it_keeps_no_pin_from_being_in_force(self, start, tmp_path, caplog):
        feed = start()
        pin_file(tmp_path).path.mkdir()

        feed.gate.take(pin(1))

        assert feed.gate.state.is_pinned
        assert "the pin is not kept over a restart" in caplog.text


class TestExpectedKills:
    def test_browsers_and_the_keeper_are_told_of_a_kill_that_did_not_arrive(self, start):
        feed = start()
        missed, seen = [], []
        feed.gate.news.on_missed(missed.append)
        feed.gate.news.on_state(seen.append)

        feed.gate.take(expect(8, within_ms=50))

        eventually(lambda: missed == [8])
        assert [(state.mode, state.epoch, state.hold) for state in seen] == [
            (Mode.DEGRADED, Epoch(8), Hold.EXPECTED),
        ]
        assert feed.gate.is_deaf

    def test_what_arrives_in_time_is_no_alarm(self, start):
        data = flag_data(on=True)
        feed = start(data=data)
        missed = []
        feed.gate.news.on_missed(missed.append)
        feed.gate.take(expect(2, within_ms=60_000))

        turn(data, on=False)

        eventually(lambda: feed.gate.state.epoch == Epoch(2))
        assert (feed.gate.state.hold, feed.gate.is_deaf, missed) == (None, False, [])

    def test_versions_up_to_the_expected_one_show_nobody_full(self, start):
        data = flag_data(on=True)
        feed = start(data=data)
        feed.gate.take(expect(8))
        seen = []
        feed.gate.news.on_state(seen.append)

        for number in range(2, 8):
            turn(data, on=number % 2 == 1)
        turn(data, on=False)
        eventually(lambda: feed.gate.state.hold is None)
        turn(data, on=True)
        eventually(lambda: feed.gate.state.epoch == Epoch(9))

        assert [state.mode for state in seen[:-1]] == [Mode.DEGRADED] * (len(seen) - 1)
        assert seen[-1].mode is Mode.FULL
        assert not feed.gate.is_deaf

    def test_an_instance_without_any_data_follows_an_expected_kill(self, start_feed):
        feed = start_feed()

        feed.gate.take(expect(8))

        assert (feed.gate.state.mode, feed.gate.state.epoch) == (Mode.DEGRADED, Epoch(8))

    def test_a_hold_goes_on_after_a_restart(self, start):
        data = flag_data(on=True)
        feed = start(data=data)
        feed.gate.take(expect(8))
        eventually(lambda: feed.gate.is_deaf)
        feed.lifecycle.close()

        again = start(data=flag_data(on=True))

        assert (again.gate.state.mode, again.gate.state.epoch) == (Mode.DEGRADED, Epoch(8))

    def test_a_hold_of_another_sdk_key_is_nothing_to_the_next(self, start, tmp_path):
        feed = start(sdk_key=Secret("sdk-one"))
        feed.gate.take(expect(8))
        eventually(lambda: feed.gate.is_deaf)
        feed.lifecycle.close()

        again = start(sdk_key=Secret("sdk-two"))

        assert again.gate.state.mode is Mode.FULL


class TestConditions:
    def test_a_restore_that_comes_in_a_breach_is_held_back_also_after_a_restart(self, start):
        data = flag_data(on=False)
        feed = start(data=data)
        fail_pages(feed)
        feed.gate.take(CONDITION)

        turn(data, on=True)
        eventually(lambda: feed.gate.state.hold is Hold.CONDITION)
        assert (feed.gate.state.mode, feed.gate.state.epoch) == (Mode.DEGRADED, Epoch(2))
        eventually(lambda: any('"is_held": true' in text for text in told_files(feed)))
        feed.lifecycle.close()

        restored = flag_data(on=False)
        turn(restored, on=True)
        again = start(data=restored)
        assert again.gate.state.hold is Hold.CONDITION

    def test_it_is_followed_when_the_objective_was_met_for_a_whole_window(self, start):
        data = flag_data(on=False)
        feed = start(data=data)
        fail_pages(feed)
        feed.gate.take(Condition(flag=FLAG, from_version=1, objective=Objective(), window_s=1))
        turn(data, on=True)
        eventually(lambda: feed.gate.state.hold is Hold.CONDITION)

        eventually(lambda: feed.gate.state.mode is Mode.FULL)

        assert feed.gate.state.epoch == Epoch(2)
        assert feed.gate.state.hold is None

    def test_a_condition_waits_for_its_restore_over_a_restart(self, start):
        feed = start(on=False)
        feed.gate.take(CONDITION)
        feed.lifecycle.close()

        data = flag_data(on=False)
        again = start(data=data)
        fail_pages(again)
        turn(data, on=True)

        eventually(lambda: again.gate.state.hold is Hold.CONDITION)


def told_files(feed):
    return [path.read_text(encoding="utf-8") for path in feed.settings.data_dir.glob("told-*.json")]


def test_what_is_kept_is_nobody_elses_to_read(start, tmp_path):
    start(on=False).gate.take(CONDITION)

    (path,) = tmp_path.glob("told-*.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text(encoding="utf-8"))["condition"] == CONDITION.to_wire()


@pytest.mark.parametrize("content", ["", "{", "[]", "[" * 100_000, '{"kill_version": "8"}'])
def test_a_memory_that_cannot_be_read_keeps_no_feed_from_starting(start, tmp_path, caplog, content):
    first = start(on=False)
    first.gate.take(CONDITION)
    first.lifecycle.close()
    (path,) = tmp_path.glob("told-*.json")
    path.write_text(content, encoding="utf-8")

    assert start().gate.state.mode is Mode.FULL
    assert "cannot be read" in caplog.text


class TestWhomItIsAbout:
    KEY = Secret("sdk-ours")
    OURS = sdk_key_digest(KEY.reveal())

    @pytest.mark.parametrize(
        "message",
        [
            pin(1, flag="another"),
            pin(1, environment="production"),
            pin(1, project="another"),
            expect(8, environment="production"),
            expect(8, project="another", environment="test"),
            expect(8, environment="production", sdk_key_digest="another"),
            Expect(flag="another", version=8, is_kill=True),
            Condition(flag="another", from_version=1, objective=Objective()),
        ],
    )
    def test_what_is_about_another_flag_is_refused(self, start, message):
        refusal = start(sdk_key=self.KEY).gate.directives.refusal(message)

        assert "this instance serves show-avatars-and-reccs" in refusal

    @pytest.mark.parametrize(
        "message",
        [
            pin(1),
            expect(8),
            expect(8, project="default", environment="test"),
            expect(8, project="default", environment="named-otherwise-here", sdk_key_digest=OURS),
            CONDITION,
        ],
    )
    def test_what_is_about_its_own_is_not(self, start, message):
        assert start(sdk_key=self.KEY).gate.directives.refusal(message) is None

    def test_a_version_of_another_sdk_key_is_fetched_and_holds_nothing(self, start):
        feed = start(sdk_key=self.KEY)
        missed = []
        feed.gate.news.on_missed(missed.append)

        feed.gate.take(expect(8, project="default", environment="test", sdk_key_digest="another"))

        eventually(lambda: missed == [8])
        assert feed.gate.state.mode is Mode.FULL


def test_whoever_tells_at_the_same_time_states_come_in_order_and_the_last_is_in_force(start):
    data = flag_data(on=True)
    feed = start(data=data)
    seen = []
    feed.gate.news.on_state(seen.append)
    numbers = itertools.count(1)

    def pins():
        for _ in range(20):
            feed.gate.take(pin(next(numbers), is_set=random.random() < 0.5))

    def changes():
        for _ in range(40):
            turn(data, on=random.random() < 0.5)

    def kills():
        for _ in range(40):
            feed.gate.take(
                expect(feed.gate.state.epoch.version + random.randrange(3), within_ms=random.choice([0, 20]))
            )

    threads = [threading.Thread(target=tell) for tell in (pins, pins, changes, kills, kills)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    turn(data, on=False)
    feed.gate.take(pin(next(numbers), is_set=False))

    eventually(lambda: seen[-1] is feed.gate.state)
    orders = [state.order.number for state in seen]
    assert orders == sorted(set(orders))
    for before, after in itertools.pairwise(seen):
        assert after.epoch.version >= before.epoch.version
        assert after.epoch.pin >= before.epoch.pin
    assert all(state.mode is Mode.DEGRADED for state in seen if state.is_pinned or state.hold is not None)
    assert (seen[-1].is_pinned, seen[-1].epoch.pin) == (False, next(numbers) - 1)


def test_what_the_disk_did_not_take_is_written_when_it_does(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("webapp.memory._RETRY_S", 0.0)
    memory = Memory(settings(tmp_path), "worker-0")
    in_the_way = memory._told_path
    in_the_way.mkdir(parents=True)
    memory.keep_told_soon(Told(kill_version=5))
    eventually(lambda: "is not kept over a restart" in caplog.text, what="the failure")

    in_the_way.rmdir()

    def is_kept():
        memory.keep_told_soon(Told(kill_version=5))
        return Memory(settings(tmp_path), "worker-0").read_told() == Told(kill_version=5)

    eventually(is_kept, what="what was told")
    assert caplog.text.count("is not kept over a restart") == 1
