"""npm's launchdarkly-node-client-sdk, unmodified, in a process of its own."""

import pytest
from support.flag_service import SEMANTIC_PATCH
from support.node import NodeSdk, require_node
from support.waiting import eventually

SANDY = {"kind": "user", "key": "sandy", "email": "sandy@example.com"}
FOR_BROWSERS = {"clientSideAvailability": {"usingEnvironmentId": True, "usingMobileKey": False}}


@pytest.fixture
def connect(shared_flag_service):
    require_node("launchdarkly-node-client-sdk")
    clients = []

    def connect(context=SANDY, *, service=shared_flag_service, **options):
        given = {"streaming": True, "evaluationReasons": True, "flushInterval": 2000, **options}
        client = NodeSdk(
            "client_sdk.mjs", url=service.url, clientSideId=service.client_side_id(), context=context, options=given
        )
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.__exit__()


def test_it_initialises_with_the_flags_that_are_available_to_it(connect, make_flag):
    visible, hidden = make_flag(**FOR_BROWSERS), make_flag()

    flags = connect().wait_for("ready")["flags"]

    assert flags[visible] is True
    assert hidden not in flags


def test_it_hears_of_a_kill_and_a_restore(connect, make_flag, shared_flag_service):
    flag = make_flag(**FOR_BROWSERS)
    client = connect()
    client.wait_for("ready")

    shared_flag_service.semantic_patch({"kind": "turnFlagOff"}, flag=flag)
    assert client.wait_for("change")["changes"] == {flag: {"previous": True, "current": False}}
    assert client.ask("detail", flag=flag) == {"value": False, "variationIndex": 1, "reason": {"kind": "OFF"}}
    shared_flag_service.semantic_patch({"kind": "turnFlagOn"}, flag=flag)

    assert client.wait_for("change")["changes"] == {flag: {"previous": False, "current": True}}
    assert client.ask("detail", flag=flag)["reason"] == {"kind": "FALLTHROUGH"}


def test_it_hears_of_a_change_in_a_prerequisite_and_in_a_segment(connect, make_flag, shared_flag_service):
    required, flag, segment = make_flag(), make_flag(**FOR_BROWSERS), make_flag()
    body = {"key": segment, "name": segment}
    assert shared_flag_service.request("POST", "segments/default/test", body).status == 201
    variations = shared_flag_service.request("GET", f"flags/default/{flag}").json()["variations"]
    of_required = shared_flag_service.request("GET", f"flags/default/{required}").json()["variations"]
    clause = {"attribute": "", "op": "segmentMatch", "values": [segment], "negate": False}
    shared_flag_service.semantic_patch(
        {"kind": "addPrerequisite", "key": required, "variationId": of_required[0]["_id"]},
        {"kind": "addRule", "clauses": [clause], "variationId": variations[1]["_id"]},
        flag=flag,
    )
    client = connect()
    assert client.wait_for("ready")["flags"][flag] is True

    change = {"instructions": [{"kind": "addIncludedUsers", "values": ["sandy"]}]}
    path = f"segments/default/test/{segment}"
    assert shared_flag_service.request("PATCH", path, change, content_type=SEMANTIC_PATCH).status == 200
    assert client.wait_for("change")["changes"][flag]["current"] is False
    assert client.ask("detail", flag=flag)["reason"]["kind"] == "RULE_MATCH"
    shared_flag_service.semantic_patch({"kind": "turnFlagOff"}, flag=required)

    eventually(
        lambda: (
            client.ask("detail", flag=flag)["reason"] == {"kind": "PREREQUISITE_FAILED", "prerequisiteKey": required}
        ),
        what="the failed prerequisite",
    )


def test_a_flag_that_is_made_available_appears_and_one_that_is_deleted_goes(connect, make_flag, shared_flag_service):
    flag = make_flag()
    client = connect()
    assert flag not in client.wait_for("ready")["flags"]

    shared_flag_service.semantic_patch(
        {"kind": "turnOnClientSideAvailability", "value": "usingEnvironmentId"}, environment=None, flag=flag
    )
    assert client.wait_for("change")["changes"] == {flag: {"current": True}}
    assert shared_flag_service.request("DELETE", f"flags/default/{flag}").status == 204

    assert client.wait_for("change")["changes"] == {flag: {"previous": True}}


@pytest.mark.parametrize("use_report", [False, True])
def test_it_identifies_another_context(connect, make_flag, shared_flag_service, use_report):
    flag = make_flag(**FOR_BROWSERS)
    variations = shared_flag_service.request("GET", f"flags/default/{flag}").json()["variations"]
    shared_flag_service.semantic_patch(
        {"kind": "addTargets", "contextKind": "org", "values": ["acme"], "variationId": variations[1]["_id"]}, flag=flag
    )
    client = connect(useReport=use_report)
    assert client.wait_for("ready")["flags"][flag] is True

    flags = client.ask("identify", context={"kind": "multi", "user": {"key": "sandy"}, "org": {"key": "acme"}})

    assert flags[flag] is False
    assert client.ask("detail", flag=flag)["reason"] == {"kind": "TARGET_MATCH"}


def test_a_context_in_secure_mode_needs_its_hash(connect, make_flag, flag_service):
    require_node("@launchdarkly/node-server-sdk")
    patch = [{"op": "replace", "path": "/secureMode", "value": True}]
    assert flag_service.request("PATCH", "projects/default/environments/test", patch).status == 200
    with NodeSdk("server_sdk.mjs", url=flag_service.url, sdkKey=flag_service.sdk_key(), options={}) as server:
        server.wait_for("ready")
        digest = server.ask("hash", context=SANDY)

    assert connect(service=flag_service).wait_for("failed")
    assert connect(service=flag_service, hash=digest).wait_for("ready")


def test_an_unknown_environment_is_told_so(shared_flag_service):
    require_node("launchdarkly-node-client-sdk")
    with NodeSdk(
        "client_sdk.mjs", url=shared_flag_service.url, clientSideId="0" * 24, context=SANDY, options={}
    ) as client:
        assert client.wait_for("failed")["message"].startswith("Environment not found")


def test_its_events_are_taken_and_used(connect, make_flag, shared_flag_service):
    flag = make_flag(**FOR_BROWSERS)
    client = connect({"kind": "user", "key": f"reader-of-{flag}"})
    client.wait_for("ready")

    for _ in range(3):
        client.ask("detail", flag=flag, fallback=False)
    client.ask("flush")

    status = f"flag-statuses/default/test/{flag}"
    eventually(lambda: shared_flag_service.request("GET", status).json()["name"] == "active", what="the flag is active")
    usage = shared_flag_service.request("GET", f"usage/evaluations/default/test/{flag}").json()
    assert [one["value"] for one in usage["metadata"]] == [True]
    # The driver reads all flags once when it is ready, and the SDK counts that too.
    assert sum(of_time["0"] for of_time in usage["series"]) == 3 + 1
    seen = shared_flag_service.request(
        "GET", f"projects/default/environments/test/contexts/user/reader-of-{flag}"
    ).json()
    assert seen["items"][0]["context"]["key"] == f"reader-of-{flag}"
