"""`opsctl simulate` for real: Locust's visitors, browsers of the fleet, a running feed, and the counters it kept."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import urllib3
from support.stack import Stack
from support.waiting import DEADLINE_S, eventually

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(180)]

LATENCY = {"latency_ms": 50.0}
SMALL = ("--target", "serve", "--yes", "--visitors", "20", "--sockets", "40", "--seed", "5")
CLOSE_ENOUGH = 0.02
PATIENCE_S = 150


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    settings = {"OPSCTL_AVATAR_KEEP": "0s", "OPSCTL_POST_INTERVAL": "0s"}
    with Stack(tmp_path_factory.mktemp("simulate") / "data", environ=settings) as running:
        yield running


def counted(stack, name):
    """Return a counter of the feed."""
    text = urllib3.request("GET", f"{stack.url}/metrics").data.decode()
    return sum(float(value) for value in re.findall(rf"^{re.escape(name)} ([0-9.e+]+)$", text, re.MULTILINE))


def pages(stack):
    return counted(stack, 'feed_requests_total{route="/",status="200"}')


def children_of(pid):
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for one in lists for child in one.read_text().split()]


def command_line(pid):
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def is_told_to_end(pid):
    """Whether a process that is stopped for now has a SIGTERM to come."""
    pending = re.search(r"^ShdPnd:\s*([0-9a-f]+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return bool(int(pending[1], 16) >> (signal.SIGTERM - 1) & 1)


def test_what_it_says_is_what_the_servers_counted(stack, tmp_path):
    pages_before, calls_before = pages(stack), counted(stack, "feed_avatar_calls_total")
    acks_before = counted(stack, "feed_acks_total")

    ran = stack.opsctl(
        "simulate", "compare", *SMALL, "--duration", "9s", "--json", "--report", str(tmp_path / "out"),
        "--threshold", "degraded.avatar_calls==0", "--threshold", "degraded.p95<0.001ms",
        expect=9, timeout_s=PATIENCE_S,
    )  # fmt: skip

    result = json.loads(ran.out.splitlines()[-1])
    seconds = list(csv.DictReader((tmp_path / "out" / "seconds.csv").open()))
    asked = sum(int(second["pages"]) for second in seconds)
    assert asked == pages(stack) - pages_before, "every page that a visitor counted, and no other"
    full, degraded, restored = result["phases"]
    for phase in (full, degraded, restored):
        assert {mode for mode, count in phase["shown"].items() if count} == {phase["mode"]}
        assert phase["figures"]["failed"] == 0
        apart = abs(phase["ended"] - phase["answered"])
        assert apart <= CLOSE_ENOUGH * phase["answered"] + phase["ended_within"] + 3
        assert 0 < phase["busiest_worker"] <= phase["figures"]["cpu"] + 0.01, "there is one worker"
    assert degraded["figures"]["avatar_calls"] == 0
    for phase in (full, restored):
        assert phase["figures"]["avatar_calls"] == pytest.approx(phase["avatar_served"], rel=CLOSE_ENOUGH, abs=3)
    by_second = sum(int(second["avatar_calls"] or 0) for second in seconds)
    calls = counted(stack, "feed_avatar_calls_total") - calls_before
    assert by_second == pytest.approx(calls, rel=CLOSE_ENOUGH, abs=25), "but for those of the last half second"
    kill, restore = result["flips"]
    assert (kill["shown"]["browsers"], restore["shown"]["browsers"]) == (40, 40)
    assert counted(stack, "feed_acks_total") - acks_before >= 2 * 40, "each browser, of each flip"
    assert [one["state"] for one in result["thresholds"]] == ["met", "not met"]
    assert stack.opsctl("status", "--json").json["provider"]["on"]


def test_ctrl_c_in_the_middle_puts_back_the_switch_and_the_avatar_api(stack):
    api = json.loads((stack.data_dir / "avatar-service.json").read_text())["url"]
    urllib3.request("PUT", f"{api}/knobs", json=LATENCY)
    command = [sys.executable, "-P", "-m", "opsctl", "simulate", "compare", *SMALL, "--duration", "60s", "--json"]
    with subprocess.Popen(
        command, env=stack.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        lines = iter(process.stdout)
        eventually(lambda: json.loads(next(lines)).get("phase") == "full", deadline_s=60, what="the first phase")
        assert urllib3.request("GET", f"{api}/knobs").json()["latency_ms"] == 200
        eventually(lambda: json.loads(next(lines)).get("phase") == "degraded", deadline_s=60, what="the kill")
        process.send_signal(signal.SIGINT)
        result = json.loads(list(lines)[-1])
        assert process.wait(DEADLINE_S) == 130

    assert result["interrupted"] == "interrupted"
    assert [phase["is_cut_short"] for phase in result["phases"]] == [False, True]
    assert result["is_left_as_found"]
    assert stack.opsctl("status", "--json").json["provider"]["on"]
    assert urllib3.request("GET", f"{api}/knobs").json()["latency_ms"] == LATENCY["latency_ms"]


def test_ctrl_c_while_the_stack_of_a_whole_run_ends_loses_no_report(stack, tmp_path):
    small = ("--visitors", "5", "--sockets", "5", "--duration", "9s", "--timeout", "60s", "--json")
    command = [sys.executable, "-P", "-m", "opsctl", "simulate", "compare", *small, "--report", str(tmp_path / "out")]
    with subprocess.Popen(
        command, env=stack.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        lines = iter(process.stdout)
        eventually(lambda: json.loads(next(lines)).get("phase") == "restored", deadline_s=120, what="the last phase")
        (serve,) = [pid for pid in children_of(process.pid) if "serve" in command_line(pid)]
        os.kill(serve, signal.SIGSTOP)
        try:
            eventually(lambda: is_told_to_end(serve), deadline_s=60, what="that it is told to end")
            process.send_signal(signal.SIGINT)
        finally:
            os.kill(serve, signal.SIGCONT)
        result = json.loads(list(lines)[-1])
        assert process.wait(DEADLINE_S) == 0

    assert (result["event"], result["interrupted"]) == ("result", None)
    assert (tmp_path / "out" / "report.html").exists()
    eventually(lambda: not Path(f"/proc/{serve}").exists(), what="the end of the stack")


def test_a_kill_9_in_the_middle_leaves_no_process_of_the_load(stack):
    command = [sys.executable, "-P", "-m", "opsctl", "simulate", "compare", *SMALL, "--duration", "60s", "--json"]
    with subprocess.Popen(
        command, env=stack.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        lines = iter(process.stdout)
        eventually(lambda: json.loads(next(lines)).get("phase") == "full", deadline_s=60, what="the first phase")
        children = children_of(process.pid)
        assert len(children) == 2, "visitors and browsers"
        process.kill()

    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), what="their end")
    eventually(lambda: counted(stack, "feed_sockets") == 0, what="that nobody is connected")


def test_two_processes_make_the_visitors_of_one_run(stack):
    ran = stack.opsctl(
        "simulate", "compare", *SMALL, "--duration", "6s", "--workers", "2", "--json", timeout_s=PATIENCE_S
    )

    result = json.loads(ran.out.splitlines()[-1])
    assert result["generator"]["processes"] == 2
    assert result["phases"][1]["visitors"] == 20
    assert result["phases"][1]["figures"]["pages"] > 5
