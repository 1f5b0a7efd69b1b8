"""The steps of a ramp, and where it stands."""

import pytest
from builders import REF, a_flag
from hypothesis import given
from hypothesis import strategies as st

from opsctl.core.ramp import Ramp, RampPlan, format_steps, parse_steps
from opsctl.core.ramp_names import ramp_name
from opsctl.core.rollouts import DefaultRule

ENABLED, DISABLED = DefaultRule.of_variation(0), DefaultRule.of_variation(1)
VARIATIONS = a_flag().build().variations


def a_rollout(percent):
    return ENABLED.ramped(percent, VARIATIONS, context_kind="device")


def a_ramp(**changes):
    given = {"ref": REF, "original": ENABLED, "written": ENABLED, "steps": (5.0, 25.0, 100.0), "at_s": 1.0}
    return Ramp(**{**given, **changes})


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("5,25,50,100", (5, 25, 50, 100)),
        (" 5% , 25 %,100%", (5, 25, 100)),
        ("100", (100,)),
        ("0.5,100", (0.5, 100)),
        ("99.999,100.0", (99.999, 100)),
    ],
)
def test_steps_are_read_as_people_write_them(text, steps):
    assert parse_steps(text) == steps


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no percentage"),
        ("5,,100", "no percentage"),
        ("0,100", "no percentage"),
        ("-5,100", "no percentage"),
        ("5,101", "no percentage"),
        ("five,100", "no percentage"),
        ("nan,100", "no percentage"),
        ("1e1,100", "no percentage"),
        ("25,5,100", "does not rise"),
        ("5,5,100", "does not rise"),
        ("5,25,50", "does not end at 100"),
        (",".join(map(str, [*range(1, 25), 100])), "too many"),
    ],
)
def test_what_is_no_ramp_is_refused_with_how_one_is_written(text, why):
    with pytest.raises(ValueError, match=why):
        parse_steps(text)


@given(st.lists(st.integers(1, 99_999), min_size=1, max_size=19, unique=True))
def test_steps_that_are_written_are_read_back(thousandths):
    steps = (*(one / 1000 for one in sorted(thousandths)), 100.0)

    assert parse_steps(",".join(str(step) for step in steps)) == steps


def test_a_ramp_that_was_left_goes_on_with_the_step_it_stood_at():
    plan = RampPlan(steps=(5.0, 25.0, 50.0, 100.0))

    assert plan.after(25.0) == (25.0, 50.0, 100.0)
    assert plan.after(30.0) == (50.0, 100.0)
    assert format_steps(plan.after(0.0)) == "5,25,50,100"


def test_only_the_last_step_bakes():
    plan = RampPlan(steps=(5.0, 100.0), step_s=60, bake_s=120)

    assert [plan.dwell_s(percent) for percent in plan.steps] == [60, 120]


def test_where_a_ramp_stands_is_read_back():
    ramp = a_ramp(written=a_rollout(5), writing=a_rollout(25), writing_percent=25.0, percent=5.0, reason="fine")

    assert Ramp.from_wire(ramp.to_wire()) == ramp


@pytest.mark.parametrize("value", [{}, None, {"project": "p"}, {**a_ramp().to_wire(), "original": 7}])
def test_what_is_no_ramp_is_not_read(value):
    with pytest.raises(ValueError, match="not a ramp"):
        Ramp.from_wire(value)


@pytest.mark.parametrize(("found", "percent"), [(a_rollout(25), 25.0), (a_rollout(5), 5.0), (ENABLED, 0.0)])
def test_after_a_crash_the_flag_tells_whether_a_step_was_written(found, percent):
    ramp = a_ramp(written=a_rollout(5), percent=5.0, writing=a_rollout(25), writing_percent=25.0)

    settled = ramp.settled(found)

    assert ramp.owns(found)
    assert (settled.percent, settled.written, settled.writing) == (percent, found, None)


def test_a_rule_that_the_ramp_never_wrote_is_somebody_elses():
    assert not a_ramp(written=a_rollout(5)).owns(a_rollout(6))
    assert not a_ramp(written=a_rollout(5)).owns(DISABLED)


def test_every_flag_of_every_environment_has_its_own_name():
    refs = [REF, type(REF)("default", "production", REF.key), type(REF)("other", "test", REF.key)]

    assert len({ramp_name(ref) for ref in refs}) == 3
