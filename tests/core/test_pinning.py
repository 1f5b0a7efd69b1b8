"""What is known of pins, and the number of the next."""

from builders import REF, a_sighting
from hypothesis import given
from hypothesis import strategies as st
from support.pins import a_pin, a_pinned_sighting, a_release, a_released_sighting

from opsctl.core.modes import Mode
from opsctl.core.pin_state import PinState, known_pins
from opsctl.core.pinning import Cause, next_pin
from opsctl.core.propagation import Expectation, summarise

PIN_NUMBERS = st.integers(min_value=1, max_value=30)


def reports(*sightings):
    return [sighting.report for sighting in sightings]


def test_nothing_kept_and_nobody_pinned_is_no_pin():
    assert known_pins(None, reports(a_sighting())) == PinState(None, 0)


def test_the_kept_pin_is_in_force_also_where_no_instance_is_there():
    assert known_pins(a_pin(3), []) == PinState(a_pin(3), 3)


def test_a_pin_that_only_an_instance_knows_is_in_force():
    assert known_pins(None, reports(a_pinned_sighting(pin=a_pin(3)))).in_force == a_pin(3)


def test_a_kept_release_leaves_none_in_force_and_its_number_counts():
    state = known_pins(a_release(4), [])

    assert (state.in_force, state.number) == (None, 4)


def test_an_instance_that_missed_the_release_keeps_its_pin_in_force():
    state = known_pins(a_release(4), reports(a_pinned_sighting(pin=a_pin(3))))

    assert (state.in_force, state.number) == (a_pin(3), 4)
    assert state.standing is None


def test_a_pin_stands_where_nothing_newer_is_known():
    assert known_pins(a_pin(3), []).standing == a_pin(3)


def test_a_pin_by_nobody_is_in_force_and_does_not_stand():
    state = known_pins(a_pin(1, by=""), [])

    assert state.in_force is not None
    assert state.standing is None


def test_a_release_that_only_an_instance_knows_raises_the_number():
    assert known_pins(a_pin(3), reports(a_released_sighting(number=4))) == PinState(a_pin(3), 4)


def test_the_next_pin_has_a_number_above_all():
    state = known_pins(a_release(4), reports(a_pinned_sighting(pin=a_pin(6))))

    made = next_pin(REF, state, Cause(by="noor@ops-2", reason="spike"), is_set=True, at_s=5.0)

    assert (made.number, made.is_set, made.by, made.reason, made.at_s) == (7, True, "noor@ops-2", "spike", 5.0)
    assert (made.project, made.environment, made.flag) == (REF.project, REF.environment, REF.key)


@given(st.lists(st.builds(lambda number, is_set: a_pin(number, is_set=is_set), PIN_NUMBERS, st.booleans())))
def test_what_is_known_does_not_depend_on_who_is_asked_first(pins):
    def known(order):
        state = PinState()
        for pin in order:
            state = state.including(pin)
        return state.number, state.in_force and state.in_force.number

    assert known(pins) == known(list(reversed(pins)))
    assert known(pins)[0] == max((pin.number for pin in pins), default=0)


def test_an_instance_that_goes_by_the_pin_confirms_whatever_its_version():
    pinned = Expectation(REF, 0, Mode.DEGRADED, pin=3)

    assert summarise([a_pinned_sighting(pin=a_pin(3), version=1)], pinned, base_s=0.0).is_complete
    assert summarise([a_pinned_sighting(pin=a_pin(4), version=9)], pinned, base_s=0.0).is_complete


def test_an_instance_that_is_degraded_without_the_pin_does_not_confirm_it():
    seen = summarise([a_sighting(version=7, mode=Mode.DEGRADED)], Expectation(REF, 0, Mode.DEGRADED, pin=3), base_s=0.0)

    assert not seen.is_complete
    assert seen.stragglers == ("worker-0 does not know of pin 3: it serves version 7 (degraded, live data)",)
    assert not seen.is_contradicted


def test_a_newer_release_contradicts_a_pin():
    seen = summarise([a_released_sighting(number=4)], Expectation(REF, 0, Mode.DEGRADED, pin=3), base_s=0.0)

    assert seen.is_contradicted


def test_an_instance_that_is_still_pinned_is_named_with_its_pin():
    seen = summarise([a_pinned_sighting(pin=a_pin(3))], Expectation(REF, 0, Mode.FULL, pin=4), base_s=0.0)

    assert seen.stragglers == ("worker-0 still goes by pin 3",)


def test_an_instance_that_calls_the_environment_by_another_name_is_named_with_that():
    other = a_sighting(version=7, sdk_key_digest="aaaa", environment="live")

    seen = summarise([other], Expectation(REF, 0, Mode.DEGRADED, "aaaa", pin=3), base_s=0.0)

    assert seen.stragglers == ("worker-0 takes no pin of test: its own settings call that environment live",)
