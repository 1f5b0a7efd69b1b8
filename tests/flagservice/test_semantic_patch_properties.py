"""Whatever is sent: a patch applies as a whole or not at all, versions only go up, REST and SDKs see the same."""

import json

from flag_values import NOW_MS, a_flag, patched
from hypothesis import given, settings
from hypothesis import strategies as st

from opsctl.flagservice.api_errors import ApiError
from opsctl.flagservice.creation import new_id
from opsctl.flagservice.documents import flag_document
from opsctl.flagservice.parsing import parse_flag
from opsctl.flagservice.sdk_payload import sdk_flag
from opsctl.flagservice.semantic_patch import NOT_SUPPORTED, SETTINGS, TARGETING
from opsctl.flagservice.validation import OPERATORS
from opsctl.flagservice.versions import with_new_versions

variation_ids = st.sampled_from(["enabled", "disabled", "nope"])
keys = st.lists(st.sampled_from("abcd"), max_size=3)
clauses = st.lists(
    st.fixed_dictionaries(
        {
            "attribute": st.sampled_from(["key", "email"]),
            "op": st.sampled_from([*sorted(OPERATORS), "like"]),
            "values": st.lists(st.one_of(st.text(max_size=5), st.integers(), st.booleans()), max_size=2),
        },
        optional={"contextKind": st.sampled_from(["user", "device", "multi"]), "negate": st.booleans()},
    ),
    max_size=2,
)
weights = st.integers(0, 100_000).map(lambda part: {"enabled": part, "disabled": 100_000 - part})
clause = st.fixed_dictionaries(
    {"attribute": st.just("email"), "op": st.sampled_from(sorted(OPERATORS)), "values": st.lists(st.text(max_size=3))}
)
serve = st.one_of(
    st.fixed_dictionaries({"variationId": st.sampled_from(["enabled", "disabled"])}),
    st.fixed_dictionaries({"rolloutWeights": weights}, optional={"rolloutContextKind": st.just("device")}),
)


def valid(kind, **members):
    return st.fixed_dictionaries({"kind": st.just(kind), **members})


def merged(*parts):
    return st.tuples(*parts).map(
        lambda dictionaries: {key: value for one in dictionaries for key, value in one.items()}
    )


valid_instructions = st.one_of(
    valid("turnFlagOn"),
    valid("turnFlagOff"),
    merged(valid("addRule", clauses=st.lists(clause, min_size=1, max_size=2)), serve),
    merged(valid("updateFallthroughVariationOrRollout"), serve),
    merged(valid("updateRuleVariationOrRollout", ruleId=st.sampled_from(["new-1", "new-2"])), serve),
    valid("removeRule", ruleId=st.sampled_from(["new-1", "new-2"])),
    valid("addTargets", contextKind=st.sampled_from(["user", "device"]), values=keys, variationId=st.just("enabled")),
    valid("addTargets", contextKind=st.sampled_from(["user", "device"]), values=keys, variationId=st.just("disabled")),
    valid("clearTargets", variationId=st.sampled_from(["enabled", "disabled"])),
    valid("addPrerequisite", key=st.just("other"), variationId=st.just("enabled")),
    valid("updateVariation", variationId=st.just("enabled"), name=st.text(max_size=5), description=st.text(max_size=5)),
    valid("archiveFlag"),
    valid("restoreFlag"),
)
wild_instructions = st.fixed_dictionaries(
    {"kind": st.sampled_from(sorted({*TARGETING, *SETTINGS, *NOT_SUPPORTED, "explode"}))},
    optional={
        "variationId": variation_ids,
        "values": keys,
        "value": st.one_of(st.sampled_from(["usingMobileKey", "text"]), st.booleans()),
        "contextKind": st.sampled_from(["user", "device"]),
        "clauses": clauses,
        "ruleId": st.sampled_from(["new-1", "new-2"]),
        "ruleIds": st.lists(st.sampled_from(["new-1", "new-3"]), max_size=2),
        "rolloutWeights": weights,
        "trackEvents": st.booleans(),
        "description": st.text(max_size=5),
        "key": st.sampled_from(["feed", "other"]),
        "name": st.text(max_size=5),
        "targets": st.lists(st.fixed_dictionaries({"variationId": variation_ids, "values": keys}), max_size=2),
        "prerequisites": st.lists(st.fixed_dictionaries({"key": st.just("other"), "variationId": variation_ids})),
    },
)
instructions = st.one_of(valid_instructions, wild_instructions)
patches = st.lists(st.lists(instructions, min_size=1, max_size=3), min_size=1, max_size=6)


@settings(max_examples=150, deadline=None)
@given(patches)
def test_a_patch_applies_whole_or_not_at_all_and_versions_only_go_up(sequence):
    flag, other = a_flag(), a_flag("other")
    for patch in sequence:
        before, before_text = flag, json.dumps(flag_document(flag))
        try:
            after = patched(flag, *patch, others=(other,))
        except ApiError:
            assert json.dumps(flag_document(flag)) == before_text
            continue
        flag = with_new_versions(before, after, NOW_MS + 5)
        assert json.dumps(flag_document(before)) == before_text
        if flag is before:
            continue
        assert flag.version == before.version + 1
        for key, config in flag.environments.items():
            old = before.environments[key]
            is_same = sdk_flag(flag, key) == sdk_flag(before, key) and config == old
            assert config.version == (old.version if is_same else old.version + 1)


@settings(max_examples=150, deadline=None)
@given(patches)
def test_a_flag_reads_back_as_it_was_written_and_rest_and_sdks_never_disagree(sequence):
    flag, other = a_flag(), a_flag("other")
    for patch in sequence:
        try:
            flag = with_new_versions(flag, patched(flag, *patch, others=(other,)), NOW_MS + 5)
        except ApiError:
            continue
        document = json.loads(json.dumps(flag_document(flag)))
        assert repr(parse_flag(document, new_id)) == repr(flag)
        for key in flag.environments:
            shown, sent = document["environments"][key], sdk_flag(flag, key)
            if flag.is_archived:
                assert sent is None
                continue
            for name in ("on", "version", "fallthrough", "offVariation", "prerequisites", "contextTargets", "salt"):
                assert sent[name] == shown[name]
            assert sent["variations"] == [one["value"] for one in document["variations"]]
            assert [rule["id"] for rule in sent["rules"]] == [rule["_id"] for rule in shown["rules"]]
            assert [one["values"] for one in sent["targets"]] == [one["values"] for one in shown["targets"]]


GROWING = {"addRule", "replaceRules", "addClauses", "addVariation"}


@settings(max_examples=150, deadline=None)
@given(instructions.filter(lambda instruction: instruction["kind"] not in GROWING))
def test_an_instruction_that_asks_for_what_is_so_changes_nothing(instruction):
    try:
        once = patched(a_flag(), instruction, others=(a_flag("other"),))
        twice = patched(once, instruction, others=(a_flag("other"),))
    except ApiError:
        return

    assert with_new_versions(once, twice, NOW_MS + 9) is once
