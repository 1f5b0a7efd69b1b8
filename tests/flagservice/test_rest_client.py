"""LaunchDarkly's official REST client, unmodified, on every route that is supported."""

import itertools
import json
import time

import launchdarkly_api as ld
import pytest
from launchdarkly_api.exceptions import (
    BadRequestException,
    ConflictException,
    ForbiddenException,
    NotFoundException,
    UnauthorizedException,
)
from support.flag_service import SEMANTIC_PATCH

KILL_SWITCH = "show-avatars-and-reccs"
numbers = itertools.count(1)


class SemanticPatch(ld.PatchWithComment):
    """One of the two ways the client can send a semantic patch."""

    def to_dict(self):
        return json.loads(self.comment)


def semantic(*instructions, environment="test", comment="because"):
    body = {"instructions": list(instructions), "comment": comment, "environmentKey": environment}
    return SemanticPatch(patch=[], comment=json.dumps(body))


def new_flag(flags, **more):
    key = f"flag-{next(numbers)}"
    return flags.post_feature_flag("default", ld.FeatureFlagBody(name=key.title(), key=key, **more))


@pytest.fixture
def flags(rest):
    return rest("FeatureFlagsApi")


@pytest.fixture
def audit(rest):
    return rest("AuditLogApi")


def test_the_seeded_kill_switch_is_launchdarklys_template(flags):
    flag = flags.get_feature_flag("default", KILL_SWITCH)

    assert (flag.name, flag.kind, flag.temporary, flag.archived) == (KILL_SWITCH, "boolean", False, False)
    assert flag.description == "Shut off calls to the 3rd-party API that generates avatars."
    assert [(one.value, one.name) for one in flag.variations] == [(True, "Enabled"), (False, "Disabled")]
    assert (flag.defaults.on_variation, flag.defaults.off_variation) == (0, 1)
    assert {key: one.on for key, one in flag.environments.items()} == {"test": True, "production": True}
    assert {one.off_variation for one in flag.environments.values()} == {1}


def test_a_flag_is_created_as_the_body_says_and_read_back(flags):
    created = new_flag(
        flags,
        description="d",
        temporary=False,
        tags=["a", "b"],
        variations=[ld.Variation(value="x", name="X"), ld.Variation(value="y"), ld.Variation(value="z")],
        defaults=ld.Defaults(on_variation=2, off_variation=1),
        client_side_availability=ld.ClientSideAvailabilityPost(using_environment_id=True, using_mobile_key=False),
        is_flag_on=True,
    )

    read = flags.get_feature_flag("default", created.key)
    assert read.to_dict() == created.to_dict()
    assert (read.kind, read.tags, read.version) == ("multivariate", ["a", "b"], 1)
    assert read.client_side_availability.using_environment_id is True
    test = read.environments["test"]
    assert (test.on, test.fallthrough.variation, test.off_variation, test.version) == (True, 2, 1, 1)


def test_a_new_flag_is_a_temporary_boolean_that_is_off_unless_the_body_says_otherwise(flags):
    flag = new_flag(flags)

    assert (flag.kind, flag.temporary, flag.description) == ("boolean", True, "")
    assert [one.value for one in flag.variations] == [True, False]
    assert [one.on for one in flag.environments.values()] == [False, False]


def test_a_second_flag_under_a_key_is_a_conflict(flags):
    flag = new_flag(flags)

    with pytest.raises(ConflictException):
        flags.post_feature_flag("default", ld.FeatureFlagBody(name="again", key=flag.key))


def test_a_deleted_flag_is_gone_and_one_made_again_goes_on_above_its_versions(flags):
    flag = new_flag(flags)
    flags.patch_feature_flag("default", flag.key, semantic({"kind": "turnFlagOn"}), _content_type=SEMANTIC_PATCH)

    flags.delete_feature_flag("default", flag.key)

    with pytest.raises(NotFoundException) as missing:
        flags.get_feature_flag("default", flag.key)
    assert missing.value.data.code == "not_found"
    again = flags.post_feature_flag("default", ld.FeatureFlagBody(name="again", key=flag.key))
    assert again.version > 3
    assert again.environments["test"].version > 3


def test_a_semantic_patch_by_a_subclass_of_the_body_kills_and_restores(flags):
    key = new_flag(flags, is_flag_on=True).key

    killed = flags.patch_feature_flag("default", key, semantic({"kind": "turnFlagOff"}), _content_type=SEMANTIC_PATCH)
    restored = flags.patch_feature_flag("default", key, semantic({"kind": "turnFlagOn"}), _content_type=SEMANTIC_PATCH)

    assert (killed.environments["test"].on, killed.environments["test"].version) == (False, 2)
    assert killed.environments["production"].on is True
    assert (restored.environments["test"].on, restored.environments["test"].version) == (True, 3)


def test_a_semantic_patch_by_the_low_level_call_works_too(rest, flags):
    key = new_flag(flags, is_flag_on=True).key
    client = rest("FeatureFlagsApi").api_client
    request = client.param_serialize(
        "PATCH",
        f"/api/v2/flags/default/{key}",
        header_params={"Content-Type": SEMANTIC_PATCH, "Accept": "application/json"},
        body={"environmentKey": "test", "instructions": [{"kind": "turnFlagOff"}]},
        auth_settings=["ApiKey"],
    )

    response = client.call_api(*request)
    response.read()

    flag = client.response_deserialize(response, {"200": "FeatureFlag"}).data
    assert flag.environments["test"].on is False


def test_a_patch_with_one_bad_instruction_changes_nothing(flags):
    key = new_flag(flags, is_flag_on=True).key
    before = flags.get_feature_flag("default", key)

    with pytest.raises(BadRequestException) as refused:
        flags.patch_feature_flag(
            "default", key, semantic({"kind": "turnFlagOff"}, {"kind": "explode"}), _content_type=SEMANTIC_PATCH
        )

    assert (refused.value.data.code, "explode" in refused.value.data.message) == ("invalid_request", True)
    assert flags.get_feature_flag("default", key).to_dict() == before.to_dict()


def test_repeating_a_kill_changes_no_version_and_adds_no_audit_entry(flags, audit):
    key = new_flag(flags).key

    again = flags.patch_feature_flag("default", key, semantic({"kind": "turnFlagOff"}), _content_type=SEMANTIC_PATCH)

    assert (again.version, again.environments["test"].version) == (1, 1)
    assert len(audit.get_audit_log_entries(spec=f"proj/default:env/test:flag/{key}").items) == 1


def test_a_dry_run_shows_what_would_be_and_keeps_nothing(flags):
    key = new_flag(flags).key

    preview = flags.patch_feature_flag(
        "default", key, semantic({"kind": "turnFlagOn"}), dry_run=True, _content_type=SEMANTIC_PATCH
    )

    assert preview.environments["test"].on is True
    assert flags.get_feature_flag("default", key).environments["test"].on is False


def test_a_json_patch_changes_the_flag_and_a_failed_test_is_a_conflict(flags):
    key = new_flag(flags).key
    patch = ld.PatchWithComment(
        patch=[
            ld.PatchOperation(op="test", path="/version", value=1),
            ld.PatchOperation(op="replace", path="/environments/test/on", value=True),
            ld.PatchOperation(op="add", path="/tags/-", value="new"),
        ],
        comment="by json patch",
    )

    flag = flags.patch_feature_flag("default", key, patch)

    assert (flag.environments["test"].on, flag.tags, flag.version) == (True, ["new"], 2)
    with pytest.raises(ConflictException) as refused:
        flags.patch_feature_flag("default", key, patch)
    assert refused.value.data.code == "optimistic_locking_error"


def test_the_list_shows_environments_only_when_it_is_filtered_by_one(flags):
    plain = flags.get_feature_flags("default", limit=1)
    filtered = flags.get_feature_flags("default", env="test", filter=f"query:{KILL_SWITCH}")
    full = flags.get_feature_flags("default", filter=f"filterEnv:test,query:{KILL_SWITCH}", summary=False)

    assert plain.items[0].environments is None
    assert list(filtered.items[0].environments) == ["test"]
    assert filtered.items[0].environments["test"].rules is None
    assert filtered.items[0].environments["test"].summary.variations["0"].is_fallthrough is True
    assert full.items[0].environments["test"].rules == []


def test_the_list_is_paged_sorted_and_filtered(flags):
    tag = f"tag-{next(numbers)}"
    made = [new_flag(flags, tags=[tag], temporary=number % 2 == 0).key for number in range(5)]

    by_key = flags.get_feature_flags("default", tag=tag, sort="key", limit=2, offset=2)
    permanent = flags.get_feature_flags("default", filter=f"tags:{tag},type:permanent", sort="-key")

    assert ([one.key for one in by_key.items], by_key.total_count) == (sorted(made)[2:4], 5)
    assert sorted(by_key.links) == ["first", "last", "next", "prev", "self"]
    assert [one.key for one in permanent.items] == sorted(made[1::2], reverse=True)
    with pytest.raises(BadRequestException):
        flags.get_feature_flags("default", filter="hasExperiment:true")


def test_archived_flags_are_listed_only_when_asked_for(flags):
    tag = f"tag-{next(numbers)}"
    key = new_flag(flags, tags=[tag]).key
    flags.patch_feature_flag("default", key, semantic({"kind": "archiveFlag"}), _content_type=SEMANTIC_PATCH)

    assert flags.get_feature_flags("default", tag=tag).items == []
    (archived,) = flags.get_feature_flags("default", tag=tag, filter="state:archived").items
    assert (archived.key, archived.archived) == (key, True)


def test_projects_and_environments(rest, shared_flag_service):
    projects, environments = rest("ProjectsApi"), rest("EnvironmentsApi")

    (project,) = projects.get_projects().items
    assert (project.key, project.environments) == ("default", None)
    assert projects.get_project("default", expand="environments").environments.total_count >= 2
    found = {one.key: one for one in environments.get_environments_by_project("default").items}
    assert (found["test"].critical, found["production"].critical) == (False, True)
    assert found["test"].api_key == shared_flag_service.sdk_key("test")
    assert environments.get_environment("default", "production").name == "Production"
    with pytest.raises(NotFoundException):
        environments.get_environment("default", "moon")
    with pytest.raises(NotFoundException):
        projects.get_project("moon")


def test_an_environment_is_added_with_keys_of_its_own_and_can_be_changed(rest, flags):
    environments = rest("EnvironmentsApi")
    key = f"stage-{next(numbers)}"

    made = environments.post_environment("default", ld.EnvironmentPost(name="Stage", key=key, color="112233"))
    changed = environments.patch_environment(
        "default", key, [ld.PatchOperation(op="replace", path="/requireComments", value=True)]
    )

    assert made.api_key.startswith("sdk-")
    assert (changed.require_comments, changed.api_key) == (True, made.api_key)
    assert flags.get_feature_flag("default", KILL_SWITCH).environments[key].on is False
    with pytest.raises(ConflictException):
        environments.post_environment("default", ld.EnvironmentPost(name="Stage", key=key, color="112233"))
    environments.delete_environment("default", key)


def test_the_audit_log_says_who_did_what_and_why(flags, audit, shared_flag_service):
    before_ms = int(time.time() * 1000) - 1
    key = new_flag(flags, is_flag_on=True).key
    flags.patch_feature_flag(
        "default",
        key,
        semantic({"kind": "turnFlagOff"}, comment="checkout p99 above 2 s"),
        _content_type=SEMANTIC_PATCH,
    )

    killed, created = audit.get_audit_log_entries(spec=f"proj/*:env/test:flag/{key}").items

    assert (created.title_verb, killed.title_verb) == ("created the flag", "turned off the flag")
    assert killed.comment == "checkout p99 above 2 s"
    assert [(one.action, one.resource) for one in killed.accesses] == [
        ("updateOn", f"proj/default:env/test:flag/{key}")
    ]
    assert killed.token.ending == shared_flag_service.token("writer")[-4:]
    assert before_ms <= created.var_date <= killed.var_date
    detail = audit.get_audit_log_entry(killed.id)
    assert detail.previous_version["environments"]["test"]["on"] is True
    assert detail.current_version["environments"]["test"]["on"] is False
    found = audit.get_audit_log_entries(q="CHECKOUT p99", after=before_ms).items
    assert [one.id for one in found] == [killed.id]
    assert audit.get_audit_log_entries(before=before_ms, q=key).items == []
    assert len(audit.get_audit_log_entries(limit=1).items) == 1
    with pytest.raises(NotFoundException):
        audit.get_audit_log_entry("999999")


def test_the_caller_is_the_token(rest):
    identity = rest("OtherApi", role="reader").get_caller_identity()

    assert (identity.token_name, identity.auth_kind, identity.service_token) == ("opsctl reader", "token", True)


def test_a_reader_reads_and_is_forbidden_to_write(rest):
    flags = rest("FeatureFlagsApi", role="reader")

    assert flags.get_feature_flag("default", KILL_SWITCH).key == KILL_SWITCH
    with pytest.raises(ForbiddenException) as refused:
        flags.patch_feature_flag(
            "default", KILL_SWITCH, semantic({"kind": "turnFlagOff"}), _content_type=SEMANTIC_PATCH
        )
    assert refused.value.status == 403
    assert json.loads(refused.value.body)["code"] == "forbidden"


@pytest.mark.parametrize("token", ["api-0000", "", "sdk"])
def test_an_unknown_token_is_unauthorized(rest, shared_flag_service, token):
    flags = rest("FeatureFlagsApi", token=shared_flag_service.sdk_key() if token == "sdk" else token or " ")

    with pytest.raises(UnauthorizedException) as refused:
        flags.get_feature_flag("default", KILL_SWITCH)
    assert refused.value.data.code == "unauthorized"
