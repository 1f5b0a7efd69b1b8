"""`opsctl serve --workers`: one port, several processes, and the switch in every one of them."""

import os
import signal
from collections import Counter

import pytest
import urllib3
from support.processes import descendants, runs
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
        eventually(lambda: connected(stack) == 40, what="all browsers")
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


def test_a_worker_that_is_killed_comes_back_and_counts_and_so_do_its_browsers(stack):
    with browsers(stack.url, 12, reconnects=True) as opened:
        eventually(lambda: connected(stack) == 12, what="all browsers")
        lost = max(instances(stack).values(), key=lambda one: one["browsers"]["connected"])

        os.kill(lost["pid"], signal.SIGKILL)
        receipt = stack.opsctl("kill", "--yes", "--timeout", "30s", "--json").json
        degraded = [one.await_mode("degraded") for one in opened if one.gone.is_set()]
        eventually(lambda: connected(stack) == 12, what="all browsers again")
        restored = stack.opsctl("restore", "--yes", "--timeout", "30s", "--json").json
        told = [one.await_event("flag_update", lambda update: update["mode"] == "full") for one in opened]

        assert receipt["instances"]["confirmed"] == restored["instances"]["confirmed"] == WORKERS
        assert instances(stack)[lost["instance"]]["pid"] != lost["pid"]
        assert len(degraded) == lost["browsers"]["connected"]
        assert restored["browsers"]["confirmed"] == len(told) == 12
        assert_a_post_reaches(opened)


def test_without_the_bus_a_kill_reaches_every_worker(stack):
    """F30: the bus carries posts, and nothing of the switch."""
    with suspended(bus_pid(stack)):
        receipt = stack.opsctl("kill", "--yes", "--json").json
        page = urllib3.request("GET", stack.url, timeout=DEADLINE_S, retries=False)

    assert receipt["instances"]["confirmed"] == WORKERS
    assert page.status == 200


def test_while_the_bus_is_killed_the_switch_goes_on_and_posts_follow_when_it_is_back(stack):
    before = bus_pid(stack)
    with browsers(stack.url, 12) as opened:
        os.kill(before, signal.SIGKILL)
        killed = stack.opsctl("kill", "--yes", "--json").json

        assert (killed["instances"]["confirmed"], killed["browsers"]["confirmed"]) == (WORKERS, 12)
        assert_a_post_reaches(opened)

    assert bus_pid(stack) not in {None, before}


def test_what_is_posted_at_one_worker_arrives_at_every_browser(stack):
    with browsers(stack.url, 12) as opened:
        assert_a_post_reaches(opened)


def test_nothing_is_left_running_when_serve_is_killed_and_it_can_be_started_again(tmp_path):
    with Stack(tmp_path / "data", "--workers", "2") as stack:
        started = descendants(stack.process.pid)
        kinds = ("flagservice", "avatarservice", "valkey", "webapp.worker")
        assert [sum(kind in line for line in started.values()) for kind in kinds] == [1, 1, 1, 2]

        stack.process.kill()

        eventually(lambda: not any(map(runs, started)), what="the end of all of them")
    with Stack(tmp_path / "data", "--workers", "2") as again:
        assert {one["mode"] for one in instances(again).values()} == {"full"}


def assert_a_post_reaches(opened):
    """What the first of these browsers posts arrives at each of them."""
    answer = opened[0].client.call("post", {"text": "Hello, all of you"}, timeout=DEADLINE_S)
    posts = [one.await_event("post", lambda post: post["id"] == answer["id"]) for one in opened]
    assert {post["text"] for post in posts} == {"Hello, all of you"}


def connected(stack):
    return sum(one["browsers"]["connected"] for one in instances(stack).values() if "browsers" in one)


def bus_pid(stack):
    return next((pid for pid, line in descendants(stack.process.pid).items() if "valkey" in line), None)
