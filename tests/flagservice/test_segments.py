"""Segments: through LaunchDarkly's REST client, as the real SDK evaluates them, and as the database keeps them."""

import itertools
import json
import sqlite3

import launchdarkly_api as ld
import pytest
from launchdarkly_api.exceptions import BadRequestException, ConflictException, ForbiddenException, NotFoundException
from ldclient import Context, LDClient
from ldclient.config import Config
from support.flag_service import SEMANTIC_PATCH
from support.waiting import eventually

pytestmark = pytest.mark.acceptance
NUMBERS = itertools.count(1)
MEMBER = {"attribute": "email", "op": "endsWith", "values": ["@example.com"], "negate": False}


@pytest.fixture
def segments(rest):
    return rest("SegmentsApi")


@pytest.fixture
def key(segments):
    return segments.post_segment("default", "test", ld.SegmentBody(key=f"segment-{next(NUMBERS)}", name="A")).key


@pytest.fixture
def change(shared_flag_service):
    """Send a semantic patch to a segment, and return the answer."""

    def change(key, *instructions, **more):
        body = {"environmentKey": "test", "instructions": list(instructions), **more}
        path = f"segments/default/test/{key}"
        return shared_flag_service.request("PATCH", path, body, content_type=SEMANTIC_PATCH)

    return change


def operations(*items, comment=None):
    return ld.PatchWithComment(patch=[ld.PatchOperation(**item) for item in items], comment=comment)


def test_a_segment_is_created_read_listed_and_deleted(segments):
    body = ld.SegmentBody(key=f"segment-{next(NUMBERS)}", name="Beta", description="d", tags=["a"])

    created = segments.post_segment("default", "test", body)

    assert (created.name, created.description, created.tags, created.version) == ("Beta", "d", ["a"], 1)
    assert (created.included, created.rules, created.deleted, created.unbounded) == ([], [], False, False)
    assert segments.get_segment("default", "test", body.key).flags == []
    listed = segments.get_segments("default", "test", filter=f'query equals "{body.key}",tags anyOf ["a", "b"]')
    assert [one.key for one in listed.items] == [body.key]
    assert body.key not in {one.key for one in segments.get_segments("default", "production", limit=1000).items}
    segments.delete_segment("default", "test", body.key)
    with pytest.raises(NotFoundException):
        segments.get_segment("default", "test", body.key)


def test_lists_are_sorted_paged_and_filtered(segments, key):
    names = [f"{key}-{letter}" for letter in "cab"]
    for name in names:
        segments.post_segment("default", "test", ld.SegmentBody(key=name, name=name, tags=[key]))

    page = segments.get_segments("default", "test", filter=f'tags anyOf ["{key}"]', sort="-name", limit=2, offset=1)

    assert [one.key for one in page.items] == [f"{key}-b", f"{key}-a"]
    assert page.total_count == 3
    one = segments.get_segments("default", "test", filter=f'includedKeys anyOf ["{key}-a"],excludedKeys anyOf ["x"]')
    assert [one.key for one in one.items] == [f"{key}-a"]
    with pytest.raises(BadRequestException):
        segments.get_segments("default", "test", filter="colour equals red")
    with pytest.raises(BadRequestException):
        segments.get_segments("default", "test", sort="colour")


def test_a_second_segment_under_a_key_is_a_conflict_but_not_in_another_environment(segments, key):
    with pytest.raises(ConflictException):
        segments.post_segment("default", "test", ld.SegmentBody(key=key, name="B"))

    assert segments.post_segment("default", "production", ld.SegmentBody(key=key, name="B")).version == 1


@pytest.mark.parametrize(
    ("environment", "body"),
    [
        ("test", {"key": "no spaces", "name": "n"}),
        ("test", {"key": "nameless"}),
        ("test", {"key": "big", "name": "n", "unbounded": True}),
    ],
)
def test_what_cannot_be_a_segment_is_refused(shared_flag_service, environment, body):
    answer = shared_flag_service.request("POST", f"segments/default/{environment}", body)

    assert (answer.status, answer.json()["code"]) == (400, "invalid_request")


def test_an_unknown_environment_is_a_404_and_a_reader_may_not_write(rest, segments, key):
    with pytest.raises(NotFoundException):
        segments.get_segments("default", "nowhere")
    with pytest.raises(ForbiddenException):
        rest("SegmentsApi", role="reader").delete_segment("default", "test", key)


def test_json_patches_change_a_segment_and_raise_its_version(segments, key):
    rule = {"clauses": [{**MEMBER, "contextKind": "user"}], "weight": 50_000}

    patched = segments.patch_segment(
        "default",
        "test",
        key,
        operations(
            {"op": "replace", "path": "/description", "value": "new"},
            {"op": "add", "path": "/included/-", "value": "sandy"},
            {"op": "add", "path": "/includedContexts/-", "value": {"contextKind": "org", "values": ["acme"]}},
            {"op": "add", "path": "/rules/0", "value": rule},
        ),
    )

    assert (patched.description, patched.included, patched.version) == ("new", ["sandy"], 2)
    assert patched.included_contexts[0].to_dict() == {"contextKind": "org", "values": ["acme"]}
    assert (patched.rules[0].weight, bool(patched.rules[0].id)) == (50_000, True)
    for path in ("/version", "/key", "/salt", "/creationDate"):
        with pytest.raises(BadRequestException):
            segments.patch_segment("default", "test", key, operations({"op": "replace", "path": path, "value": 9}))
    with pytest.raises(ConflictException):
        segments.patch_segment(
            "default",
            "test",
            key,
            operations({"op": "test", "path": "/version", "value": 1}, {"op": "remove", "path": "/rules/0"}),
        )


def test_a_merge_patch_and_a_dry_run(shared_flag_service, key):
    path = f"segments/default/test/{key}"

    preview = shared_flag_service.request("PATCH", f"{path}?dryRun=true", {"name": "Merged"}).json()
    assert (preview["name"], preview["version"]) == ("Merged", 2)
    assert shared_flag_service.request("GET", path).json()["version"] == 1
    merged = shared_flag_service.request("PATCH", path, {"merge": {"name": "Merged", "tags": ["t"]}}).json()

    assert (merged["name"], merged["tags"], merged["version"]) == ("Merged", ["t"], 2)
    assert shared_flag_service.request("PATCH", path, {"merge": {"version": 9}}).status == 400
    assert shared_flag_service.request("PATCH", path, {"instructions": []}).status == 400


def test_a_patch_that_changes_nothing_makes_no_version(change, key):
    assert change(key, {"kind": "updateName", "value": "A"}).json()["version"] == 1


def test_a_patch_that_cannot_be_carried_out_changes_nothing(change, key, shared_flag_service):
    answer = change(
        key, {"kind": "updateName", "value": "B"}, {"kind": "removeClauses", "ruleId": "unknown", "clauseIds": []}
    )

    assert answer.status == 400
    assert shared_flag_service.request("GET", f"segments/default/test/{key}").json()["name"] == "A"


def test_a_segment_in_use_cannot_be_deleted_and_names_its_flags(segments, key, shared_flag_service):
    flag = ld_flag(shared_flag_service, key)

    assert [one.key for one in segments.get_segment("default", "test", key).flags] == [flag]
    with pytest.raises(ConflictException):
        segments.delete_segment("default", "test", key)


def test_segments_stand_in_the_audit_log(rest, segments, key):
    segments.patch_segment(
        "default", "test", key, operations({"op": "replace", "path": "/name", "value": "B"}, comment="why")
    )

    entries = rest("AuditLogApi").get_audit_log_entries(spec=f"proj/default:env/test:segment/{key}").items

    assert [(one.kind, one.title_verb, one.comment) for one in entries] == [
        ("segment", "updated the segment", "why"),
        ("segment", "created the segment", ""),
    ]
    assert entries[0].accesses[0].action == "updateName"


def test_the_sdk_follows_a_segment_through_its_life(flag_service):
    def send(method, path, body=None):
        answer = flag_service.request(method, f"segments/default/test{path}", body)
        assert answer.status in {200, 201, 204}, answer.data
        return answer

    send("POST", "", {"key": "beta", "name": "Beta"})
    ld_flag(flag_service, "beta", key=flag_service.flag)
    sandy = Context.builder("sandy").set("email", "sandy@example.com").build()
    config = Config(
        flag_service.sdk_key(),
        base_uri=flag_service.url,
        stream_uri=flag_service.url,
        events_uri=flag_service.url,
        initial_reconnect_delay=0.1,
    )
    with LDClient(config, start_wait=10) as client:

        def is_member(expected, context=sandy):
            eventually(
                lambda: (
                    (client.variation_detail(flag_service.flag, context, None).reason["kind"] == "RULE_MATCH")
                    is expected
                ),
                what=f"membership is {expected}",
            )

        is_member(False)
        send("PATCH", "/beta", [{"op": "add", "path": "/included/-", "value": "sandy"}])
        is_member(True)
        send("PATCH", "/beta", {"included": [], "rules": [{"clauses": [MEMBER]}]})
        is_member(True)
        send("PATCH", "/beta", {"excluded": ["sandy"]})
        is_member(False)
        send("PATCH", "/beta", {"excluded": [], "excludedContexts": [{"contextKind": "org", "values": ["acme"]}]})
        is_member(True)
        is_member(False, Context.create_multi(sandy, Context.create("acme", "org")))
        flag_service.kill_hard()
        flag_service.restart()
        send("PATCH", "/beta", {"rules": []})
        is_member(False)


def test_a_deleted_segment_leaves_the_stream_and_one_made_again_has_a_higher_version(flag_service):
    path = "segments/default/test"
    flag_service.request("POST", path, {"key": "beta", "name": "Beta"})
    flag_service.request("PATCH", f"{path}/beta", {"name": "B"})
    assert flag_service.request("DELETE", f"{path}/beta").status == 204
    assert sdk_data(flag_service)["segments"] == {}
    flag_service.restart()

    again = flag_service.request("POST", path, {"key": "beta", "name": "Beta"}).json()

    assert again["version"] == 4
    assert sdk_data(flag_service)["segments"]["beta"]["version"] == 4


def test_the_database_refuses_a_version_that_does_not_go_up(flag_service):
    flag_service.request("POST", "segments/default/test", {"key": "beta", "name": "Beta"})
    flag_service.stop()

    with sqlite3.connect(flag_service.data_dir / "flags.db") as connection:
        with pytest.raises(sqlite3.IntegrityError, match="must go up"):
            connection.execute("UPDATE segments SET version = 1")
        with pytest.raises(sqlite3.IntegrityError, match="must stay"):
            connection.execute("DELETE FROM segments")


def ld_flag(service, segment, key=None):
    """Have a flag serve its second variation to the members of a segment, and return the flag's key."""
    key = key or f"flag-of-{segment}"
    if service.request("GET", f"flags/default/{key}").status == 404:
        body = {"key": key, "name": key, "isFlagOn": True}
        assert service.request("POST", "flags/default", body).status == 201
    clause = {"attribute": "", "op": "segmentMatch", "values": [segment], "negate": False}
    variations = service.request("GET", f"flags/default/{key}").json()["variations"]
    service.semantic_patch({"kind": "addRule", "clauses": [clause], "variationId": variations[1]["_id"]}, flag=key)
    return key


def sdk_data(service):
    return json.loads(service.fetch("GET", "/sdk/latest-all", headers={"Authorization": service.sdk_key()}).data)
