"""LaunchDarkly's own server-side SDK, unmodified, against the real process."""

import queue
from collections.abc import Iterator

import pytest
from ldclient import Context, LDClient
from ldclient.config import Config
from support.flag_service import FlagServiceProcess
from support.waiting import DEADLINE_S, eventually

pytestmark = pytest.mark.acceptance

SANDY = Context.builder("example-user-key").name("Sandy").build()


@pytest.fixture
def client(flag_service: FlagServiceProcess) -> Iterator[LDClient]:
    with LDClient(config(flag_service), start_wait=10) as client:
        yield client


def config(service: FlagServiceProcess, environment: str = "test", **more) -> Config:
    return Config(
        service.sdk_key(environment),
        base_uri=service.url,
        stream_uri=service.url,
        events_uri=service.url,
        initial_reconnect_delay=0.1,
        **more,
    )


def listen(client: LDClient, flag: str) -> queue.Queue:
    changes = queue.Queue()
    client.flag_tracker.add_flag_value_change_listener(flag, SANDY, changes.put)
    return changes


def test_the_sdk_initialises_and_the_seeded_kill_switch_is_on(flag_service, client):
    assert client.is_initialized()

    detail = client.variation_detail(flag_service.flag, SANDY, False)

    assert detail.value is True
    assert detail.reason == {"kind": "FALLTHROUGH"}


def test_a_listener_sees_the_kill_and_the_restore(flag_service, client):
    changes = listen(client, flag_service.flag)

    flag_service.turn(on=False)
    killed = changes.get(timeout=DEADLINE_S)
    flag_service.turn(on=True)
    restored = changes.get(timeout=DEADLINE_S)

    assert (killed.old_value, killed.new_value) == (True, False)
    assert (restored.old_value, restored.new_value) == (False, True)


def test_a_kill_in_one_environment_leaves_the_other_alone(flag_service, client):
    with LDClient(config(flag_service, "production"), start_wait=10) as production:
        changes = listen(client, flag_service.flag)
        flag_service.turn(on=False)
        changes.get(timeout=DEADLINE_S)

        assert client.variation(flag_service.flag, SANDY, True) is False
        assert production.variation(flag_service.flag, SANDY, False) is True


def test_an_sdk_keeps_its_value_over_a_crash_and_hears_of_changes_made_after_it(flag_service, client):
    changes = listen(client, flag_service.flag)

    flag_service.kill_hard()
    eventually(lambda: client.data_source_status_provider.status.state.name == "INTERRUPTED", what="the stream breaks")
    assert client.variation(flag_service.flag, SANDY, False) is True
    flag_service.restart()
    flag_service.turn(on=False)

    assert changes.get(timeout=DEADLINE_S).new_value is False


def test_a_deleted_flag_is_unknown_and_one_made_again_is_known(flag_service, client):
    changes = listen(client, flag_service.flag)

    assert flag_service.request("DELETE", f"flags/default/{flag_service.flag}").status == 204
    changes.get(timeout=DEADLINE_S)
    assert client.variation_detail(flag_service.flag, SANDY, False).reason["errorKind"] == "FLAG_NOT_FOUND"
    body = {"key": flag_service.flag, "name": "Again", "isFlagOn": True}
    assert flag_service.request("POST", "flags/default", body).status == 201

    assert changes.get(timeout=DEADLINE_S).new_value is True


def test_an_archived_flag_serves_the_fallback_value(flag_service, client):
    changes = listen(client, flag_service.flag)

    flag_service.semantic_patch({"kind": "archiveFlag"}, environment=None)
    changes.get(timeout=DEADLINE_S)

    assert client.variation_detail(flag_service.flag, SANDY, "fallback").value == "fallback"
    flag_service.semantic_patch({"kind": "restoreFlag"}, environment=None)
    assert changes.get(timeout=DEADLINE_S).new_value is True


def test_the_sdk_evaluates_targets_rules_and_rollouts_as_they_were_written(flag_service, client):
    enabled, disabled = (
        variation["_id"]
        for variation in flag_service.request("GET", f"flags/default/{flag_service.flag}").json()["variations"]
    )
    clause = {
        "contextKind": "user",
        "attribute": "email",
        "op": "endsWith",
        "values": ["@example.com"],
        "negate": False,
    }
    flag = flag_service.semantic_patch(
        {"kind": "addTargets", "values": ["targeted"], "variationId": disabled},
        {"kind": "addTargets", "contextKind": "device", "values": ["d-1"], "variationId": disabled},
        {"kind": "addRule", "clauses": [clause], "variationId": disabled},
        {"kind": "updateFallthroughVariationOrRollout", "rolloutWeights": {enabled: 60_000, disabled: 40_000}},
    )
    version = flag["environments"]["test"]["version"]
    eventually(
        lambda: client.all_flags_state(SANDY).to_json_dict()["$flagsState"][flag_service.flag]["version"] == version,
        what="the new version",
    )

    def reason(context: Context) -> str:
        return client.variation_detail(flag_service.flag, context, None).reason["kind"]

    assert reason(Context.create("targeted")) == "TARGET_MATCH"
    assert reason(Context.create("d-1", "device")) == "TARGET_MATCH"
    assert reason(Context.builder("u").set("email", "a@example.com").build()) == "RULE_MATCH"
    values = [client.variation(flag_service.flag, Context.create(f"user-{number}"), None) for number in range(1000)]
    assert 530 < sum(values) < 670


def test_polling_sdks_are_served_too(flag_service):
    with LDClient(config(flag_service, stream=False), start_wait=10) as client:
        assert client.is_initialized()
        assert client.variation(flag_service.flag, SANDY, False) is True


@pytest.mark.parametrize("compressed", [False, True])
def test_events_of_the_sdk_are_accepted_and_counted(flag_service, compressed):
    with LDClient(config(flag_service, enable_event_compression=compressed), start_wait=10) as client:
        client.track("clicked", SANDY)
        client.variation(flag_service.flag, SANDY, False)
        client.flush()
        eventually(lambda: events(flag_service).get("custom") == 1, what="the custom event")

    assert eventually(lambda: events(flag_service).get("summary"), what="the summary") >= 1


def events(service: FlagServiceProcess) -> dict[str, int]:
    status = service._http.request("GET", f"{service.url}/status").json()
    return status["environments"]["default/test"]["events"]
