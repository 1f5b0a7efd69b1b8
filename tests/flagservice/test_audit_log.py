"""The audit log through the official client: every parameter, the search by policy, the detail form."""

import itertools
import json

import launchdarkly_api as ld
import pytest
from launchdarkly_api.exceptions import BadRequestException, NotFoundException
from support.flag_service import SEMANTIC_PATCH

numbers = itertools.count(1)


class SemanticPatch(ld.PatchWithComment):
    def to_dict(self):
        return json.loads(self.comment)


@pytest.fixture
def rest(module_rest):
    return module_rest


@pytest.fixture
def audit(rest):
    return rest("AuditLogApi", role="reader")


@pytest.fixture
def flags(rest):
    return rest("FeatureFlagsApi")


@pytest.fixture
def key(flags):
    key = f"audited-{next(numbers)}"
    flags.post_feature_flag("default", ld.FeatureFlagBody(name=key.title(), key=key, tags=["audited"]))
    return key


def turn(flags, key, *, on, environment="test", comment=""):
    kind = "turnFlagOn" if on else "turnFlagOff"
    body = {"environmentKey": environment, "instructions": [{"kind": kind}], "comment": comment}
    semantic = SemanticPatch(patch=[], comment=json.dumps(body))
    return flags.patch_feature_flag("default", key, semantic, _content_type=SEMANTIC_PATCH)


def actions(entries):
    return [entry.accesses[0].action for entry in entries]


def test_the_detail_of_a_json_patch_has_the_flag_before_and_after_and_the_patch_itself(audit, flags, key):
    operations = [ld.PatchOperation(op="replace", path="/environments/test/on", value=True)]
    flags.patch_feature_flag("default", key, ld.PatchWithComment(patch=operations, comment="incident 42"))

    newest = audit.get_audit_log_entries(q=key).items[0]
    detail = audit.get_audit_log_entry(newest.id)

    assert detail.delta == [{"op": "replace", "path": "/environments/test/on", "value": True}]
    assert [one["environments"]["test"]["on"] for one in (detail.previous_version, detail.current_version)] == [
        False,
        True,
    ]
    assert (detail.comment, detail.title_verb, detail.subentries) == ("incident 42", "turned on the flag", [])
    assert (detail.id, detail.var_date, detail.kind, detail.name) == (newest.id, newest.var_date, "flag", key.title())
    assert detail.parent.resource == "proj/default"
    assert detail.token.ending


def test_a_semantic_patch_has_no_delta_and_a_merge_patch_its_body(audit, flags, key):
    turn(flags, key, on=True)
    semantic = audit.get_audit_log_entry(audit.get_audit_log_entries(q=key).items[0].id)
    body = SemanticPatch(patch=[], comment=json.dumps({"merge": {"description": "new"}, "comment": "merged"}))
    flags.patch_feature_flag("default", key, body)
    merged = audit.get_audit_log_entry(audit.get_audit_log_entries(q=key).items[0].id)

    assert (semantic.delta, semantic.merge) == (None, None)
    assert (merged.merge, merged.comment) == ({"description": "new"}, "merged")


def test_entries_are_newest_first_and_pages_of_them_by_time_neither_miss_nor_repeat_any(audit, flags, key):
    for on in (True, False) * 5:
        turn(flags, key, on=on)

    seen, before = [], None
    while page := audit.get_audit_log_entries(q=key, limit=3, before=before).items:
        seen += page
        before = page[-1].var_date
    assert actions(seen) == ["updateOn"] * 10 + ["createFlag"]
    assert [int(one.id) for one in seen] == sorted((int(one.id) for one in seen), reverse=True)
    after = audit.get_audit_log_entries(q=key, after=seen[4].var_date, limit=20).items
    assert [one.id for one in after] == [one.id for one in seen[:4]]
    assert [one.id for one in audit.get_audit_log_entries(q=key, limit=20).items] == [one.id for one in seen]


def test_the_author_can_be_asked_for(audit, flags, key, rest):
    turn(rest("FeatureFlagsApi", role="admin"), key, on=True)
    (by_admin, by_writer) = audit.get_audit_log_entries(q=key).items

    assert by_admin.token.id != by_writer.token.id
    for one in (by_admin, by_writer):
        assert [found.id for found in audit.get_audit_log_entries(q=key, token=one.token.id).items] == [one.id]
    assert audit.get_audit_log_entries(q=key, member="nobody").items == []


def test_a_personal_tokens_entries_are_its_members(audit, rest, key):
    token = rest("AccessTokensApi", role="admin").post_token(ld.AccessTokenPost(name="mine", role="writer"))
    turn(rest("FeatureFlagsApi", token=token.token), key, on=True)

    (entry,) = audit.get_audit_log_entries(q=key, member=token.member_id).items

    assert (entry.member.id, entry.token.service_token, entry.token.ending) == (
        token.member_id,
        False,
        token.token[-4:],
    )


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ("proj/default:env/test:flag/KEY", ["updateOn", "createFlag"]),
        ("proj/default:env/production:flag/KEY", ["updateOn", "createFlag"]),
        ("proj/*:env/prod*:flag/KEY", ["updateOn", "createFlag"]),
        ("proj/*:env/*:flag/KEY", ["updateOn", "updateOn", "createFlag"]),
        ("proj/*:env/*:flag/*;audit*", ["updateOn", "updateOn", "createFlag"]),
        ("proj/*:env/*:flag/*;audited,other", []),
        ("proj/*;nope", []),
        ("proj/other", []),
        ("proj/*:env/*:segment/*", []),
    ],
)
def test_specifiers_name_resources_by_patterns_and_tags(audit, flags, key, spec, found):
    turn(flags, key, on=True)
    turn(flags, key, on=True, environment="production")

    assert actions(audit.get_audit_log_entries(q=key, spec=spec.replace("KEY", key)).items) == found


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        ([{"effect": "allow", "resources": ["proj/*:env/test:flag/KEY"], "actions": ["update*"]}], ["updateOn"]),
        ([{"effect": "allow", "resources": ["proj/*:env/*:flag/KEY"], "notActions": ["createFlag"]}], ["updateOn"] * 2),
        ([{"effect": "allow", "notResources": ["proj/*:env/*:flag/KEY"], "actions": ["*"]}], []),
        ([{"effect": "allow", "actions": ["createFlag"]}], ["createFlag"]),
        ([{"effect": "allow", "actions": ["*"]}, {"effect": "deny", "actions": ["updateOn"]}], ["createFlag"]),
        ([{"effect": "deny", "actions": ["updateOn"]}], []),
        ([], ["updateOn", "updateOn", "createFlag"]),
    ],
)
def test_a_search_takes_policy_statements_and_the_same_parameters(audit, flags, key, policy, found):
    turn(flags, key, on=True)
    turn(flags, key, on=True, environment="production")
    statements = [ld.StatementPost.from_dict(json.loads(json.dumps(one).replace("KEY", key))) for one in policy]

    assert actions(audit.post_audit_log_entries(q=key, limit=20, statement_post=statements).items) == found


def test_entries_are_counted_in_buckets_of_time(audit, flags, key):
    turn(flags, key, on=True)
    turn(flags, key, on=False)
    entries = audit.get_audit_log_entries(q=key).items
    after, before = entries[-1].var_date - 1000, entries[0].var_date + 1000
    statements = [ld.StatementPost(effect="allow", resources=[f"proj/*:env/*:flag/{key}"], actions=["*"])]

    counted = audit.post_audit_log_entry_counts(after, statements, before=before, buckets=7)

    assert (counted.total_count, sum(one.count for one in counted.buckets)) == (3, 3)
    assert len(counted.buckets) <= 7
    assert [one.timestamp for one in counted.buckets] == [
        after + index * counted.bucket_interval_ms for index in range(len(counted.buckets))
    ]
    index = (entries[0].var_date - after) // counted.bucket_interval_ms
    assert counted.buckets[index].count >= 1


def test_what_cannot_be_read_is_a_400_and_what_is_not_there_a_404(audit):
    for refused in (
        {"spec": "nonsense"},
        {"spec": "env/*;{critical:true}"},
        {"limit": 0},
        {"limit": 21},
    ):
        with pytest.raises(BadRequestException):
            audit.get_audit_log_entries(**refused)
    with pytest.raises(BadRequestException):
        audit.post_audit_log_entry_counts(2000, [], before=1000)
    with pytest.raises(NotFoundException):
        audit.get_audit_log_entry("999999")
