"""`opsctl serve --redis-url`: machines that share one feed. Each is a data directory of its own here."""

from contextlib import ExitStack

import pytest
import urllib3
from support.flag_service import FlagServiceProcess
from support.remote_control import control_settings
from support.stack import Stack, clean_environ, run_opsctl
from support.valkey import Valkey
from support.waiting import DEADLINE_S, eventually
from support.worker_process import browsers, provider

PASSWORD = "correct-horse-battery"


@pytest.fixture(scope="module")
def bus(tmp_path_factory):
    with Valkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    service = FlagServiceProcess(tmp_path_factory.mktemp("flags") / "flag-service")
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def machines(tmp_path_factory, bus, flags):
    """Two `opsctl serve`, the second with two workers, that were given one bus as an argument."""
    environ = {**flags.environ(), **provider(flags), **control_settings(OPSCTL_POST_INTERVAL="0")}
    with ExitStack() as running:
        yield [
            running.enter_context(
                Stack(
                    tmp_path_factory.mktemp(f"machine-{number}") / "data",
                    "--redis-url",
                    bus.url,
                    "--workers",
                    str(number),
                    environ=environ,
                )
            )
            for number in (1, 2)
        ]


def test_a_post_on_one_machine_arrives_on_the_other(machines):
    here, there = machines
    with browsers(here.url, 1) as (sandy,), browsers(there.url, 4) as others:
        written = sandy.client.call("post", {"text": "Hello from the first machine"}, timeout=DEADLINE_S)

        arrived = [one.await_event("post", lambda post: post["id"] == written["id"]) for one in others]

    assert {post["text"] for post in arrived} == {"Hello from the first machine"}


def test_a_kill_with_the_bus_proves_both_machines(machines, bus):
    here, there = machines
    shared = {"OPSCTL_REDIS_URL": bus.url}
    here.opsctl("restore", "--yes", environ=shared)
    eventually(lambda: here.opsctl("status", "--json", environ=shared).json["agreement"]["instances"] == 3, what="all")

    with browsers(there.url, 2) as opened:
        killed = here.opsctl("kill", "--yes", "--json", environ=shared).json
        modes = {one.await_event("flag_update")["mode"] for one in opened}

    assert (killed["outcome"], killed["instances"]["confirmed"], killed["browsers"]["confirmed"]) == ("confirmed", 3, 2)
    assert modes == {"degraded"}


def test_flag_changes_reach_every_worker_of_both_machines_while_the_bus_hangs(machines, bus):
    """F30, with a bus that was named."""
    here, there = machines
    here.opsctl("restore", "--yes")
    bus.hang()
    try:
        killed = [one.opsctl("kill", "--yes", "--json").json["instances"] for one in (here, there)]
        pages = [urllib3.request("GET", one.url, timeout=DEADLINE_S, retries=False) for one in (here, there)]
    finally:
        bus.resume()

    assert [one["confirmed"] for one in killed] == [1, 2]
    assert [(page.status, b'data-mode="degraded"' in page.data) for page in pages] == [(200, True)] * 2


def test_serve_says_what_is_shared_and_its_commands_ask_that_bus(machines, bus):
    said = machines[0].said()

    assert f"shared       posts, through {bus.url}" in said
    assert f"OPSCTL_REDIS_URL={bus.url} opsctl kill show-avatars-and-reccs" in said
    assert machines[0].serving["bus"] == bus.url


def test_a_machine_whose_switch_nobody_else_follows_says_so(tmp_path, bus):
    with Stack(tmp_path / "data", "--redis-url", bus.url) as alone:
        assert "the switch is this machine's own: give all of them one LAUNCHDARKLY_SDK_KEY" in alone.said()


def test_a_password_as_an_argument_is_refused_and_not_repeated(tmp_path):
    environ = clean_environ(OPSCTL_DATA_DIR=str(tmp_path / "data"))
    shown = f"rediss://feed:{PASSWORD}@cache.example:6380/0"

    refused = run_opsctl("serve", "--redis-url", shown, environ=environ, cwd=tmp_path, expect=2)

    assert refused.err.splitlines() == [
        "error: --redis-url: there is a password in it, and everyone on this machine can read arguments",
        "fix:   set OPSCTL_REDIS_URL in the environment or in .env, and change the password",
    ]
    assert PASSWORD not in refused.out + refused.err
    assert not (tmp_path / "data").exists()


def test_the_same_url_from_the_environment_is_taken_and_its_password_shown_nowhere(tmp_path):
    environ = clean_environ(
        OPSCTL_DATA_DIR=str(tmp_path / "data"), OPSCTL_REDIS_URL=f"redis://feed:{PASSWORD}@127.0.0.1:9/0"
    )

    shown = run_opsctl("config", "show", environ=environ, cwd=tmp_path)

    assert "redis://feed:****@127.0.0.1:9/0" in shown.out
    assert PASSWORD not in shown.out + shown.err
