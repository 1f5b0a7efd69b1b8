"""What each instruction does, and what it refuses."""

import pytest
from flag_values import NOW_MS, a_config, a_flag, in_test, patched

from opsctl.flagservice.api_errors import ApiError
from opsctl.flagservice.model import Prerequisite, Serve, Target, Variation
from opsctl.flagservice.semantic_patch import NOT_SUPPORTED, SETTINGS, TARGETING

CLAUSE = {"contextKind": "user", "attribute": "email", "op": "endsWith", "values": ["@a.b"], "negate": False}


def add_rule(**more):
    return {"kind": "addRule", "clauses": [CLAUSE], "variationId": "disabled", **more}


def rule_ids(flag):
    return [rule.id for rule in in_test(flag).rules]


def targets(flag):
    return {(one.context_kind, one.variation): one.values for one in in_test(flag).targets}


def test_all_53_kinds_are_known_and_only_one_is_not_supported():
    assert len(TARGETING) + len(SETTINGS) + len(NOT_SUPPORTED) == 53
    assert {"deleteFlag"} == NOT_SUPPORTED


def test_turning_off_and_on_touches_one_environment_and_keeps_the_rules():
    flag = patched(a_flag(), add_rule())

    off = patched(flag, {"kind": "turnFlagOff"})

    assert in_test(off).on is False
    assert in_test(off).rules == in_test(flag).rules
    assert off.environments["production"].on is True
    assert patched(off, {"kind": "turnFlagOn"}) == flag


def test_the_fallthrough_becomes_a_variation_or_a_rollout():
    kind = "updateFallthroughVariationOrRollout"

    one = patched(a_flag(), {"kind": kind, "variationId": "disabled"})
    many = patched(
        a_flag(),
        {"kind": kind, "rolloutWeights": {"disabled": 25_000, "enabled": 75_000}, "rolloutContextKind": "device"},
    )

    assert in_test(one).fallthrough == Serve(variation=1)
    rollout = in_test(many).fallthrough.rollout
    assert [(part.variation, part.weight) for part in rollout.variations] == [(0, 75_000), (1, 25_000)]
    assert rollout.context_kind == "device"


def test_the_off_variation_and_tracking_change():
    flag = patched(
        a_flag(),
        {"kind": "updateOffVariation", "variationId": "enabled"},
        {"kind": "updateTrackEvents", "trackEvents": True},
        {"kind": "updateTrackEventsFallthrough", "trackEvents": True},
    )

    assert (in_test(flag).off_variation, in_test(flag).track_events, in_test(flag).track_events_fallthrough) == (
        0,
        True,
        True,
    )


def test_targets_are_added_once_and_removed_where_they_are():
    flag = patched(
        a_flag(),
        {"kind": "addTargets", "values": ["a", "b"], "variationId": "enabled"},
        {"kind": "addUserTargets", "values": ["b", "c"], "variationId": "enabled"},
        {"kind": "addTargets", "contextKind": "device", "values": ["a"], "variationId": "disabled"},
        {"kind": "removeTargets", "values": ["a", "z"], "variationId": "enabled"},
    )

    assert targets(flag) == {("user", 0): ("b", "c"), ("device", 1): ("a",)}
    assert targets(patched(flag, {"kind": "removeUserTargets", "values": ["b", "c"], "variationId": "enabled"})) == {
        ("device", 1): ("a",)
    }
    assert targets(patched(flag, {"kind": "clearTargets", "contextKind": "device", "variationId": "disabled"})) == {
        ("user", 0): ("b", "c")
    }
    assert targets(patched(flag, {"kind": "clearUserTargets", "variationId": "enabled"})) == {("device", 1): ("a",)}


def test_a_key_cannot_be_targeted_with_two_variations():
    flag = patched(a_flag(), {"kind": "addTargets", "values": ["a"], "variationId": "enabled"})

    with pytest.raises(ApiError, match="already targeted"):
        patched(flag, {"kind": "addTargets", "values": ["a"], "variationId": "disabled"})


def test_targets_are_replaced_as_a_whole():
    flag = a_flag(environments={"test": a_config(targets=(Target(0, ("a",)), Target(1, ("d",), "device")))})

    everything = patched(flag, {"kind": "replaceTargets", "targets": [{"variationId": "disabled", "values": ["x"]}]})
    users = patched(
        flag,
        {
            "kind": "replaceUserTargets",
            "targets": [{"variationId": "disabled", "values": ["x"]}, {"variationId": "enabled", "values": []}],
        },
    )

    assert targets(everything) == {("user", 1): ("x",)}
    assert targets(users) == {("device", 1): ("d",), ("user", 1): ("x",)}
    with pytest.raises(ApiError, match="every variation"):
        patched(flag, {"kind": "replaceUserTargets", "targets": [{"variationId": "disabled", "values": ["x"]}]})


def test_rules_are_added_placed_reordered_changed_and_removed():
    flag = patched(a_flag(), add_rule(description="first"), add_rule(description="second"))
    first, second = rule_ids(flag)

    placed = patched(flag, add_rule(beforeRuleId=second, description="between"))
    assert [rule.description for rule in in_test(placed).rules] == ["first", "between", "second"]
    reordered = patched(flag, {"kind": "reorderRules", "ruleIds": [second, first]})
    assert rule_ids(reordered) == [second, first]
    changed = patched(
        flag,
        {"kind": "updateRuleDescription", "ruleId": first, "description": "new"},
        {"kind": "updateRuleTrackEvents", "ruleId": first, "trackEvents": True},
        {"kind": "updateRuleVariationOrRollout", "ruleId": first, "variationId": "enabled"},
        {"kind": "removeRule", "ruleId": second},
        {"kind": "removeRule", "ruleId": "not there"},
    )
    (rule,) = in_test(changed).rules
    assert (rule.id, rule.description, rule.track_events, rule.serve) == (first, "new", True, Serve(variation=0))
    replaced = patched(flag, {"kind": "replaceRules", "rules": [add_rule(description="only")]})
    assert [rule.description for rule in in_test(replaced).rules] == ["only"]


def test_clauses_are_added_changed_and_removed():
    flag = patched(a_flag(), add_rule())
    (rule,) = in_test(flag).rules
    clause = rule.clauses[0].id

    changed = patched(
        flag,
        {
            "kind": "addClauses",
            "ruleId": rule.id,
            "clauses": [{**CLAUSE, "attribute": "plan", "op": "in", "values": ["pro"]}],
        },
        {"kind": "addValuesToClause", "ruleId": rule.id, "clauseId": clause, "values": ["@a.b", "@c.d", True]},
        {"kind": "removeValuesFromClause", "ruleId": rule.id, "clauseId": clause, "values": ["@a.b", 1]},
    )
    first, second = in_test(changed).rules[0].clauses
    assert (first.values, second.attribute) == (("@c.d", True), "plan")
    updated = patched(
        changed, {"kind": "updateClause", "ruleId": rule.id, "clauseId": clause, "clause": {**CLAUSE, "negate": True}}
    )
    assert in_test(updated).rules[0].clauses[0].negate is True
    assert in_test(updated).rules[0].clauses[0].id == clause
    removed = patched(changed, {"kind": "removeClauses", "ruleId": rule.id, "clauseIds": [clause]})
    assert [one.id for one in in_test(removed).rules[0].clauses] == [second.id]


def test_prerequisites_name_flags_of_the_project_and_never_themselves():
    other = a_flag("other")
    add = {"kind": "addPrerequisite", "key": "other", "variationId": "enabled"}

    flag = patched(a_flag(), add, others=(other,))

    assert in_test(flag).prerequisites == (Prerequisite("other", 0),)
    updated = patched(flag, {**add, "kind": "updatePrerequisite", "variationId": "disabled"}, others=(other,))
    assert in_test(updated).prerequisites == (Prerequisite("other", 1),)
    assert in_test(patched(flag, {"kind": "removePrerequisite", "key": "other"}, others=(other,))).prerequisites == ()
    replaced = {"kind": "replacePrerequisites", "prerequisites": [{"key": "other", "variationId": "disabled"}]}
    assert in_test(patched(flag, replaced, others=(other,))).prerequisites == (Prerequisite("other", 1),)
    with pytest.raises(ApiError, match="of itself"):
        patched(other, {**add, "key": "feed"}, others=(flag,))
    with pytest.raises(ApiError, match="is a prerequisite of flag 'feed'"):
        patched(other, {"kind": "archiveFlag"}, others=(flag,))


def test_what_a_flag_is_called_and_who_sees_it_changes_everywhere():
    flag = patched(
        a_flag(tags=("old",)),
        {"kind": "updateName", "value": "Feed"},
        {"kind": "updateDescription", "value": "What it does"},
        {"kind": "addTags", "values": ["new", "old"]},
        {"kind": "removeTags", "values": ["old"]},
        {"kind": "makeFlagTemporary"},
        {"kind": "turnOnClientSideAvailability", "value": "usingEnvironmentId"},
        {"kind": "turnOnClientSideAvailability", "value": "usingMobileKey"},
        {"kind": "turnOffClientSideAvailability", "value": "usingMobileKey"},
        {"kind": "updateMaintainerTeam", "value": "team"},
        {"kind": "addCustomProperties", "key": "k", "name": "K", "values": ["1", "2"]},
        {"kind": "removeCustomProperties", "key": "k", "values": ["1"]},
        environment=None,
    )

    assert (flag.name, flag.description, flag.tags, flag.temporary) == ("Feed", "What it does", ("new",), True)
    assert (flag.using_environment_id, flag.using_mobile_key, flag.maintainer_team_key) == (True, False, "team")
    assert flag.custom_properties == {"k": {"name": "K", "value": ["2"]}}
    assert (
        patched(flag, {"kind": "makeFlagPermanent"}, {"kind": "removeMaintainer"}, environment=None).temporary is False
    )
    assert patched(flag, {"kind": "updateMaintainerMember", "value": "m"}, environment=None).maintainer_id == "m"


def test_removing_a_variation_moves_the_indexes_above_it_down():
    three = tuple(Variation(name, value=name) for name in ("a", "b", "c"))
    config = a_config(fallthrough=Serve(variation=2), off_variation=2, targets=(Target(2, ("u",)),))
    flag = a_flag(variations=three, on_variation=2, off_variation=2, environments={"test": config})

    without_b = patched(flag, {"kind": "removeVariation", "variationId": "b"}, environment=None)

    assert [one.id for one in without_b.variations] == ["a", "c"]
    assert (without_b.on_variation, without_b.off_variation) == (1, 1)
    assert in_test(without_b).fallthrough == Serve(variation=1)
    assert targets(without_b) == {("user", 1): ("u",)}
    with pytest.raises(ApiError, match="in use"):
        patched(flag, {"kind": "removeVariation", "variationId": "c"}, environment=None)


def test_variations_are_added_and_changed_and_defaults_follow_values():
    flag = patched(
        a_flag(variations=(Variation("a", value="x"), Variation("b", value="y"))),
        {"kind": "addVariation", "value": "z", "name": "Z"},
        {"kind": "updateVariation", "variationId": "a", "name": "A"},
        {"kind": "updateDefaultVariation", "OnVariationValue": "z", "offVariationValue": "x"},
        environment=None,
    )

    assert [(one.value, one.name) for one in flag.variations] == [("x", "A"), ("y", None), ("z", "Z")]
    assert (flag.on_variation, flag.off_variation) == (2, 0)


def test_archiving_and_deprecating_are_dated_and_taken_back():
    flag = patched(a_flag(), {"kind": "archiveFlag"}, {"kind": "deprecateFlag"}, environment=None)

    assert (flag.archived_ms, flag.deprecated_ms) == (NOW_MS + 1, NOW_MS + 1)
    back = patched(flag, {"kind": "restoreFlag"}, {"kind": "restoreDeprecatedFlag"}, environment=None)
    assert back == a_flag()


REFUSED = [
    ({}, "kind is required"),
    ({"kind": "explode"}, "no instruction 'explode'"),
    ({"kind": "deleteFlag"}, "only as the last one"),
    ({"kind": "updateOffVariation"}, "variationId is required"),
    ({"kind": "updateOffVariation", "variationId": "nope"}, "no variation with id"),
    ({"kind": "updateOffVariation", "variationId": 1}, "variationId must be a string"),
    ({"kind": "updateFallthroughVariationOrRollout"}, "exactly one of"),
    ({"kind": "updateFallthroughVariationOrRollout", "rolloutWeights": {"enabled": 99_999}}, "add up to 100000"),
    ({"kind": "updateFallthroughVariationOrRollout", "rolloutWeights": {"enabled": 1.5}}, "whole number"),
    (
        {"kind": "updateFallthroughVariationOrRollout", "rolloutWeights": {"enabled": -1, "disabled": 100_001}},
        "negative",
    ),
    ({"kind": "addTargets", "values": "abc", "variationId": "enabled"}, "values must be an array"),
    ({"kind": "addTargets", "values": ["a"], "variationId": "enabled", "contextKind": "multi"}, "not a context kind"),
    (add_rule(clauses=[]), "at least one clause"),
    (add_rule(clauses=[{**CLAUSE, "op": "like"}]), "no operator"),
    (add_rule(beforeRuleId="nope"), "no rule with id"),
    ({"kind": "reorderRules", "ruleIds": ["nope"]}, "must name every rule"),
    ({"kind": "updateRuleDescription", "ruleId": "nope", "description": "x"}, "no rule with id"),
    ({"kind": "addPrerequisite", "key": "nope", "variationId": "enabled"}, "no flag 'nope'"),
    ({"kind": "updatePrerequisite", "key": "feed", "variationId": "enabled"}, "not a prerequisite"),
    ({"kind": "updateName", "value": " "}, "must not be empty"),
    ({"kind": "updateName", "value": "x" * 30_000}, "too long"),
    ({"kind": "addVariation"}, "value is required"),
    ({"kind": "addVariation", "value": True}, "different values"),
    ({"kind": "addVariation", "value": "text"}, "of the same type"),
    ({"kind": "removeVariation", "variationId": "enabled"}, "in use"),
    ({"kind": "turnOnClientSideAvailability", "value": "everybody"}, "usingEnvironmentId or usingMobileKey"),
]


@pytest.mark.parametrize(("instruction", "why"), REFUSED, ids=[why for _, why in REFUSED])
def test_an_instruction_that_cannot_be_carried_out_is_a_400_that_says_why(instruction, why):
    with pytest.raises(ApiError, match=why) as refused:
        patched(a_flag(), instruction)

    assert (refused.value.status, refused.value.code) == (400, "invalid_request")


def test_targeting_needs_an_environment_that_exists():
    with pytest.raises(ApiError, match="needs an environmentKey"):
        patched(a_flag(), {"kind": "turnFlagOff"}, environment=None)
    with pytest.raises(ApiError, match="no environment 'moon'"):
        patched(a_flag(), {"kind": "turnFlagOff"}, environment="moon")
