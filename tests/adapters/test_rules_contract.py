"""What holds for every provider of default rules: the fake that the services are tested on, and the real thing."""

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fakes import InMemoryFlags
from support.rules import InMemoryRules

from opsctl.adapters.launchdarkly_http import RestConnection
from opsctl.adapters.launchdarkly_rest import LaunchDarklyRest
from opsctl.adapters.launchdarkly_rollouts import LaunchDarklyRollouts
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import FlagRef, NewFlag
from opsctl.core.rollouts import DefaultRule
from opsctl.settings import Secret, Settings

ENABLED = DefaultRule.of_variation(0)
_MOVES = {"version", "lastModified"}


@dataclass
class Provider:
    """Default rules, and a way to turn flags beside them."""

    rules: Any
    flags: Any


def real(service):
    settings = Settings(access_token=Secret(service.token("writer")), api_uri=service.url, data_dir=Path("unused"))
    return Provider(LaunchDarklyRollouts(RestConnection(settings)), LaunchDarklyRest(settings))


@pytest.fixture(params=["fake", "flag service"])
def provider(request):
    if request.param == "fake":
        flags = InMemoryFlags()
        return Provider(InMemoryRules(flags), flags)
    return real(request.getfixturevalue("shared_flag_service"))


@pytest.fixture
def ref(provider):
    return a_flag_of(provider)


def a_flag_of(provider):
    key = f"switch-{uuid.uuid4().hex}"
    provider.flags.create_flag("default", NewFlag(key, "A switch"))
    return FlagRef("default", "test", key)


def at(seen, percent):
    return seen.rule.ramped(percent, seen.flag.variations, context_kind="device")


def test_a_kill_switch_serves_its_first_variation_by_default(provider, ref):
    seen = provider.rules.get_rule(ref)

    assert (seen.rule.is_same_as(ENABLED), seen.targeting.on, bool(seen.uncovered)) == (True, False, False)


def test_the_first_step_changes_the_rule_and_turns_on_in_one_change(provider, ref):
    seen = provider.rules.get_rule(ref)

    written = provider.rules.put_rule(seen, at(seen, 5), turn_on=True, comment="step 1")

    assert (written.targeting.on, written.targeting.version) == (True, seen.targeting.version + 1)
    assert written.rule.is_same_as(at(seen, 5))
    assert provider.rules.get_rule(ref) == written
    (entry, *_) = provider.flags.list_changes(ref)
    assert (entry.comment, "turned on" in entry.what) == ("step 1", True)


def test_a_later_step_turns_nothing_on(provider, ref):
    seen = provider.rules.get_rule(ref)

    written = provider.rules.put_rule(seen, at(seen, 25), turn_on=False, comment="")

    assert not written.targeting.on


def test_nothing_is_written_over_a_change_that_was_not_seen(provider, ref):
    seen = provider.rules.get_rule(ref)
    provider.flags.turn(ref, on=True, comment="")
    provider.flags.turn(ref, on=False, comment="a kill in between")

    with pytest.raises(OpsError) as raised:
        provider.rules.put_rule(seen, at(seen, 5), turn_on=True, comment="")

    assert raised.value.code is ErrorCode.CONFLICT
    assert raised.value.retry_after_s is not None
    now = provider.rules.get_rule(ref)
    assert (now.targeting.on, now.rule.is_same_as(ENABLED)) == (False, True)


def test_a_flag_or_an_environment_that_is_not_there_is_named(provider, ref):
    for missing, code in (
        (FlagRef("default", "test", "no-such-flag"), ErrorCode.FLAG_NOT_FOUND),
        (FlagRef("default", "nowhere", ref.key), ErrorCode.BAD_CONFIG),
    ):
        with pytest.raises(OpsError) as raised:
            provider.rules.get_rule(missing)
        assert raised.value.code is code


ORIGINALS = [
    {"variation": 0},
    {"rollout": {"variations": [{"variation": 0, "weight": 60_000}, {"variation": 1, "weight": 40_000}]}},
    {
        "rollout": {
            "contextKind": "org",
            "bucketBy": "country",
            "seed": 61,
            "variations": [{"variation": 1, "weight": 10_000}, {"variation": 0, "weight": 90_000, "untracked": True}],
        }
    },
]


@pytest.mark.parametrize("original", ORIGINALS, ids=["variation", "rollout", "with a seed"])
def test_a_rule_is_put_back_exactly_as_it_was(shared_flag_service, original):
    """Of the flag's JSON only its version and its date have changed."""
    provider = real(shared_flag_service)
    ref = a_flag_of(provider)
    rules = provider.rules
    rules.put_rule(rules.get_rule(ref), DefaultRule.from_wire(original), turn_on=False, comment="")
    before = rest(shared_flag_service, ref)
    first = rules.get_rule(ref)

    rules.put_rule(first, at(first, 5), turn_on=True, comment="")
    rules.put_rule(rules.get_rule(ref), at(first, 100), turn_on=False, comment="")
    rules.put_rule(rules.get_rule(ref), first.rule, turn_on=False, comment="")

    after = rest(shared_flag_service, ref)
    assert after.pop("on") is not before.pop("on")
    assert after == before
    assert before["fallthrough"] == original | (
        {} if "variation" in original else {"rollout": after_defaults(original)}
    )


def after_defaults(original):
    return {"contextKind": "user", **original["rollout"]}


def test_what_decides_before_the_default_rule_is_counted_and_stays(shared_flag_service):
    service, provider = shared_flag_service, real(shared_flag_service)
    ref = a_flag_of(provider)
    flag = service.request("GET", f"flags/default/{ref.key}").json()
    enabled = flag["variations"][0]["_id"]
    clause = {"contextKind": "user", "attribute": "country", "op": "in", "negate": False, "values": ["NO"]}
    service.semantic_patch(
        {"kind": "addTargets", "variationId": enabled, "values": ["ann", "bob"]},
        {"kind": "addTargets", "variationId": enabled, "contextKind": "device", "values": ["d1"]},
        {"kind": "addRule", "variationId": enabled, "clauses": [clause]},
        flag=ref.key,
    )
    before = rest(service, ref)

    seen = provider.rules.get_rule(ref)
    provider.rules.put_rule(seen, at(seen, 5), turn_on=False, comment="")

    assert seen.uncovered.label == "3 individual targets, 1 rule"
    changed = {name for name, value in rest(service, ref).items() if before[name] != value}
    assert changed == {"fallthrough", "_summary"}


def rest(service, ref):
    """The flag's JSON in its environment, without what every change moves."""
    config = service.request("GET", f"flags/{ref.project}/{ref.key}").json()["environments"][ref.environment]
    return {name: value for name, value in config.items() if name not in _MOVES}
