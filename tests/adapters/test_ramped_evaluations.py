"""Who is in at which percentage, as LaunchDarkly's own SDK evaluates the rules of a ramp."""

import itertools
import json

import pytest
from builders import a_flag
from ldclient import Config, Context
from ldclient.client import LDClient
from ldclient.integrations import Files

from opsctl.core.rollouts import DefaultRule

VARIATIONS = a_flag().build().variations
PERCENTS = (5, 25, 50, 100)
DEVICES = [f"device-{number:06d}" for number in range(2000)]


def visitor(device):
    return Context.create_multi(Context.create("example-user-key"), Context.create(device, "device"))


@pytest.fixture
def evaluate(tmp_path):
    """Evaluate the flag with a default rule for contexts; return those that get `True`."""

    def evaluated(rule, contexts):
        flag = {
            "key": "switch", "version": 1, "on": True, "variations": [True, False], "offVariation": 1, "salt": "pepper",
            "fallthrough": rule.to_wire(),
        }  # fmt: skip
        path = tmp_path / "flags.json"
        path.write_text(json.dumps({"flags": {"switch": flag}}))
        source = Files.new_data_source(paths=[str(path)], auto_update=False)
        client = LDClient(Config("sdk-key", update_processor_class=source, send_events=False))
        try:
            return {one for one, context in contexts.items() if client.variation("switch", context, False) is True}
        finally:
            client.close()

    return evaluated


@pytest.mark.parametrize(
    ("original", "share"),
    [
        ({"variation": 0}, 1.0),
        ({"rollout": {"contextKind": "device", "variations": [
            {"variation": 0, "weight": 60_000}, {"variation": 1, "weight": 40_000},
        ]}}, 0.6),
        ({"rollout": {"contextKind": "device", "seed": 61, "variations": [
            {"variation": 1, "weight": 40_000}, {"variation": 0, "weight": 60_000},
        ]}}, 0.6),
    ],
    ids=["a variation", "a rollout", "a rollout with a seed, off first"],
)  # fmt: skip
def test_each_step_adds_to_those_before_and_none_goes_beyond_the_rule_itself(evaluate, original, share):
    rule = DefaultRule.from_wire(original)
    contexts = {device: visitor(device) for device in DEVICES}

    steps = [evaluate(rule.ramped(percent, VARIATIONS, context_kind="device"), contexts) for percent in PERCENTS]

    parts = [len(step) / len(DEVICES) for step in steps]
    assert parts == pytest.approx([share * percent / 100 for percent in PERCENTS], abs=0.04)
    assert all(fewer <= more for fewer, more in itertools.pairwise(steps))
    assert steps[-1] == evaluate(rule, contexts)


def test_who_has_no_device_is_degraded_until_the_rule_is_back(evaluate):
    rule = DefaultRule.of_variation(0)
    someone = {"someone": Context.create("example-user-key")}

    in_steps = [evaluate(rule.ramped(percent, VARIATIONS, context_kind="device"), someone) for percent in PERCENTS]

    assert in_steps == [set()] * len(PERCENTS)
    assert evaluate(rule, someone) == {"someone"}
