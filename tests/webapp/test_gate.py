"""Which mode each visitor gets, with the real SDK."""

import threading
import time

import pytest
from feed_parts import FLAG, flag_data, settings, small_cast, turn
from ldclient.integrations.test_data import TestData
from support.waiting import DEADLINE_S, eventually

from opsctl.core.epochs import Epoch
from opsctl.core.instances import DataSource
from opsctl.core.modes import Mode
from opsctl.core.traffic import Traffic
from opsctl.settings import Secret
from webapp.directives import Directives
from webapp.flagdata import ObservedStore
from webapp.gate import Gate
from webapp.sdk import start_client
from webapp.visitors import Visitors

VISITORS = Visitors(small_cast())
SANDY = VISITORS.of({"visitor": "sandy"})
NOOR = VISITORS.of({"visitor": "noor"})


@pytest.fixture
def open_gate(tmp_path):
    """Open gates on real SDK clients; they are closed at the end."""
    opened = []

    def start(data_source=None, **more):
        store, given = ObservedStore(), settings(tmp_path, **more)
        client = start_client(given, store, data_source=data_source)
        evaluations = []
        directives = Directives(given, lambda _window_s: Traffic(), None)
        gate = Gate(client, store, FLAG, directives, on_evaluation=lambda: evaluations.append(1))
        gate.evaluations = evaluations
        gate.start()
        opened.append((gate, client))
        return gate

    yield start
    for gate, client in opened:
        gate.close()
        client.close()


def test_on_means_full_and_off_means_degraded(open_gate):
    on, off = open_gate(flag_data(on=True)), open_gate(flag_data(on=False))

    assert (on.decide(SANDY).mode, on.decide(SANDY).reason) == (Mode.FULL, "FALLTHROUGH")
    assert (off.decide(SANDY).mode, off.decide(SANDY).reason) == (Mode.DEGRADED, "OFF")


def test_the_epoch_is_the_version_of_the_flag(open_gate):
    data = flag_data(on=True)
    gate = open_gate(data)

    turn(data, on=False)

    eventually(lambda: gate.state.epoch == Epoch(2, 0))
    assert gate.state.mode is Mode.DEGRADED


def test_without_an_sdk_key_everybody_gets_degraded(open_gate):
    gate = open_gate()

    assert gate.decide(SANDY).mode is Mode.DEGRADED
    assert (gate.state.epoch, gate.source, gate.age_s) == (Epoch(), DataSource.NONE, None)


def test_a_provider_that_is_away_neither_blocks_nor_ends_the_start(open_gate):
    nobody = "http://127.0.0.1:9"
    began_at = time.monotonic()

    gate = open_gate(sdk_key=Secret("sdk-1"), base_uri=nobody, stream_uri=nobody, events_uri=nobody)

    assert time.monotonic() - began_at < 5
    assert gate.decide(SANDY).mode is Mode.DEGRADED
    assert gate.state.reason == "ERROR(CLIENT_NOT_READY)"


def test_an_unknown_flag_is_degraded_and_loud(open_gate, caplog):
    data = TestData.data_source()
    data.update(data.flag("show-avatars-and-recs").boolean_flag())

    gate = open_gate(data)

    assert gate.decide(SANDY).mode is Mode.DEGRADED
    assert gate.decide(SANDY).reason == "ERROR(FLAG_NOT_FOUND)"
    assert f"no flag {FLAG}" in caplog.text
    assert "did you mean show-avatars-and-recs?" in caplog.text


@pytest.mark.parametrize("variation", ["true", 1, {"on": True}])
def test_a_variation_that_is_not_a_boolean_is_degraded_and_loud(open_gate, caplog, variation):
    data = TestData.data_source()
    data.update(data.flag(FLAG).variations(variation, "off").fallthrough_variation(0))

    gate = open_gate(data)

    assert gate.decide(SANDY).mode is Mode.DEGRADED
    assert gate.decide(SANDY).reason == "ERROR(WRONG_TYPE)"
    assert "does not serve a boolean" in caplog.text


def test_a_flag_that_depends_on_nobody_is_evaluated_once_for_all(open_gate):
    gate = open_gate(flag_data(on=True))
    before = len(gate.evaluations)

    for _ in range(100):
        gate.decide(SANDY)

    assert len(gate.evaluations) == before


def test_a_flag_with_a_target_is_evaluated_for_each_visitor(open_gate):
    data = flag_data(on=True)
    data.update(data.flag(FLAG).variation_for_key("user", "noor", False))

    gate = open_gate(data)

    assert gate.state.mode is None
    assert gate.decide(SANDY).mode is Mode.FULL
    assert gate.decide(NOOR).mode is Mode.DEGRADED
    assert gate.decide(NOOR).reason == "TARGET_MATCH"


def test_a_killed_flag_with_targets_is_the_same_for_all(open_gate):
    data = flag_data(on=True)
    data.update(data.flag(FLAG).variation_for_key("user", "noor", True))
    gate = open_gate(data)

    data.update(data.flag(FLAG).on(False))

    eventually(lambda: gate.state.mode is Mode.DEGRADED)
    assert gate.decide(NOOR).mode is Mode.DEGRADED


def test_a_device_can_be_targeted(open_gate):
    data = flag_data(on=True)
    data.update(data.flag(FLAG).variation_for_key("device", SANDY.device, False))

    gate = open_gate(data)

    assert (gate.decide(SANDY).mode, gate.decide(NOOR).mode) == (Mode.DEGRADED, Mode.FULL)


def test_quick_changes_end_right_and_epochs_never_go_down(open_gate):
    data = flag_data(on=True)
    gate = open_gate(data)
    seen = []
    gate.news.on_state(seen.append)

    for on in [False, True] * 25 + [False]:
        turn(data, on=on)

    eventually(lambda: gate.state.epoch.version == 52)
    assert gate.state.mode is Mode.DEGRADED
    epochs = [state.epoch for state in seen]
    assert epochs == sorted(epochs)
    assert all(state.mode is (Mode.FULL if state.epoch.version % 2 else Mode.DEGRADED) for state in seen)


def test_a_listener_that_fails_does_not_keep_a_kill_from_the_others(open_gate, caplog):
    data = flag_data(on=True)
    gate = open_gate(data)
    told = threading.Event()
    gate.news.on_state(lambda _state: 1 / 0)
    gate.news.on_state(lambda _state: told.set())

    turn(data, on=False)

    assert told.wait(DEADLINE_S)
    assert "a listener failed at epoch [2, 0]" in caplog.text


def test_a_write_of_another_flag_is_not_told(open_gate):
    data = flag_data(on=True)
    gate = open_gate(data)
    seen = []
    gate.news.on_state(seen.append)

    data.update(data.flag("another").boolean_flag())
    turn(data, on=False)

    eventually(lambda: seen)
    assert [state.epoch for state in seen] == [Epoch(2)]


def test_the_log_says_what_the_flag_evaluates_to_as_the_tutorial_does(open_gate, caplog):
    caplog.set_level("INFO")
    data = flag_data(on=True)
    open_gate(data)

    turn(data, on=False)

    eventually(lambda: f"*** The {FLAG} feature flag evaluates to False" in caplog.text)
    assert f"*** The {FLAG} feature flag evaluates to True" in caplog.text


def test_flag_data_that_vanished_keeps_the_epoch(open_gate):
    data = flag_data(on=True)
    gate = open_gate(data)
    store = gate._store

    store.init({})

    eventually(lambda: gate.state.mode is Mode.DEGRADED)
    assert gate.state.epoch == Epoch(1)
    assert gate.state.reason == "ERROR(FLAG_NOT_FOUND)"


def test_what_comes_while_a_forked_process_begins_again_is_decided_by(open_gate):
    data = flag_data(on=True)
    gate = open_gate(data)
    gate.news.close()

    gate.resume(lambda: turn(data, on=False))

    eventually(lambda: gate.state.mode is Mode.DEGRADED, what="the kill")


def test_two_processes_that_were_forked_off_number_their_states_each_for_itself(open_gate):
    gate = open_gate(flag_data(on=True))
    before = gate.state.order.origin
    gate.news.close()

    gate.resume(lambda: None)

    assert gate.state.order.origin != before
