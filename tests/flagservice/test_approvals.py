"""Approval requests through LaunchDarkly's official client, and what they keep from happening directly."""

import itertools
import json
import time

import launchdarkly_api as ld
import pytest
from launchdarkly_api.exceptions import ApiException, BadRequestException, ForbiddenException, NotFoundException
from support.flag_service import SEMANTIC_PATCH
from support.waiting import eventually

numbers = itertools.count(1)
OFF = {"kind": "turnFlagOff"}
ON = {"kind": "turnFlagOn"}


class SemanticPatch(ld.PatchWithComment):
    def to_dict(self):
        return json.loads(self.comment)


def semantic(*instructions, environment="test", comment="because"):
    body = {"instructions": list(instructions), "comment": comment, "environmentKey": environment}
    return SemanticPatch(patch=[], comment=json.dumps(body))


class World:
    """One project of this module's own, whose environment `guarded` needs approvals and `free` does not."""

    project = "approved"

    def __init__(self, rest):
        self.rest = rest
        self.environments = rest("EnvironmentsApi", role="admin")
        self.flags = rest("FeatureFlagsApi")
        self.requests = rest("ApprovalsApi")
        self.others = rest("ApprovalsApi", role="admin")

    def settings(self, environment="guarded", **changes):
        patch = [
            ld.PatchOperation(op="replace", path=f"/approvalSettings/{name}", value=value)
            for name, value in changes.items()
        ]
        return self.environments.patch_environment(self.project, environment, patch)

    def flag(self, **more):
        key = f"approved-{next(numbers)}"
        self.flags.post_feature_flag(self.project, ld.FeatureFlagBody(name=key, key=key, is_flag_on=True, **more))
        return key

    def read(self, key, environment="guarded"):
        return self.flags.get_feature_flag(self.project, key).environments[environment]

    def patch(self, key, *instructions, environment="guarded", **more):
        patch = semantic(*instructions, environment=environment)
        return self.flags.patch_feature_flag(self.project, key, patch, _content_type=SEMANTIC_PATCH, **more)

    def ask(self, key, *instructions, environment="guarded", **more):
        body = ld.CreateFlagConfigApprovalRequestRequest(description="please", instructions=list(instructions), **more)
        return self.requests.post_approval_request_for_flag(self.project, key, environment, body)

    def review(self, key, request, kind="approve", *, by=None, environment="guarded"):
        body = ld.PostApprovalRequestReviewRequest(kind=kind, comment="seen")
        api = by or self.others
        return api.post_approval_request_review_for_flag(self.project, key, environment, request.id, body)

    def apply(self, key, request, environment="guarded", comment="now"):
        body = ld.PostApprovalRequestApplyRequest(comment=comment)
        return self.requests.post_approval_request_apply_for_flag(self.project, key, environment, request.id, body)

    def get(self, key, request, environment="guarded"):
        return self.requests.get_approval_for_flag(self.project, key, environment, request.id)


@pytest.fixture
def rest(module_rest):
    return module_rest


@pytest.fixture
def world(rest):
    world = World(rest)
    try:
        rest("ProjectsApi", role="admin").get_project(world.project)
    except NotFoundException:
        environments = [ld.EnvironmentPost(name=key, key=key, color="417505") for key in ("guarded", "free")]
        body = ld.ProjectPost(name="Approved", key=world.project, environments=environments)
        rest("ProjectsApi", role="admin").post_project(body)
    world.settings(required=True, minNumApprovals=1, canReviewOwnRequest=False, canApplyDeclinedChanges=True)
    return world


def test_a_direct_change_where_approval_is_required_is_a_405_and_changes_nothing(world):
    key = world.flag()
    before = world.flags.get_feature_flag(world.project, key).to_dict()

    for how in ({}, {"dry_run": True}, {"ignore_conflicts": True}):
        with pytest.raises(ApiException) as refused:
            world.patch(key, OFF, **how)
        assert refused.value.status == 405
        assert json.loads(refused.value.body)["code"] == "method_not_allowed"
    operation = ld.PatchOperation(op="replace", path="/environments/guarded/on", value=False)
    with pytest.raises(ApiException) as refused:
        world.flags.patch_feature_flag(world.project, key, ld.PatchWithComment(patch=[operation]))
    assert refused.value.status == 405

    assert world.flags.get_feature_flag(world.project, key).to_dict() == before


def test_another_value_for_a_variation_in_use_needs_approval_and_for_one_that_is_not_needs_none(world):
    key = world.flag(variations=[ld.Variation(value=value) for value in (1, 2, 3)])
    before = world.flags.get_feature_flag(world.project, key).to_dict()
    first, unused, last = (one["_id"] for one in before["variations"])

    def valued(variation, value):
        return {"kind": "updateVariation", "variationId": variation, "value": value}

    for instructions in ([valued(first, 3), valued(last, 1)], [valued(last, True)]):
        with pytest.raises(ApiException) as refused:
            world.patch(key, *instructions)
        assert refused.value.status == 405
    assert world.flags.get_feature_flag(world.project, key).to_dict() == before
    world.patch(key, valued(unused, 4), {"kind": "updateVariation", "variationId": first, "name": "one"})

    after = world.flags.get_feature_flag(world.project, key).variations
    assert [(one.value, one.name) for one in after] == [(1, "one"), (4, None), (3, None)]


def test_a_flag_is_not_deleted_while_approval_is_required_in_one_of_its_environments(world):
    key = world.flag()

    for delete in (
        lambda: world.flags.delete_feature_flag(world.project, key),
        lambda: world.patch(key, {"kind": "deleteFlag"}),
        lambda: world.patch(key, {"kind": "archiveFlag"}, {"kind": "deleteFlag"}, environment="free"),
    ):
        with pytest.raises(ApiException) as refused:
            delete()
        assert refused.value.status == 405
    assert world.read(key).on is True
    world.settings(required=False)
    world.flags.delete_feature_flag(world.project, key)

    with pytest.raises(NotFoundException):
        world.read(key)


def test_what_does_not_touch_that_environment_needs_no_approval(world):
    key = world.flag()

    world.patch(key, OFF, environment="free")
    world.patch(key, {"kind": "updateName", "value": "renamed"}, {"kind": "addTags", "values": ["a"]})
    world.patch(key, ON)

    flag = world.flags.get_feature_flag(world.project, key)
    assert (flag.name, flag.environments["free"].on, flag.environments["guarded"].on) == ("renamed", False, True)


def test_with_approval_tags_only_flags_with_one_of_them_need_approval(world):
    world.settings(required=False, requiredApprovalTags=["careful"])
    careful, other = world.flag(tags=["careful"]), world.flag(tags=["other"])

    world.patch(other, OFF)
    with pytest.raises(ApiException) as refused:
        world.patch(careful, {"kind": "removeTags", "values": ["careful"]}, OFF)

    assert refused.value.status == 405
    assert [world.read(key).on for key in (careful, other)] == [True, False]
    world.settings(requiredApprovalTags=[])


def test_a_request_is_asked_for_approved_by_another_and_applied_with_its_comment(world, rest):
    key = world.flag()
    version = world.read(key).version

    asked = world.ask(key, OFF, comment="fire", notify_member_ids=["m1"])
    assert (asked.status, asked.review_status, asked.conflicts, asked.all_reviews) == ("pending", "pending", [], [])
    assert (asked.description, asked.instructions, asked.notify_member_ids) == ("please", [OFF], ["m1"])
    reviewed = world.review(key, asked)
    assert (reviewed.review_status, reviewed.status, reviewed.version) == ("approved", "pending", asked.version + 1)
    assert [(one.kind, one.comment) for one in reviewed.all_reviews] == [("approve", "seen")]
    assert world.read(key).on is True
    applied = world.apply(key, asked)

    assert (applied.status, applied.applied_by_service_token_id is None) == ("completed", False)
    assert abs(applied.applied_date - time.time() * 1000) < 60_000
    assert (world.read(key).on, world.read(key).version) == (False, version + 1)
    spec = f"proj/{world.project}:env/guarded:flag/{key}"
    entries = rest("AuditLogApi").get_audit_log_entries(spec=spec).items
    assert [one.accesses[0].action for one in entries[:3]] == [
        "updateOn",
        "reviewApprovalRequest",
        "createApprovalRequest",
    ]
    assert entries[0].comment == "now"
    assert asked.id in entries[0].description


def test_a_request_that_is_not_approved_cannot_be_applied(world):
    key = world.flag()
    asked = world.ask(key, OFF)

    with pytest.raises(BadRequestException):
        world.apply(key, asked)
    world.review(key, asked, "comment")
    with pytest.raises(BadRequestException):
        world.apply(key, asked)

    assert world.read(key).on is True
    assert world.get(key, asked).status == "pending"


def test_nobody_approves_their_own_request_unless_the_environment_lets_them(world):
    key = world.flag()
    asked = world.ask(key, OFF)

    with pytest.raises(ForbiddenException):
        world.review(key, asked, by=world.requests)
    commented = world.review(key, asked, "comment", by=world.requests)
    assert commented.review_status == "pending"
    world.settings(canReviewOwnRequest=True)

    assert world.review(key, asked, by=world.requests).review_status == "approved"


def test_as_many_have_to_approve_as_the_environment_says_and_each_counts_once(world):
    world.settings(minNumApprovals=2, canReviewOwnRequest=True)
    key = world.flag()
    asked = world.ask(key, OFF)

    world.review(key, asked)
    assert world.review(key, asked).review_status == "pending"

    assert world.review(key, asked, by=world.requests).review_status == "approved"


def test_a_refusal_counts_or_not_as_the_environment_says_and_can_be_taken_back(world):
    world.settings(canApplyDeclinedChanges=False, canReviewOwnRequest=True)
    key = world.flag()
    asked = world.ask(key, OFF)
    world.review(key, asked, by=world.requests)

    assert world.review(key, asked, "decline").review_status == "declined"
    with pytest.raises(BadRequestException):
        world.apply(key, asked)
    world.settings(canApplyDeclinedChanges=True)
    assert world.get(key, asked).review_status == "approved"
    world.settings(canApplyDeclinedChanges=False)
    assert world.review(key, asked, "approve").review_status == "approved"
    assert world.apply(key, asked).status == "completed"


def test_a_request_is_applied_once(world):
    key = world.flag()
    asked = world.ask(key, OFF)
    world.review(key, asked)
    world.apply(key, asked)
    version = world.read(key).version

    for again in (lambda: world.apply(key, asked), lambda: world.review(key, asked)):
        with pytest.raises(BadRequestException):
            again()
    assert world.read(key).version == version


def test_what_cannot_be_carried_out_cannot_be_asked_for(world):
    key = world.flag()

    for bad in ({"kind": "explode"}, {"kind": "removeVariation", "variationId": "nope"}, {"kind": "deleteFlag"}):
        with pytest.raises(BadRequestException):
            world.ask(key, OFF, bad)
    with pytest.raises(BadRequestException):
        world.ask(key)

    assert world.requests.get_approvals_for_flag(world.project, key, "guarded").items == []


def test_a_change_of_the_flag_that_gets_in_the_way_is_refused_or_leaves_a_conflict(world):
    key = world.flag(variations=[ld.Variation(value=value) for value in ("a", "b", "c")])
    flag = world.flags.get_feature_flag(world.project, key)
    middle = flag.variations[1].id
    asked = world.ask(key, {"kind": "updateFallthroughVariationOrRollout", "variationId": middle}, OFF)
    world.review(key, asked)
    remove = {"kind": "removeVariation", "variationId": middle}

    with pytest.raises(BadRequestException) as refused:
        world.patch(key, remove)
    assert asked.id in json.loads(refused.value.body)["message"]
    world.patch(key, remove, ignore_conflicts=True)

    (conflict,) = world.get(key, asked).conflicts
    assert conflict.instruction["kind"] == "updateFallthroughVariationOrRollout"
    assert middle in conflict.reason
    before = world.flags.get_feature_flag(world.project, key).to_dict()
    with pytest.raises(BadRequestException):
        world.apply(key, asked)
    assert world.flags.get_feature_flag(world.project, key).to_dict() == before
    assert world.get(key, asked).status == "pending"


def test_an_approved_request_for_later_is_scheduled_and_completes_in_time(world):
    key = world.flag()
    execution_ms = int(time.time() * 1000) + 2500
    asked = world.ask(key, OFF, execution_date=execution_ms)
    world.review(key, asked)

    applied = world.apply(key, asked)

    assert (applied.status, applied.execution_date, world.read(key).on) == ("scheduled", execution_ms, True)
    eventually(lambda: world.read(key).on is False, what="the approved change")
    assert time.time() * 1000 >= execution_ms
    assert world.get(key, asked).status == "completed"


def test_an_approved_request_changes_a_scheduled_change(world, rest):
    key = world.flag()
    world.settings(required=False)
    later = int(time.time() * 1000) + 3_600_000
    body = ld.PostFlagScheduledChangesInput(execution_date=later, instructions=[OFF])
    scheduled = rest("ScheduledChangesApi").post_flag_config_scheduled_changes(world.project, key, "guarded", body)
    world.settings(required=True)
    instruction = {"kind": "updateScheduledChangesExecutionDate", "value": later + 1000}

    asked = world.ask(key, instruction, operating_on_id=scheduled.id)
    world.review(key, asked)
    world.apply(key, asked)

    api = rest("ScheduledChangesApi")
    moved = api.get_feature_flag_scheduled_change(world.project, key, "guarded", scheduled.id)
    assert (moved.execution_date, moved.version) == (later + 1000, 2)


def test_a_configuration_is_copied_from_another_environment_once_approved(world):
    key = world.flag()
    clause = {"attribute": "email", "op": "endsWith", "values": ["@x.y"]}
    variations = world.flags.get_feature_flag(world.project, key).variations
    world.patch(
        key,
        OFF,
        {"kind": "addRule", "clauses": [clause], "variationId": variations[1].id},
        {"kind": "addTargets", "values": ["u1"], "variationId": variations[1].id},
        environment="free",
    )
    body = ld.CreateCopyFlagConfigApprovalRequestRequest(description="copy", source=ld.SourceFlag(key="free"))

    asked = world.requests.post_flag_copy_config_approval_request(world.project, key, "guarded", body)
    assert (asked.source.key, asked.source.version) == ("free", world.read(key, "free").version)
    world.review(key, asked)
    world.apply(key, asked)

    copy, original = world.read(key), world.read(key, "free")
    assert copy.on is False
    assert copy.targets == original.targets
    assert [one.values for one in copy.rules[0].clauses] == [["@x.y"]]


def test_all_requests_are_listed_by_filter_with_what_is_to_be_expanded(world):
    first, second = world.flag(), world.flag()
    one, two = world.ask(first, OFF), world.ask(second, OFF)
    world.review(second, two)
    mine = f"projectKey equals {world.project}, resourceId equals proj/{world.project}:env/guarded:flag/{second}"

    by_flag = world.requests.get_approval_requests(filter=mine, expand="flag,project,environments")
    pending = world.requests.get_approval_requests(filter='reviewStatus anyOf ["pending"], status equals pending')

    (shown,) = by_flag.items
    assert (shown.id, shown.flag.key, shown.project.key) == (two.id, second, world.project)
    assert [environment.key for environment in shown.environments] == ["guarded"]
    assert one.id in {item.id for item in pending.items}
    assert two.id not in {item.id for item in pending.items}
    with pytest.raises(BadRequestException):
        world.requests.get_approval_requests(filter="nonsense")


def test_variations_are_changed_by_a_request_for_the_flag_as_a_whole(world):
    key = world.flag(variations=[ld.Variation(value="a"), ld.Variation(value="b")])
    body = ld.CreateApprovalRequestRequest(
        resource_id=f"proj/{world.project}:env/*:flag/{key}",
        description="a third",
        instructions=[{"kind": "addVariation", "value": "c"}],
    )

    asked = world.requests.post_approval_request(body)
    review = ld.PostApprovalRequestReviewRequest(kind="approve")
    world.others.post_approval_request_review(asked.id, review)
    world.requests.post_approval_request_apply(asked.id, ld.PostApprovalRequestApplyRequest())

    values = [one.value for one in world.flags.get_feature_flag(world.project, key).variations]
    assert values == ["a", "b", "c"]
    assert world.requests.get_approval_request(asked.id).status == "completed"


def test_a_request_can_be_deleted_and_goes_with_its_flag(world):
    key = world.flag()
    one, two = world.ask(key, OFF), world.ask(key, OFF)

    world.requests.delete_approval_request_for_flag(world.project, key, "guarded", one.id)
    with pytest.raises(NotFoundException):
        world.get(key, one)
    world.settings(required=False)
    world.flags.delete_feature_flag(world.project, key)
    world.flags.post_feature_flag(world.project, ld.FeatureFlagBody(name=key, key=key))

    assert world.requests.get_approvals_for_flag(world.project, key, "guarded").items == []
    with pytest.raises(NotFoundException):
        world.requests.get_approval_request(two.id)


def test_a_reader_may_look_and_not_ask(world, rest):
    key = world.flag()
    world.ask(key, OFF)
    reader = rest("ApprovalsApi", role="reader")

    assert len(reader.get_approvals_for_flag(world.project, key, "guarded").items) == 1
    body = ld.CreateFlagConfigApprovalRequestRequest(description="please", instructions=[OFF])
    with pytest.raises(ForbiddenException):
        reader.post_approval_request_for_flag(world.project, key, "guarded", body)
