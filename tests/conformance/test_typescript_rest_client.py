"""npm's launchdarkly-api-typescript, unmodified, in a process of its own."""

import pytest
from support.flag_service import SEMANTIC_PATCH
from support.node import NodeSdk, require_node

SEMANTIC = {"headers": {"Content-Type": SEMANTIC_PATCH}}


@pytest.fixture(scope="module")
def connect(account):
    require_node("launchdarkly-api-typescript")
    clients = []

    def connect(role="writer"):
        client = NodeSdk("rest_client.mjs", url=account.url, token=account.token(role))
        clients.append(client)
        client.wait_for("ready")

        def call(api, method, *args):
            return client.ask("call", api=api, method=method, args=list(args))

        return call

    yield connect
    for client in clients:
        client.__exit__()


@pytest.fixture(scope="module")
def call(connect):
    return connect()


@pytest.fixture(scope="module")
def call_as_admin(connect):
    return connect("admin")


def replace(path, value):
    return {"op": "replace", "path": path, "value": value}


def test_a_flag_lives_from_its_creation_to_its_deletion(call):
    made = call("FeatureFlagsApi", "postFeatureFlag", "default", {"key": "ts", "name": "TS", "tags": ["ts"]})
    on = {"environmentKey": "test", "instructions": [{"kind": "turnFlagOn"}], "comment": "from Node"}
    patched = call("FeatureFlagsApi", "patchFeatureFlag", "default", "ts", on, None, SEMANTIC)
    by_json_patch = call(
        "FeatureFlagsApi", "patchFeatureFlag", "default", "ts", {"patch": [replace("/environments/test/on", False)]}
    )
    listed = call("FeatureFlagsApi", "getFeatureFlags", "default", "test", "ts", 5, 0, None, True)
    clone = call("FeatureFlagsApi", "postFeatureFlag", "default", {"key": "ts2", "name": "TS 2"}, "ts")
    gone = [call("FeatureFlagsApi", "deleteFeatureFlag", "default", key) for key in ("ts", "ts2")]
    missing = call("FeatureFlagsApi", "getFeatureFlag", "default", "ts")

    assert (made["status"], made["data"]["environments"]["test"]["on"]) == (201, False)
    test = patched["data"]["environments"]["test"]
    assert (test["on"], test["version"]) == (True, 2)
    assert by_json_patch["data"]["environments"]["test"]["on"] is False
    assert [one["key"] for one in listed["data"]["items"]] == ["ts"]
    assert (clone["status"], clone["data"]["tags"]) == (201, ["ts"])
    assert [one["status"] for one in gone] == [204, 204]
    assert (missing["status"], missing["data"]["code"]) == (404, "not_found")


def test_projects_and_environments(call):
    made = call("ProjectsApi", "postProject", {"key": "node", "name": "Node"})
    found = call("ProjectsApi", "getProjects", 20, 0, "query:node", "-name", "environments")
    stage = call("EnvironmentsApi", "postEnvironment", "node", {"key": "stage", "name": "Stage", "color": "112233"})
    changed = call("EnvironmentsApi", "patchEnvironment", "node", "stage", [replace("/critical", True)])
    rotated = call("EnvironmentsApi", "resetEnvironmentSDKKey", "node", "stage")
    phones = call("EnvironmentsApi", "resetEnvironmentMobileKey", "node", "stage")
    critical = call("EnvironmentsApi", "getEnvironmentsByProject", "node", 20, 0, "critical:true")
    renamed = call("ProjectsApi", "patchProject", "node", [replace("/name", "Renamed")])
    gone = [
        call("EnvironmentsApi", "deleteEnvironment", "node", "stage"),
        call("ProjectsApi", "deleteProject", "node"),
    ]

    assert (made["status"], len(made["data"]["environments"])) == (201, 2)
    (project,) = found["data"]["items"]
    assert (project["key"], project["environments"]["totalCount"]) == ("node", 2)
    assert (stage["status"], changed["data"]["critical"]) == (201, True)
    assert rotated["data"]["apiKey"] not in {stage["data"]["apiKey"], ""}
    assert phones["data"]["mobileKey"] not in {stage["data"]["mobileKey"], ""}
    assert [one["key"] for one in critical["data"]["items"]] == ["stage"]
    assert renamed["data"]["name"] == "Renamed"
    assert [one["status"] for one in gone] == [204, 204]


def test_access_tokens(call, call_as_admin):
    body = {"name": "from Node", "role": "reader", "serviceToken": True}
    made = call_as_admin("AccessTokensApi", "postToken", body)
    token_id = made["data"]["_id"]
    listed = call("AccessTokensApi", "getTokens")
    changed = call_as_admin("AccessTokensApi", "patchToken", token_id, [replace("/name", "renamed")])
    reset = call_as_admin("AccessTokensApi", "resetToken", token_id)
    refused = call("AccessTokensApi", "deleteToken", token_id)
    gone = call_as_admin("AccessTokensApi", "deleteToken", token_id)

    assert (made["status"], made["data"]["token"][:4]) == (201, "api-")
    (shown,) = [one for one in listed["data"]["items"] if one["_id"] == token_id]
    assert shown["token"] == made["data"]["token"][-4:]
    assert changed["data"]["name"] == "renamed"
    assert reset["data"]["token"] not in {made["data"]["token"], ""}
    assert (refused["status"], refused["data"]["code"]) == (403, "forbidden")
    assert gone["status"] == 204


def test_who_is_calling_and_the_audit_log(call):
    identity = call("OtherApi", "getCallerIdentity")
    me = call("AccountMembersApi", "getMember", "me")
    entries = call("AuditLogApi", "getAuditLogEntries", None, None, None, 5)

    assert (identity["data"]["tokenName"], me["data"]["role"]) == ("opsctl writer", "writer")
    assert entries["status"] == 200
    assert int(entries["headers"]["x-ratelimit-global-remaining"]) > 0
