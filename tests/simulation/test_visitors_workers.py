"""Visitors in several processes: the same figures, and what happens when one goes away."""

import os
import signal
import subprocess
import sys

import psutil
import pytest
from support.counting_server import CountingServer
from support.visitors import PATIENCE_S, Visitors
from support.waiting import eventually

pytestmark = pytest.mark.acceptance

BRISK = ("--seed", "7", "--think", "0.01,0.03")


@pytest.fixture
def server():
    with CountingServer() as server:
        yield server


def is_over(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def pids_of(visitors):
    return [process["pid"] for process in visitors.said("ready")["processes"]]


def test_two_workers_count_as_the_server_does_and_leave_with_their_master(server):
    with Visitors("--url", server.url, *BRISK, "--workers", "2") as visitors:
        pids = pids_of(visitors)
        server.hold.clear()
        visitors.do("visitors", visitors=20)
        eventually(lambda: server.under_way == 20)
        server.stretch = 1
        visitors.do("stretch", stretch=1)
        server.hold.set()
        eventually(lambda: server.asked[1] > 100)
        eventually(lambda: visitors.events[-1].get("visitors") == 20)
        visitors.do("visitors", visitors=6, over_s=0.3)
        counted = visitors.stop()

    assert len(set(pids)) == 2
    assert counted.of_phases(0).requests == server.asked[0] == 20
    assert counted.of_phases(1).requests == server.asked[1]
    assert counted.of_phases(0, 1).sent_bytes == server.sent_bytes
    assert server.devices == {f"load-00000007-{number:08d}" for number in range(20)}
    assert all(is_over(pid) for pid in pids)


def test_a_worker_that_is_killed_is_said_and_the_rest_go_on_with_as_many(server):
    with Visitors("--url", server.url, *BRISK, "--workers", "2") as visitors:
        first, second = pids_of(visitors)
        visitors.do("visitors", visitors=10)
        visitors.said("tally", visitors=10)
        eventually(lambda: visitors.events[-1]["generator"][1]["visitors"] == 5)

        os.kill(first, signal.SIGKILL)
        lost = visitors.said("lost")

        assert (lost["pid"], lost["visitors"], lost["workers"]) == (first, 5, 1)
        eventually(
            lambda: [process["visitors"] for process in visitors.events[-1].get("generator", [])] == [10],
            what="all visitors with the other worker",
        )
        visitors.do("stretch", stretch=1)

        visitors.process.kill()
        eventually(lambda: is_over(second), what="the end of the other worker")


def test_nothing_is_left_when_the_parent_is_killed(server):
    program = (
        "import subprocess, sys\n"
        "p = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)\n"
        "print(p.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-P", "-m", "opsctl.simulation.visitors", "--url", server.url]
    parent = subprocess.Popen(
        [sys.executable, "-c", program, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        pid = int(parent.stdout.readline())
        assert '"ready"' in parent.stdout.readline()

        parent.kill()

        eventually(lambda: is_over(pid), what="the end of the visitors")
    finally:
        parent.kill()
        parent.communicate()


def test_another_machine_joins_by_address_and_its_clock_is_learnt(server):
    with Visitors("--url", server.url, *BRISK, "--master", "0", "--expect", "1") as visitors:
        address = visitors.said("waiting", expected=1)["address"]
        with Visitors("--join", address) as other:
            (process,) = visitors.said("ready")["processes"]
            assert process["pid"] == other.process.pid
            assert 0 < process["clock_within_ms"] < 1000
            assert other.said("joined")["url"] == server.url

            with Visitors("--join", address) as late:
                refused = late.said("error")
                assert late.process.wait(PATIENCE_S) == 1

            visitors.do("visitors", visitors=5)
            eventually(lambda: server.total > 50)
            counted = visitors.stop()
            other.said("stopped")
            assert other.process.wait(PATIENCE_S) == 0

    assert refused["message"] == "the run has begun: nobody can join it any more"
    assert counted.of_phases(0).requests == server.total
    assert {slot.second for slot in counted.slots} <= set(range(int(visitors.events[-1]["at_s"]) + 1))


def test_a_port_that_is_taken_is_said(server):
    with Visitors("--url", server.url, "--master", str(server.port), "--expect", "1") as visitors:
        assert visitors.said("error")["message"] == f"cannot listen at 127.0.0.1:{server.port}"
        assert visitors.process.wait(PATIENCE_S) == 1
