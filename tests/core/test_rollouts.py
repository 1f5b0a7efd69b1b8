"""Default rules, and the rollouts that a ramp makes of them."""

import pytest
from builders import a_flag
from hypothesis import given
from hypothesis import strategies as st

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.rollouts import WHOLE, DefaultRule, Uncovered

VARIATIONS = a_flag().build().variations
ENABLED = DefaultRule.of_variation(0)


def a_rollout(enabled, *, first=0, **more):
    weights = {0: enabled, 1: WHOLE - enabled}
    parts = [{"variation": index, "weight": weights[index]} for index in (first, 1 - first)]
    return DefaultRule.from_wire({"rollout": {"variations": parts, **more}})


def ramped(rule, percent, *, kind="device"):
    return rule.ramped(percent, VARIATIONS, context_kind=kind)


def enabled_buckets(rule):
    """The range of buckets, from 0 to WHOLE, whose contexts get `True`."""
    start = 0
    for index, weight in rule.weights:
        if index == 0:
            return (start, start + weight)
        start += weight
    return (0, 0)


def is_within(inner, outer):
    return inner[0] == inner[1] or (outer[0] <= inner[0] and inner[1] <= outer[1])


def test_a_step_gives_true_to_its_percentage_by_device():
    rule = ramped(ENABLED, 25)

    assert rule.to_wire() == {
        "rollout": {
            "contextKind": "device",
            "variations": [{"variation": 1, "weight": 75_000}, {"variation": 0, "weight": 25_000}],
        }
    }
    assert rule.label(VARIATIONS) == "75 % Disabled, 25 % Enabled by device"


def test_a_rollout_is_thinned_out_by_what_it_goes_by():
    rule = ramped(a_rollout(60_000, bucketBy="email", contextKind="org", seed=61), 50)

    assert rule.weights == ((0, 30_000), (1, 70_000))
    assert (rule.by, rule.to_wire()["rollout"]["seed"]) == ("email of org", 61)


@given(
    original=st.one_of(
        st.just(ENABLED),
        st.builds(a_rollout, st.integers(0, WHOLE), first=st.sampled_from([0, 1]), seed=st.none() | st.integers(0, 99)),
    ),
    percents=st.lists(st.floats(0.001, 100), min_size=2, max_size=2).map(sorted),
)
def test_who_has_it_at_one_percentage_has_it_at_every_higher_one_and_in_the_end(original, percents):
    fewer, more = (enabled_buckets(ramped(original, percent)) for percent in percents)

    assert is_within(fewer, more)
    if original.is_rollout:
        assert is_within(more, enabled_buckets(original))
    assert sum(weight for _, weight in ramped(original, percents[0]).weights) == WHOLE


def test_an_experiment_is_not_ramped():
    experiment = a_rollout(50_000, kind="experiment", seed=7)

    with pytest.raises(OpsError) as raised:
        ramped(experiment, 5)

    assert raised.value.code is ErrorCode.UNSAFE_FLAG


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (ENABLED, DefaultRule.of_variation(0), True),
        (ENABLED, DefaultRule.of_variation(1), False),
        (ENABLED, a_rollout(WHOLE), False),
        (a_rollout(5), a_rollout(5, contextKind="user", bucketBy="key", kind="rollout"), True),
        (a_rollout(5), a_rollout(5, contextKind="device"), False),
        (a_rollout(5), a_rollout(6), False),
        (a_rollout(5), a_rollout(5, seed=1), False),
        (a_rollout(5), a_rollout(5, first=1), False),
    ],
)
def test_rules_are_the_same_when_they_mean_the_same(one, other, is_same):
    assert one.is_same_as(other) is is_same


@pytest.mark.parametrize(
    "value", [None, [], {}, {"variation": "x"}, {"rollout": {}}, {"rollout": {"variations": [{}]}}]
)
def test_what_is_no_default_rule_is_refused(value):
    with pytest.raises(ValueError, match="not a default rule"):
        DefaultRule.from_wire(value)


@pytest.mark.parametrize(
    ("rule", "label"),
    [
        (ENABLED, "Enabled (true)"),
        (a_rollout(12_500), "12.5 % Enabled, 87.5 % Disabled by user"),
        (a_rollout(WHOLE), "100 % Enabled by user"),
        (DefaultRule.of_variation(7), "variation 7"),
    ],
)
def test_a_rule_reads_as_people_say_it(rule, label):
    assert rule.label(VARIATIONS) == label


def test_what_is_not_covered_is_counted():
    assert Uncovered(targets=12, rules=1).label == "12 individual targets, 1 rule"
    assert not Uncovered()
