"""Generated flags: what SDKs serve that are connected to the service is what the evaluator serves over the same data.

What is compared with is made from the generated values themselves, offline, and never went through the service; only
the salts, which it makes, are taken from it.
"""

import itertools
import json

import pytest
from generated import a_world
from hypothesis import HealthCheck, given, settings
from ldclient import Context, LDClient
from ldclient.config import Config
from ldclient.feature_store import InMemoryFeatureStore
from ldclient.versioned_data_kind import FEATURES, SEGMENTS
from support.node import NodeSdk, require_node
from support.waiting import eventually

VARIATIONS = ["one", "two", "three"]
WORLDS = itertools.count(1)
MODEST = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def python_sdk(shared_flag_service):
    service = shared_flag_service
    config = Config(
        service.sdk_key(), base_uri=service.url, stream_uri=service.url, events_uri=service.url, send_events=False
    )
    with LDClient(config, start_wait=20) as client:
        yield client


def renamed(value, prefix, names):
    """Return the JSON with every key of a flag or segment replaced by one of this world's own."""
    if isinstance(value, dict):
        return {key: renamed(one, prefix, names) for key, one in value.items()}
    if isinstance(value, list):
        return [renamed(one, prefix, names) for one in value]
    return f"{prefix}-{value}" if isinstance(value, str) and value in names else value


def write(service, segments, configs):
    """Create everything through the REST API: segments by merge patches, flags by JSON patches."""

    def send(method, path, body):
        answer = service.request(method, path, body)
        assert answer.status in {200, 201}, answer.data

    for key, segment in segments.items():
        send("POST", "segments/default/test", {"key": key, "name": key})
        send("PATCH", f"segments/default/test/{key}", {"merge": segment})
    for key, config in configs.items():
        body = {
            "key": key,
            "name": key,
            "variations": [{"value": value} for value in VARIATIONS],
            "clientSideAvailability": {"usingEnvironmentId": True, "usingMobileKey": False},
        }
        send("POST", "flags/default", body)
        operations = [
            {"op": "replace", "path": f"/environments/test/{name}", "value": value} for name, value in config.items()
        ]
        send("PATCH", f"flags/default/{key}", operations)


def evaluated_offline(service, segments, configs, contexts):
    """Return value, index and kind of reason of each flag for each context, by the SDK's evaluator over plain data."""
    data = json.loads(service.fetch("GET", "/sdk/latest-all", headers={"Authorization": service.sdk_key()}).data)
    flags = {
        key: {
            "key": key,
            "version": 1,
            "salt": data["flags"][key]["salt"],
            "variations": VARIATIONS,
            **with_ids(config),
        }
        for key, config in configs.items()
    }
    groups = {
        key: {"key": key, "version": 1, "salt": data["segments"][key]["salt"], **segment}
        for key, segment in segments.items()
    }
    store = InMemoryFeatureStore()
    store.init({FEATURES: flags, SEGMENTS: groups})
    with LDClient(Config("offline", feature_store=store, use_ldd=True, send_events=False)) as client:
        return [[outcome(client, key, context) for context in contexts] for key in configs]


def with_ids(config):
    return {**config, "rules": [{"id": f"r{number}", **rule} for number, rule in enumerate(config["rules"])]}


def outcome(client, flag, context):
    detail = client.variation_detail(flag, Context.from_dict(context), None)
    return detail.value, detail.variation_index, without_ids(detail.reason)


def without_ids(reason):
    return {name: value for name, value in reason.items() if name != "ruleId" and value is not None}


@MODEST
@given(world=a_world())
def test_the_python_sdk_serves_what_the_evaluator_does_offline(shared_flag_service, python_sdk, world):
    segments, configs, contexts = own(world)
    write(shared_flag_service, segments, configs)
    expected = evaluated_offline(shared_flag_service, segments, configs, contexts)

    last = list(configs)[-1]
    eventually(
        lambda: [outcome(python_sdk, last, context) for context in contexts] == expected[-1], what="the data arrive"
    )

    assert [[outcome(python_sdk, key, context) for context in contexts] for key in configs] == expected


def test_node_sdks_serve_it_too(shared_flag_service):
    """Another evaluator, in another language, on both sides: its own, and the one that the service lends browsers."""
    require_node("@launchdarkly/node-server-sdk", "launchdarkly-node-client-sdk")
    segments, configs, contexts = {}, {}, []

    @settings(max_examples=8, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(world=a_world())
    def collect(world):
        found = own(world)
        segments.update(found[0])
        configs.update(found[1])
        contexts.extend(found[2])

    collect()
    write(shared_flag_service, segments, configs)
    expected = evaluated_offline(shared_flag_service, segments, configs, contexts)
    service = shared_flag_service

    with NodeSdk("server_sdk.mjs", url=service.url, sdkKey=service.sdk_key(), options={"sendEvents": False}) as server:
        server.wait_for("ready")
        details = server.ask("details", flags=list(configs), contexts=contexts)
    given_to_client = {"url": service.url, "clientSideId": service.client_side_id(), "context": contexts[0]}
    with NodeSdk("client_sdk.mjs", **given_to_client, options={"sendEvents": False}) as client:
        client.wait_for("ready")
        seen_by_clients = [client.ask("identify", context=context) for context in contexts]

    for key, of_flag, of_offline in zip(configs, details, expected, strict=True):
        for context, one, offline in zip(contexts, of_flag, of_offline, strict=True):
            assert as_outcome(one) == offline, (context, configs[key])
    for place, key in enumerate(configs):
        assert [flags[key] for flags in seen_by_clients] == [value for value, *_ in expected[place]]


def as_outcome(detail):
    return detail["value"], detail["variationIndex"], without_ids(detail["reason"])


def own(world):
    """Return the world with keys of its own, so that one service holds many."""
    segments, configs, contexts = world
    prefix = f"w{next(WORLDS)}"
    names = {*segments, *configs}
    return (
        {f"{prefix}-{key}": renamed(segment, prefix, names) for key, segment in segments.items()},
        {f"{prefix}-{key}": renamed(config, prefix, names) for key, config in configs.items()},
        contexts,
    )
