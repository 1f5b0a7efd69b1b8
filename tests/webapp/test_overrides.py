"""What is in force, from what an instance was told and what its flag data says."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.core.epochs import Epoch
from opsctl.core.expecting import Expect
from opsctl.core.instances import Hold
from opsctl.core.modes import Mode
from opsctl.core.objectives import Condition, Objective
from opsctl.core.pins import Pin
from opsctl.core.traffic import Traffic
from webapp.decisions import FlagState
from webapp.overrides import CONDITION, EXPECTED_KILL, PINNED, Overrides, Told

FLAG = "show-avatars-and-reccs"
BAD = Traffic(requests=100, errors=50)
GOOD = Traffic(requests=100)
UNKNOWN = Traffic(requests=3, errors=3)
RESTORABLE = Condition(flag=FLAG, from_version=8, objective=Objective(), window_s=10)


def overrides(*, traffic=GOOD, **more):
    return Overrides(lambda _window_s: traffic, **more)


def by_data(version, *, on, personal=False):
    mode = None if personal else Mode.of(flag_value=on)
    return FlagState(Epoch(version), mode, "FALLTHROUGH" if on else "OFF", revision=7 if personal else 0)


def pin(number, *, is_set=True):
    return Pin(
        number=number, is_set=is_set, project="default", environment="test", flag=FLAG, by="sam", at_s=0.0, reason="p99"
    )


def kill(version, within_ms=250):
    return Expect(flag=FLAG, version=version, is_kill=True, within_ms=within_ms)


def restore(version, within_ms=250):
    return Expect(flag=FLAG, version=version, is_kill=False, within_ms=within_ms)


def test_what_nobody_overrides_is_as_the_data_says():
    state = by_data(7, on=True)

    assert overrides().decide(state, 0.0) == state


class TestPins:
    def test_a_pin_outranks_whatever_the_data_says(self):
        told = overrides()
        told.take_pin(pin(1))

        for on, version in ((True, 7), (False, 8), (True, 9)):
            state = told.decide(by_data(version, on=on), 0.0)
            assert (state.mode, state.epoch, state.reason) == (Mode.DEGRADED, Epoch(version, 1), PINNED)
            assert (state.is_pinned, state.hold) == (True, None)

    def test_a_pin_counts_for_every_visitor_of_a_flag_that_depends_on_them(self):
        told = overrides()
        told.take_pin(pin(1))

        state = told.decide(by_data(7, on=True, personal=True), 0.0)

        assert (state.mode, state.revision) == (Mode.DEGRADED, 0)

    def test_after_a_release_the_data_decides_at_the_number_of_the_release(self):
        told = overrides()
        told.take_pin(pin(1))
        told.take_pin(pin(2, is_set=False))

        state = told.decide(by_data(7, on=True), 0.0)

        assert (state.mode, state.epoch, state.is_pinned) == (Mode.FULL, Epoch(7, 2), False)

    def test_an_older_or_equal_pin_changes_nothing(self):
        told = overrides()
        told.take_pin(pin(3))

        assert not told.take_pin(pin(2, is_set=False))
        assert not told.take_pin(pin(3, is_set=False))
        assert told.decide(by_data(7, on=True), 0.0).is_pinned

    def test_of_two_with_one_number_the_one_that_pins_wins_whichever_comes_first(self):
        for first, second in ((pin(2), pin(2, is_set=False)), (pin(2, is_set=False), pin(2))):
            told = overrides()
            told.take_pin(first)
            told.take_pin(second)

            assert told.decide(by_data(7, on=True), 0.0).is_pinned

    def test_a_kill_under_a_pin_is_seen_in_the_epoch_and_still_holds_after_the_release(self):
        told = overrides()
        told.take_pin(pin(1))
        told.expect(kill(8), 0.0)

        assert told.decide(by_data(7, on=True), 1.0).epoch == Epoch(8, 1)

        told.take_pin(pin(2, is_set=False))
        state = told.decide(by_data(7, on=True), 1.0)
        assert (state.mode, state.epoch, state.hold) == (Mode.DEGRADED, Epoch(8, 2), Hold.EXPECTED)


class TestExpectations:
    def test_a_kill_that_the_data_does_not_show_in_time_is_in_force_as_if_it_did(self):
        told = overrides()
        told.expect(kill(8), 0.0)

        early, late = (told.decide(by_data(7, on=True), at_s) for at_s in (0.2, 0.25))

        assert (early.mode, early.epoch) == (Mode.FULL, Epoch(7))
        assert (late.mode, late.epoch, late.hold) == (Mode.DEGRADED, Epoch(8), Hold.EXPECTED)
        assert late.reason == EXPECTED_KILL
        assert told.missed == 8

    def test_it_asks_to_be_decided_anew_when_the_time_is_over(self):
        told = overrides()
        told.expect(kill(8), 1.0)

        told.decide(by_data(7, on=True), 1.0)
        assert told.due_at_s == 1.25
        told.decide(by_data(7, on=True), 1.25)
        assert told.due_at_s is None

    @pytest.mark.parametrize("how", ["pinned", "held", "conditional"])
    def test_where_it_is_degraded_anyway_a_kill_counts_at_once_so_that_nobody_sees_full_between(self, how):
        told = overrides(traffic=BAD)
        if how == "pinned":
            told.take_pin(pin(1))
        elif how == "held":
            told.expect(kill(10, within_ms=0), 0.0)
        else:
            told.take_condition(RESTORABLE)
        assert told.decide(by_data(9, on=True), 0.0).mode is Mode.DEGRADED

        told.expect(kill(11), 0.0)
        before = told.decide(by_data(9, on=True), 0.0)
        told.take_pin(pin(2, is_set=False))
        after = told.decide(by_data(9, on=True), 0.1)

        assert (before.mode, before.epoch.version) == (Mode.DEGRADED, 11)
        assert (after.mode, after.hold, after.epoch.version) == (Mode.DEGRADED, Hold.EXPECTED, 11)
        assert told.missed == (10 if how == "held" else 0)
        assert told.decide(by_data(12, on=True), 0.2).mode is Mode.FULL

    def test_the_kill_itself_changes_nothing_but_the_reason(self):
        told = overrides()
        told.expect(kill(8), 0.0)
        held = told.decide(by_data(7, on=True), 1.0)

        arrived = told.decide(by_data(8, on=False), 2.0)

        assert (arrived.mode, arrived.epoch) == (held.mode, held.epoch)
        assert (arrived.hold, arrived.reason) == (None, "OFF")

    def test_a_newer_restore_in_the_data_ends_the_hold(self):
        told = overrides()
        told.expect(kill(8), 0.0)
        told.decide(by_data(7, on=True), 1.0)

        state = told.decide(by_data(9, on=True), 2.0)

        assert (state.mode, state.epoch, state.hold) == (Mode.FULL, Epoch(9), None)

    def test_a_restore_never_holds_and_releases_no_kill(self):
        told = overrides()
        told.expect(restore(9), 0.0)
        state = told.decide(by_data(7, on=True), 1.0)
        assert (state.mode, state.epoch, state.hold, told.missed) == (Mode.FULL, Epoch(7), None, 9)

        told.expect(kill(8), 1.0)
        state = told.decide(by_data(7, on=True), 2.0)
        assert (state.mode, state.epoch, told.missed) == (Mode.DEGRADED, Epoch(8), 9)

    def test_what_the_data_shows_already_is_not_missed(self):
        told = overrides()
        told.expect(kill(8, within_ms=0), 0.0)

        state = told.decide(by_data(8, on=False), 0.0)

        assert (state.hold, told.missed, told.due_at_s) == (None, 0, None)

    def test_told_twice_the_shorter_patience_and_the_kill_count(self):
        told = overrides()
        told.expect(restore(8, within_ms=5000), 0.0)
        told.expect(kill(8, within_ms=100), 0.0)

        assert told.decide(by_data(7, on=True), 0.1).hold is Hold.EXPECTED

    def test_patience_has_an_end_whatever_was_asked_for(self):
        told = overrides()
        told.expect(kill(8, within_ms=10**12), 0.0)

        assert told.decide(by_data(7, on=True), 60.0).hold is Hold.EXPECTED

    def test_however_many_are_told_the_newest_kill_is_not_forgotten(self):
        told = overrides()
        told.expect(kill(8, within_ms=0), 0.0)
        for version in range(9, 500):
            told.expect(restore(version, within_ms=0), 0.0)

        state = told.decide(by_data(7, on=True), 0.0)

        assert (state.epoch, state.hold, told.missed) == (Epoch(8), Hold.EXPECTED, 499)


class TestConditions:
    def test_a_restore_in_a_breach_is_not_followed(self):
        told = overrides(traffic=BAD)
        told.take_condition(RESTORABLE)

        state = told.decide(by_data(9, on=True), 0.0)

        assert (state.mode, state.epoch, state.hold) == (Mode.DEGRADED, Epoch(9), Hold.CONDITION)
        assert state.reason == CONDITION
        assert told.due_at_s == 1.0

    def test_a_restore_that_only_depends_on_the_visitor_is_held_back_too(self):
        told = overrides(traffic=BAD)
        told.take_condition(RESTORABLE)

        assert told.decide(by_data(9, on=True, personal=True), 0.0).mode is Mode.DEGRADED

    @pytest.mark.parametrize("traffic", [GOOD, UNKNOWN, Traffic()])
    def test_without_a_known_breach_it_is_followed_for_good(self, traffic):
        now = {"traffic": traffic}
        told = Overrides(lambda _window_s: now["traffic"])
        told.take_condition(RESTORABLE)

        assert told.decide(by_data(9, on=True), 0.0).mode is Mode.FULL
        now["traffic"] = BAD
        assert told.decide(by_data(9, on=True), 1.0).mode is Mode.FULL
        assert told.decide(by_data(10, on=True), 2.0).mode is Mode.FULL

    def test_it_is_followed_once_no_breach_was_seen_for_a_whole_window(self):
        now = {"traffic": BAD}
        told = Overrides(lambda _window_s: now["traffic"])
        told.take_condition(RESTORABLE)
        assert told.decide(by_data(9, on=True), 0.0).hold is Hold.CONDITION

        now["traffic"] = GOOD
        assert told.decide(by_data(9, on=True), 5.0).hold is Hold.CONDITION
        now["traffic"] = BAD
        assert told.decide(by_data(9, on=True), 6.0).hold is Hold.CONDITION
        now["traffic"] = GOOD
        assert told.decide(by_data(9, on=True), 15.9).hold is Hold.CONDITION
        assert told.decide(by_data(9, on=True), 16.0).mode is Mode.FULL
        assert told.due_at_s is None

    def test_the_state_before_the_kill_is_none_of_its_business(self):
        told = overrides(traffic=BAD)
        told.take_condition(RESTORABLE)

        assert told.decide(by_data(8, on=True), 0.0).mode is Mode.FULL
        assert told.told.condition == RESTORABLE

    def test_an_edit_while_it_is_off_keeps_the_condition(self):
        told = overrides(traffic=BAD)
        told.take_condition(RESTORABLE)
        told.decide(by_data(9, on=False), 0.0)

        assert told.decide(by_data(10, on=True), 1.0).hold is Hold.CONDITION

    def test_a_kill_in_the_data_ends_it(self):
        told = overrides(traffic=BAD)
        told.take_condition(RESTORABLE)
        told.decide(by_data(9, on=True), 0.0)

        told.decide(by_data(10, on=False), 1.0)

        assert told.decide(by_data(11, on=True), 2.0).mode is Mode.FULL

    def test_a_kill_that_is_told_ends_it_unless_it_is_the_one_it_came_with(self):
        told = overrides(traffic=BAD)
        told.take_condition(RESTORABLE)

        told.expect(kill(8), 0.0)
        assert told.told.condition == RESTORABLE
        told.expect(kill(9), 0.0)
        assert told.told.condition is None

    def test_a_restore_that_an_operator_made_is_not_held_back(self):
        told = overrides(traffic=BAD)
        told.take_condition(RESTORABLE)
        assert told.decide(by_data(9, on=True), 0.0).hold is Hold.CONDITION

        told.expect(restore(9), 1.0)

        assert told.decide(by_data(9, on=True), 1.0).mode is Mode.FULL

    def test_told_twice_it_goes_on_to_hold(self):
        now = {"traffic": BAD}
        told = Overrides(lambda _window_s: now["traffic"])
        told.take_condition(RESTORABLE)
        assert told.decide(by_data(9, on=True), 0.0).hold is Hold.CONDITION

        now["traffic"] = GOOD
        told.take_condition(RESTORABLE)

        assert told.decide(by_data(9, on=True), 1.0).hold is Hold.CONDITION

    def test_a_condition_without_an_objective_ends_the_one_before(self):
        told = overrides(traffic=BAD)
        told.take_condition(RESTORABLE)
        told.decide(by_data(9, on=True), 0.0)

        told.take_condition(Condition(flag=FLAG, from_version=9, objective=None))

        assert told.decide(by_data(9, on=True), 1.0).mode is Mode.FULL

    def test_under_a_pin_it_waits_for_the_release(self):
        told = overrides(traffic=BAD)
        told.take_condition(RESTORABLE)
        told.take_pin(pin(1))

        assert told.decide(by_data(9, on=True), 0.0).is_pinned
        assert told.due_at_s is None
        told.take_pin(pin(2, is_set=False))

        assert told.decide(by_data(9, on=True), 1.0).hold is Hold.CONDITION


class TestMemory:
    def test_a_hold_goes_on_in_the_next_process_at_once(self):
        told = overrides()
        told.expect(kill(8), 0.0)
        told.decide(by_data(7, on=True), 1.0)

        after = overrides(told=Told.from_wire(json.loads(json.dumps(told.told.to_wire()))), now_s=100.0)

        state = after.decide(by_data(7, on=True), 100.0)
        assert (state.mode, state.epoch, state.hold) == (Mode.DEGRADED, Epoch(8), Hold.EXPECTED)

    def test_a_kill_that_arrived_need_not_be_remembered(self):
        told = overrides()
        told.expect(kill(8), 0.0)
        told.decide(by_data(7, on=True), 1.0)
        told.decide(by_data(8, on=False), 2.0)

        assert told.told == Told()

    def test_a_restore_that_was_held_back_is_for_a_whole_window_of_the_next_process(self):
        told = overrides(traffic=BAD)
        told.take_condition(RESTORABLE)
        told.decide(by_data(9, on=True), 0.0)

        after = overrides(told=told.told, now_s=100.0, traffic=Traffic())

        assert after.decide(by_data(9, on=True), 109.9).hold is Hold.CONDITION
        assert after.decide(by_data(9, on=True), 110.0).mode is Mode.FULL

    def test_what_was_told_of_a_flag_is_nothing_to_another_of_the_same_key(self):
        told = overrides(traffic=BAD)
        told.expect(kill(8), 0.0)
        told.take_condition(RESTORABLE)
        assert told.decide(by_data(7, on=True), 1.0, salt="one").hold is Hold.EXPECTED

        after = overrides(told=Told.from_wire(told.told.to_wire()))
        for one in (told, after):
            assert one.decide(by_data(7, on=True), 1.0).hold is Hold.EXPECTED
            state = one.decide(by_data(1, on=True), 1.0, salt="another")
            assert (state.mode, state.hold, one.missed, one.told) == (Mode.FULL, None, 0, Told())

    @pytest.mark.parametrize(
        "odd",
        [None, [], {}, {"kill_version": -1, "condition": None, "is_held": False, "salt": None}, {"kill_version": 8}],
    )
    def test_what_is_no_such_memory_is_refused(self, odd):
        with pytest.raises((KeyError, TypeError, ValueError)):
            Told.from_wire(odd)


VERSIONS = st.integers(1, 6)
STEPS = st.lists(
    st.one_of(
        st.builds(kill, VERSIONS, within_ms=st.sampled_from([0, 250, 2000])),
        st.builds(restore, VERSIONS, within_ms=st.sampled_from([0, 250, 2000])),
        st.builds(pin, st.integers(1, 5), is_set=st.booleans()),
        st.builds(
            lambda version, has_objective: Condition(
                flag=FLAG, from_version=version, objective=Objective() if has_objective else None, window_s=2
            ),
            VERSIONS,
            st.booleans(),
        ),
        st.tuples(VERSIONS, st.booleans(), st.booleans()),
        st.sampled_from([GOOD, BAD]),
    ),
    max_size=30,
)


@given(STEPS)
def test_whatever_is_told_and_arrives_the_order_of_precedence_holds_and_epochs_never_go_down(steps):
    now = {"traffic": GOOD}
    told = Overrides(lambda _window_s: now["traffic"])
    data, newest_pin, due, kills, at_once = by_data(1, on=True), None, {}, set(), set()
    state = told.decide(data, 0.0)

    for number, step in enumerate(steps):
        at_s = number * 0.5
        if isinstance(step, Expect):
            told.expect(step, at_s)
            due_at_s = at_s + step.within_ms / 1000
            due[step.version] = min(due_at_s, due.get(step.version, due_at_s))
            kills |= {step.version} if step.is_kill else set()
            is_degraded_anyway = state.is_pinned or state.hold is not None
            at_once |= {step.version} if step.is_kill and is_degraded_anyway else set()
        elif isinstance(step, Pin):
            told.take_pin(step)
            newest_pin = max(newest_pin or step, step, key=lambda one: (one.number, one.is_set))
        elif isinstance(step, Condition):
            told.take_condition(step)
        elif isinstance(step, Traffic):
            now["traffic"] = step
        elif step[0] > data.epoch.version:
            data = by_data(step[0], on=step[1], personal=step[2] and step[1])
            due = {version: at for version, at in due.items() if version > data.epoch.version}
            kills, at_once = kills & due.keys(), at_once & due.keys()

        last, state = state.epoch, told.decide(data, at_s)
        overdue = [
            version
            for version in kills
            if version > data.epoch.version and (due[version] <= at_s or version in at_once)
        ]

        assert state.is_pinned is (newest_pin is not None and newest_pin.is_set)
        if state.is_pinned:
            assert (state.mode, state.hold) == (Mode.DEGRADED, None)
        elif overdue:
            assert (state.mode, state.hold) == (Mode.DEGRADED, Hold.EXPECTED)
        elif state.hold is Hold.CONDITION:
            assert (state.mode, data.mode) != (Mode.DEGRADED, Mode.DEGRADED)
            assert state.mode is Mode.DEGRADED
        else:
            assert (state.mode, state.reason) == (data.mode, data.reason)
        assert state.epoch == Epoch(max([data.epoch.version, *overdue]), 0 if newest_pin is None else newest_pin.number)
        assert state.epoch >= last
        assert told.due_at_s is None or told.due_at_s > at_s
