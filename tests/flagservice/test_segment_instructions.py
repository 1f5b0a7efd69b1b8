"""The semantic-patch instructions of segments, one by one."""

from itertools import count

import pytest

from opsctl.flagservice.api_errors import ApiError
from opsctl.flagservice.model import Clause
from opsctl.flagservice.segment_documents import parse_segment, segment_document
from opsctl.flagservice.segment_instructions import INSTRUCTIONS, SegmentScope, apply_segment_instructions
from opsctl.flagservice.segment_model import Segment, SegmentRule, SegmentTarget
from opsctl.flagservice.segment_validation import validate_segment

CLAUSE = {"attribute": "email", "op": "endsWith", "values": ["@example.com"], "negate": False}


def a_segment(key="beta", **changes):
    rule = SegmentRule("r1", (Clause("c1", "country", "in", ("be", "nl")),), weight=10_000)
    values = {
        "key": key,
        "name": key,
        "salt": "s",
        "version": 1,
        "created_ms": 1,
        "modified_ms": 1,
        "tags": ("a",),
        "included": (SegmentTarget(("u1",)), SegmentTarget(("acme",), "org")),
        "excluded": (SegmentTarget(("u2",)),),
        "rules": (rule, SegmentRule("r2", (Clause("c2", "plan", "in", ("free",)),))),
    }
    return Segment(**{**values, **changes})


def patched(*instructions, segment=None):
    numbers = count(1)
    scope = SegmentScope(lambda: f"new-{next(numbers)}")
    after = apply_segment_instructions(segment or a_segment(), instructions, scope)
    validate_segment(after, {})
    return segment_document(after)


@pytest.mark.parametrize(
    ("instruction", "member", "expected"),
    [
        ({"kind": "updateName", "value": "B"}, "name", "B"),
        ({"kind": "updateDescription", "value": "B"}, "description", "B"),
        ({"kind": "addTags", "values": ["a", "b"]}, "tags", ["a", "b"]),
        ({"kind": "removeTags", "values": ["a", "x"]}, "tags", []),
        ({"kind": "addIncludedUsers", "values": ["u1", "u3"]}, "included", ["u1", "u3"]),
        ({"kind": "addIncludedTargets", "values": ["u3"]}, "included", ["u1", "u3"]),
        ({"kind": "removeIncludedUsers", "values": ["u1", "x"]}, "included", []),
        ({"kind": "addExcludedUsers", "values": ["u3"]}, "excluded", ["u2", "u3"]),
        ({"kind": "removeExcludedUsers", "values": ["u2"]}, "excluded", []),
        (
            {"kind": "addIncludedTargets", "contextKind": "org", "values": ["initech"]},
            "includedContexts",
            [{"contextKind": "org", "values": ["acme", "initech"]}],
        ),
        ({"kind": "removeIncludedTargets", "contextKind": "org", "values": ["acme"]}, "includedContexts", []),
        (
            {"kind": "addExcludedTargets", "contextKind": "org", "values": ["initech"]},
            "excludedContexts",
            [{"contextKind": "org", "values": ["initech"]}],
        ),
        ({"kind": "removeExcludedTargets", "contextKind": "org", "values": ["initech"]}, "excludedContexts", []),
    ],
)
def test_details_and_targets(instruction, member, expected):
    assert patched(instruction)[member] == expected


def test_rules_are_added_reordered_described_and_removed():
    document = patched(
        {"kind": "addRule", "clauses": [CLAUSE], "description": "ours"},
        {"kind": "reorderRules", "ruleIds": ["new-1", "r2", "r1"]},
        {"kind": "updateRuleDescription", "ruleId": "r2", "description": "theirs"},
        {"kind": "removeRule", "ruleId": "r1"},
        {"kind": "removeRule", "ruleId": "unknown"},
    )

    assert [(rule["_id"], rule["description"]) for rule in document["rules"]] == [("new-1", "ours"), ("r2", "theirs")]


def test_clauses_are_added_changed_and_removed():
    document = patched(
        {"kind": "addClauses", "ruleId": "r2", "clauses": [CLAUSE]},
        {"kind": "addValuesToClause", "ruleId": "r1", "clauseId": "c1", "values": ["lu"]},
        {"kind": "removeValuesFromClause", "ruleId": "r1", "clauseId": "c1", "values": ["be"]},
        {"kind": "updateClause", "ruleId": "r2", "clauseId": "c2", "clause": {**CLAUSE, "op": "contains"}},
        {"kind": "removeClauses", "ruleId": "r2", "clauseIds": ["new-1"]},
    )

    assert document["rules"][0]["clauses"][0]["values"] == ["nl", "lu"]
    assert [(one["_id"], one["op"]) for one in document["rules"][1]["clauses"]] == [("c2", "contains")]


@pytest.mark.parametrize("weight", [20_000, "20000"])
def test_the_share_of_a_rule_is_changed(weight):
    changed = {"kind": "updateRuleRolloutAndContextKind", "ruleId": "r1", "weight": weight, "contextKind": "device"}

    rule = patched(changed)["rules"][0]

    assert (rule["weight"], rule["rolloutContextKind"]) == (20_000, "device")


@pytest.mark.parametrize(
    "instruction",
    [
        {"kind": "unknown"},
        {"kind": "addBigSegmentIncludedTargets", "values": ["a"]},
        {"kind": "addIncludedUsers", "values": ["u2"]},
        {"kind": "addExcludedTargets", "contextKind": "org", "values": ["acme"]},
        {"kind": "addIncludedUsers", "values": [str(number) for number in range(1501)]},
        {"kind": "addIncludedTargets", "contextKind": "multi", "values": ["a"]},
        {"kind": "reorderRules", "ruleIds": ["r1"]},
        {"kind": "updateRuleRolloutAndContextKind", "ruleId": "r1", "weight": 100_001},
        {"kind": "updateRuleRolloutAndContextKind", "ruleId": "unknown", "weight": 1},
        {"kind": "addRule", "clauses": [{**CLAUSE, "op": "resembles"}]},
        {"kind": "addRule", "clauses": ["none"]},
        {"kind": "updateName", "value": " "},
    ],
)
def test_what_cannot_be_carried_out_is_refused(instruction):
    with pytest.raises(ApiError) as refusal:
        patched(instruction)

    assert refusal.value.status == 400


def test_a_segment_cannot_be_a_part_of_itself():
    def naming(key):
        return (SegmentRule("r", (Clause("c", "", "segmentMatch", (key,)),)),)

    first, second = a_segment("first", rules=naming("second")), a_segment("second", rules=naming("first"))

    with pytest.raises(ApiError, match="part of itself"):
        validate_segment(first, {"second": second})
    with pytest.raises(ApiError, match="part of itself"):
        validate_segment(a_segment("own", rules=naming("own")), {})
    validate_segment(first, {"second": a_segment("second")})


def test_a_segment_is_read_back_as_it_was_written():
    segment = a_segment(description="d")

    assert parse_segment(segment_document(segment), lambda: "none") == segment


def test_all_instructions_of_launchdarkly_but_those_of_big_segments_are_there():
    assert INSTRUCTIONS.keys() == {
        *("addTags", "removeTags", "updateName", "updateDescription"),
        *("addExcludedTargets", "addExcludedUsers", "addIncludedTargets", "addIncludedUsers"),
        *("removeExcludedTargets", "removeExcludedUsers", "removeIncludedTargets", "removeIncludedUsers"),
        *("addClauses", "addRule", "addValuesToClause", "removeClauses", "removeRule", "removeValuesFromClause"),
        *("reorderRules", "updateClause", "updateRuleDescription", "updateRuleRolloutAndContextKind"),
    }
