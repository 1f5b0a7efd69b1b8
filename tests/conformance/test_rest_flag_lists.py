"""Lists of flags, clones, and the ways to delete one, by the official REST client."""

import itertools
import json
import time

import launchdarkly_api as ld
import pytest
import urllib3
from launchdarkly_api.exceptions import BadRequestException, ConflictException, NotFoundException
from support.flag_service import SEMANTIC_PATCH
from support.rest_client import rest_api

PROJECT = "catalogue"
numbers = itertools.count(1)


class SemanticPatch(ld.PatchWithComment):
    """What lets the client send a semantic patch: its comment is the body."""

    def to_dict(self):
        return json.loads(self.comment)


def semantic(*instructions, **more):
    return SemanticPatch(patch=[], comment=json.dumps({"instructions": list(instructions), **more}))


@pytest.fixture(scope="module")
def flags(account):
    rest_api(account, "ProjectsApi").post_project(ld.ProjectPost(key=PROJECT, name="Catalogue"))
    return rest_api(account, "FeatureFlagsApi")


def create(flags, key=None, clone=None, **body):
    key = key or f"flag-{next(numbers)}"
    return flags.post_feature_flag(PROJECT, ld.FeatureFlagBody(name=key, key=key, **body), clone=clone)


def patch(flags, key, *instructions, dry_run=None, **more):
    body = semantic(*instructions, **more)
    return flags.patch_feature_flag(PROJECT, key, body, dry_run=dry_run, _content_type=SEMANTIC_PATCH)


@pytest.fixture(scope="module")
def catalogue(flags):
    """Five flags, each found by a filter of its own."""
    create(flags, "apple", tags=["fruit"], maintainer_id="mia")
    create(flags, "banana", tags=["fruit", "yellow"], temporary=False)
    availability = ld.ClientSideAvailabilityPost(using_environment_id=True, using_mobile_key=False)
    create(flags, "cherry", tags=["fruit"], client_side_availability=availability)
    create(flags, "date", maintainer_team_key="growers")
    create(flags, "elder", tags=["fruit"])
    patch(flags, "elder", {"kind": "archiveFlag"})
    patch(flags, "date", {"kind": "deprecateFlag"})
    patch(flags, "apple", {"kind": "turnFlagOn"}, environmentKey="test")
    return flags


def keys(flags, **query):
    return [one.key for one in flags.get_feature_flags(PROJECT, **{"sort": "key", **query}).items]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["apple", "banana", "cherry", "date"]),
        ({"filter": "query:AN"}, ["banana"]),
        ({"filter": "tags:fruit"}, ["apple", "banana", "cherry"]),
        ({"filter": "tags:fruit+yellow"}, ["banana"]),
        ({"tag": "yellow"}, ["banana"]),
        ({"filter": "type:permanent"}, ["banana"]),
        ({"filter": "state:archived"}, ["elder"]),
        ({"filter": "archived:true"}, ["elder"]),
        ({"archived": True}, ["elder"]),
        ({"filter": "state:deprecated"}, ["date"]),
        ({"filter": "state:live"}, ["apple", "banana", "cherry"]),
        ({"filter": "maintainerId:mia"}, ["apple"]),
        ({"filter": "maintainerTeamKey:growers"}, ["date"]),
        ({"filter": "sdkAvailability:client"}, ["cherry"]),
        ({"filter": "sdkAvailability:anyClient"}, ["cherry"]),
        ({"filter": "sdkAvailability:mobile"}, []),
        ({"filter": "sdkAvailability:server"}, ["apple", "banana", "date"]),
        ({"filter": 'creationDate:{"before":1}'}, []),
        ({"filter": 'creationDate:{"before":9999999999999},query:apple'}, ["apple"]),
        ({"filter": "query:a,tags:fruit,type:temporary"}, ["apple"]),
    ],
    ids=str,
)
def test_a_list_has_the_flags_that_match_every_filter(catalogue, query, expected):
    assert keys(catalogue, **query) == expected


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("key", ["apple", "banana", "cherry", "date"]),
        ("-name", ["date", "cherry", "banana", "apple"]),
        ("creationDate", ["apple", "banana", "cherry", "date"]),
        ("-creationDate", ["date", "cherry", "banana", "apple"]),
        ("maintainerId,key", ["banana", "cherry", "date", "apple"]),
        ("type,-key", ["banana", "date", "cherry", "apple"]),
        ("tags,key", ["date", "apple", "cherry", "banana"]),
    ],
)
def test_a_list_comes_in_the_order_that_is_asked_for(catalogue, sort, expected):
    assert keys(catalogue, sort=sort) == expected


def test_a_list_has_the_flags_that_sdks_evaluated_lately(account, catalogue):
    environment = rest_api(account, "EnvironmentsApi").get_environment(PROJECT, "test")
    now_ms = int(time.time() * 1000)
    counter = {"value": True, "variation": 0, "version": 1, "count": 2}
    features = {"banana": {"default": False, "contextKinds": ["user"], "counters": [counter]}}
    events = [{"kind": "summary", "startDate": now_ms - 1000, "endDate": now_ms, "features": features}]
    answer = urllib3.request(
        "POST", f"{account.url}/bulk", json=events, headers={"Authorization": environment.api_key}, retries=False
    )
    assert answer.status == 202

    def evaluated(after_ms, environment="test"):
        return keys(catalogue, filter=f'evaluated:{{"after":{after_ms}}},filterEnv:{environment}')

    assert evaluated(now_ms - 60_000) == ["banana"]
    assert evaluated(now_ms + 60_000) == []
    assert evaluated(now_ms - 60_000, "production") == []
    with pytest.raises(BadRequestException):
        keys(catalogue, filter='evaluated:{"after":1}')


def test_by_targeting_date_is_by_that_of_the_first_environment(catalogue):
    assert keys(catalogue, sort="-targetingModifiedDate", env="test")[0] == "apple"
    with pytest.raises(BadRequestException):
        keys(catalogue, sort="targetingModifiedDate")


@pytest.mark.parametrize(
    "query",
    [
        {"filter": "hasExperiment:true"},
        {"filter": "codeReferences.min:1"},
        {"filter": "guardedRollout:any"},
        {"filter": "releasePipeline:x"},
        {"filter": "applicationEvaluated:x"},
        {"filter": "followerId:x"},
        {"filter": "state:sleeping"},
        {"filter": "creationDate:yesterday"},
        {"filter": "sdkAvailability:fridge"},
        {"filter": "filterEnv:moon"},
        {"filter": "filterEnv:a,b,c,d"},
        {"filter": "nonsense"},
        {"sort": "colour"},
    ],
    ids=str,
)
def test_a_filter_that_has_nothing_here_is_a_400_and_not_ignored(catalogue, query):
    with pytest.raises(BadRequestException) as refused:
        keys(catalogue, **query)
    assert refused.value.data.code == "invalid_request"


def test_pages_are_linked_as_far_as_there_are_any(catalogue):
    first = catalogue.get_feature_flags(PROJECT, sort="key", limit=3)
    last = catalogue.get_feature_flags(PROJECT, sort="key", limit=3, offset=3)

    assert (first.total_count, len(first.items), len(last.items)) == (4, 3, 1)
    assert sorted(first.links) == ["last", "next", "self"]
    assert sorted(last.links) == ["first", "prev", "self"]
    assert first.links["next"].href == f"/api/v2/flags/{PROJECT}?sort=key&limit=3&offset=3"


def test_following_the_links_visits_every_flag_once(account, catalogue):
    href, seen = f"/api/v2/flags/{PROJECT}?limit=1&sort=key", []
    while href:
        body = account.request("GET", href.removeprefix("/api/v2/")).json()
        seen += [one["key"] for one in body["items"]]
        href = body["_links"].get("next", {}).get("href")

    assert seen == ["apple", "banana", "cherry", "date"]


def test_environments_and_their_rules_come_when_they_are_asked_for(catalogue):
    def only(**query):
        (flag,) = catalogue.get_feature_flags(PROJECT, filter="query:apple", **query).items
        return flag

    assert only().environments is None
    assert list(only(env="test").environments) == ["test"]
    assert only(env="test").environments["test"].rules is None
    assert only(env="test", summary=False).environments["test"].rules == []
    (flag,) = catalogue.get_feature_flags(PROJECT, filter="filterEnv:test,production,query:apple").items
    assert sorted(flag.environments) == ["production", "test"]


def test_a_clone_has_the_targeting_of_its_source_and_goes_its_own_way(flags):
    source = create(
        flags,
        variations=[ld.Variation(value=name, name=name.title()) for name in ("a", "b", "c")],
        defaults=ld.Defaults(on_variation=2, off_variation=1),
        tags=["cloned"],
        temporary=False,
    )
    ids = {one.value: one.id for one in source.variations}
    patch(
        flags,
        source.key,
        {"kind": "turnFlagOn"},
        {"kind": "addTargets", "values": ["sandy"], "variationId": ids["b"]},
        {
            "kind": "updateFallthroughVariationOrRollout",
            "rolloutWeights": {ids["a"]: 60_000, ids["b"]: 40_000},
        },
        environmentKey="test",
    )

    clone = create(flags, clone=source.key, tags=["mine"])

    test = clone.environments["test"]
    assert (clone.version, test.version, test.on) == (1, 1, True)
    assert [(one.variation, one.values) for one in test.targets] == [(1, ["sandy"])]
    assert [one.weight for one in test.fallthrough.rollout.variations] == [60_000, 40_000]
    assert [one.value for one in clone.variations] == ["a", "b", "c"]
    assert (clone.temporary, clone.tags, clone.environments["production"].on) == (False, ["mine"], False)
    assert test.salt != flags.get_feature_flag(PROJECT, source.key).environments["test"].salt
    assert not {one.id for one in clone.variations} & set(ids.values())
    patch(flags, clone.key, {"kind": "turnFlagOff"}, environmentKey="test")
    assert flags.get_feature_flag(PROJECT, source.key).environments["test"].on is True


def test_a_clone_needs_a_source_and_a_key_of_its_own(flags):
    source = create(flags).key

    with pytest.raises(NotFoundException):
        create(flags, clone="nobody")
    with pytest.raises(ConflictException):
        create(flags, key=source, clone=source)


def test_the_last_instruction_may_delete_the_flag(flags):
    key = create(flags).key

    preview = patch(flags, key, {"kind": "updateName", "value": "Bye"}, {"kind": "deleteFlag"}, dry_run=True)
    assert preview.name == "Bye"
    assert flags.get_feature_flag(PROJECT, key).name == key
    with pytest.raises(BadRequestException):
        patch(flags, key, {"kind": "deleteFlag"}, {"kind": "turnFlagOff"}, environmentKey="test")
    with pytest.raises(BadRequestException):
        patch(flags, key, {"kind": "explode"}, {"kind": "deleteFlag"})

    patch(flags, key, {"kind": "deleteFlag"}, comment="not needed")

    with pytest.raises(NotFoundException):
        flags.get_feature_flag(PROJECT, key)


@pytest.mark.parametrize(
    "delete",
    [
        lambda flags, key: flags.delete_feature_flag(PROJECT, key),
        lambda flags, key: patch(flags, key, {"kind": "deleteFlag"}),
    ],
    ids=["request", "instruction"],
)
def test_a_flag_that_another_one_needs_cannot_be_deleted(flags, delete):
    needed = create(flags)
    prerequisite = ld.FlagPrerequisitePost(key=needed.key, variation_id=needed.variations[1].id)
    needing = create(flags, initial_prerequisites=[prerequisite])
    assert [(one.key, one.variation) for one in needing.environments["test"].prerequisites] == [(needed.key, 1)]

    with pytest.raises(ld.exceptions.ApiException) as refused:
        delete(flags, needed.key)

    assert refused.value.status == 400
    assert flags.get_feature_flag(PROJECT, needed.key).key == needed.key


def test_a_merge_patch_changes_what_it_names_and_a_dry_run_of_it_nothing(account, flags):
    key = create(flags, tags=["kept"]).key
    body = {"merge": {"description": "merged", "environments": {"test": {"on": True}}}, "comment": "why"}

    preview = account.request("PATCH", f"flags/{PROJECT}/{key}?dryRun=true", body).json()
    assert preview["description"] == "merged"
    assert flags.get_feature_flag(PROJECT, key).version == 1
    merged = account.request("PATCH", f"flags/{PROJECT}/{key}", body).json()

    assert (merged["description"], merged["tags"]) == ("merged", ["kept"])
    assert {name: one["on"] for name, one in merged["environments"].items()} == {"test": True, "production": False}
    (newest, *_) = rest_api(account, "AuditLogApi").get_audit_log_entries(spec=f"proj/*:env/*:flag/{key}").items
    assert newest.comment == "why"


def test_of_two_changes_that_were_planned_on_the_same_version_one_is_refused(flags):
    flag = create(flags)
    change = ld.PatchWithComment(
        patch=[
            ld.PatchOperation(op="test", path="/_version", value=flag.version),
            ld.PatchOperation(op="replace", path="/description", value="mine"),
        ]
    )

    flags.patch_feature_flag(PROJECT, flag.key, change)

    with pytest.raises(ConflictException) as refused:
        flags.patch_feature_flag(PROJECT, flag.key, change)
    assert refused.value.data.code == "optimistic_locking_error"
    assert flags.get_feature_flag(PROJECT, flag.key).version == flag.version + 1


def test_a_migration_flag_is_refused_and_not_made_something_else(flags):
    with pytest.raises(BadRequestException):
        create(flags, purpose="migration")
