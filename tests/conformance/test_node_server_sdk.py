"""npm's @launchdarkly/node-server-sdk, unmodified, in a process of its own."""

import pytest
from support.node import NodeSdk, require_node
from support.waiting import eventually

SANDY = {"kind": "user", "key": "sandy"}


@pytest.fixture
def connect():
    require_node("@launchdarkly/node-server-sdk")
    clients = []

    def connect(service, **options):
        clients.append(NodeSdk("server_sdk.mjs", url=service.url, sdkKey=service.sdk_key(), options=options))
        return clients[-1]

    yield connect
    for client in clients:
        client.__exit__()


def test_it_initialises_and_hears_of_a_kill(connect, flag_service):
    client = connect(flag_service)
    client.wait_for("ready")
    detail = client.ask("detail", flag=flag_service.flag, context=SANDY)
    assert detail == {"value": True, "variationIndex": 0, "reason": {"kind": "FALLTHROUGH"}}

    flag_service.turn(on=False)

    # The SDK may tell of its first data as an update, too: it is not the first one that counts.
    eventually(
        lambda: (
            client.wait_for("update")["key"] == flag_service.flag
            and client.ask("detail", flag=flag_service.flag, context=SANDY)["reason"] == {"kind": "OFF"}
        ),
        what="an update with the kill in it",
    )


def test_it_polls_too(connect, shared_flag_service):
    client = connect(shared_flag_service, stream=False)

    client.wait_for("ready")

    assert shared_flag_service.flag in client.ask("all", context=SANDY)


def test_it_keeps_its_values_over_a_restart_and_hears_of_changes_made_after_it(connect, flag_service):
    client = connect(flag_service)
    client.wait_for("ready")
    client.ask("detail", flag=flag_service.flag, context=SANDY)

    flag_service.kill_hard()
    assert client.ask("detail", flag=flag_service.flag, context=SANDY)["value"] is True
    flag_service.restart()
    flag_service.turn(on=False)

    eventually(
        lambda: client.ask("detail", flag=flag_service.flag, context=SANDY)["value"] is False, what="the kill arrives"
    )


def test_its_events_are_taken_and_used(connect, make_flag, shared_flag_service):
    flag = make_flag()
    client = connect(shared_flag_service)
    client.wait_for("ready")

    for number in range(4):
        client.ask("detail", flag=flag, context={"kind": "org", "key": f"org-{number}-of-{flag}"}, fallback=False)
    client.ask("track", key="clicked", context=SANDY, data={"a": 1}, metric=2.5)
    client.ask("flush")

    path = f"usage/evaluations/default/test/{flag}"
    series = eventually(lambda: shared_flag_service.request("GET", path).json()["series"], what="the evaluations")
    assert sum(of_time["0"] for of_time in series) == 4
    found = shared_flag_service.request(
        "POST",
        "projects/default/environments/test/contexts/search",
        {"filter": f'kind equals "org",key contains "{flag}"'},
        role="reader",
    ).json()
    assert [one["context"]["key"] for one in found["items"]] == [f"org-{number}-of-{flag}" for number in range(4)]
