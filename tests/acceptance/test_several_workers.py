"""`opsctl serve --workers`: one port, several processes, and the switch in every one of them."""

import os
import signal
from collections import Counter
from pathlib import Path

import pytest
import urllib3
from support.stack import Stack
from support.suspending import suspended
from support.waiting import DEADLINE_S, eventually
from support.worker_process import browsers

pytestmark = pytest.mark.acceptance

WORKERS = 4


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with Stack(tmp_path_factory.mktemp("workers") / "data", "--workers", str(WORKERS)) as running:
        yield running


@pytest.fixture(autouse=True)
def restored(stack):
    stack.opsctl("restore", "--yes", "--timeout", "30s")


def instances(stack):
    return {one["instance"]: one for one in stack.opsctl("status", "--json").json["instances"]}


def test_a_kill_and_a_restore_are_confirmed_by_every_worker_and_its_browsers(stack):
    with browsers(stack.url, 12) as opened:
        killed = stack.opsctl("kill", "--yes", "--json").json
        degraded = [one.await_event("flag_update") for one in opened]
        restored = stack.opsctl("restore", "--yes", "--json").json

    assert killed["instances"]["confirmed"] == restored["instances"]["confirmed"] == WORKERS
    assert killed["browsers"]["confirmed"] == restored["browsers"]["confirmed"] == 12
    assert {update["mode"] for update in degraded} == {"degraded"}


def test_connections_are_dealt_out_to_all_workers(stack):
    with browsers(stack.url, 40):
        eventually(
            lambda: sum(one["browsers"]["connected"] for one in instances(stack).values()) == 40, what="all browsers"
        )
        counts = Counter({name: one["browsers"]["connected"] for name, one in instances(stack).items()})

    assert all(counts[f"worker-{number}"] > 0 for number in range(WORKERS))


def test_a_worker_that_is_suspended_is_named_and_degrades_before_it_answers_again(stack):
    """F32."""
    pid = instances(stack)["worker-2"]["pid"]
    http = urllib3.PoolManager(retries=False, timeout=DEADLINE_S, maxsize=64)
    with suspended(pid):
        receipt = stack.opsctl("kill", "--yes", "--timeout", "4s", "--json", expect=3).json
        waiting = []
        for _ in range(40):
            connection = http.connection_from_url(stack.url)._new_conn()
            connection.connect()
            connection.request("GET", "/api/mode")
            waiting.append(connection)

    assert receipt["instances"] | {"last_ms": 0} == {"total": WORKERS, "confirmed": WORKERS - 1, "last_ms": 0}
    assert any("worker-2" in straggler for straggler in receipt["stragglers"])
    modes = Counter(connection.getresponse().json()["mode"] for connection in waiting)
    assert modes == {"degraded": 40}
    stack.opsctl("kill", "--yes")


def test_a_worker_that_is_killed_comes_back_and_counts(stack):
    pid = instances(stack)["worker-1"]["pid"]

    os.kill(pid, signal.SIGKILL)
    receipt = stack.opsctl("kill", "--yes", "--timeout", "30s", "--json").json

    assert receipt["instances"]["confirmed"] == WORKERS
    assert instances(stack)["worker-1"]["pid"] != pid


def test_without_the_bus_a_kill_reaches_every_worker(stack):
    """F30: the bus carries posts, and nothing of the switch."""
    with suspended(bus_pid(stack)):
        receipt = stack.opsctl("kill", "--yes", "--json").json
        page = urllib3.request("GET", stack.url, timeout=DEADLINE_S, retries=False)

    assert receipt["instances"]["confirmed"] == WORKERS
    assert page.status == 200


def test_what_is_posted_at_one_worker_arrives_at_every_browser(stack):
    with browsers(stack.url, 12) as opened:
        answer = opened[0].client.call("post", {"text": "Hello, all of you"}, timeout=DEADLINE_S)
        posts = [one.await_event("post", lambda post: post["id"] == answer["id"]) for one in opened]

    assert {post["text"] for post in posts} == {"Hello, all of you"}


def bus_pid(stack):
    children = Path(f"/proc/{stack.process.pid}/task/{stack.process.pid}/children").read_text().split()
    return next(int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text().startswith("valkey"))
