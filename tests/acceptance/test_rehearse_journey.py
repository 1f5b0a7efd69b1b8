"""`opsctl rehearse` for real: a game day on a running feed, and how it ends when it is interrupted at each step."""

import json
import os
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3
from support.stack import Stack
from support.waiting import DEADLINE_S, eventually

from opsctl.core.load.steps import ORDER, StepName

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(180)]

NOTED = {"latency_ms": 20.0}
SMALL = ("--target", "serve", "--yes", "--visitors", "4", "--sockets", "4", "--duration", "3s", "--seed", "5")
ENOUGH = ("--duration", "18s", "--visitors", "12")
"""So that visitors who think for up to three seconds ask for pages in every phase."""
PATIENCE_S = 90
PATIENT = ("kill.shown.p99<60s", "degraded.error_rate<=100%", "restored.error_rate<=100%")
"""What a machine that is busy with other tests meets as well."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    settings = {"OPSCTL_AVATAR_KEEP": "0s", "OPSCTL_POST_INTERVAL": "0s"}
    with Stack(tmp_path_factory.mktemp("rehearse") / "data", environ=settings) as running:
        urllib3.request("PUT", f"{knobs_of(running)}/knobs", json=NOTED)
        yield running


def knobs_of(stack):
    return json.loads((stack.data_dir / "avatar-service.json").read_text())["url"]


def is_as_noted(stack):
    knobs = urllib3.request("GET", f"{knobs_of(stack)}/knobs").json()
    return stack.opsctl("status", "--json").json["provider"]["on"] and knobs["latency_ms"] == NOTED["latency_ms"]


@contextmanager
def rehearsing(stack, *arguments):
    """Run it beside the test; yields the process and the JSON lines that it says."""
    command = [sys.executable, "-P", "-m", "opsctl", "rehearse", *SMALL, *arguments, "--json"]
    with subprocess.Popen(
        command, env=stack.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process, map(json.loads, process.stdout)
        finally:
            process.kill()


def wait_for(lines, what, **facts):
    eventually(lambda: facts.items() <= next(lines).items(), deadline_s=PATIENCE_S, what=what)


def workers_of(stack):
    return [one["pid"] for one in stack.opsctl("status", "--json").json["instances"]]


@contextmanager
def stopped(pids):
    """Keep processes from answering."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_game_day_passes_and_status_says_so(stack):
    patient = [f"--objective={one}" for one in PATIENT]
    ran = stack.opsctl("rehearse", *SMALL, *ENOUGH, *patient, "--json", timeout_s=150)

    result = json.loads(ran.out.splitlines()[-1])
    assert [step["step"] for step in result["steps"]] == list(ORDER)
    assert result["steps"][-1]["observed"][-1] == "everything is as it was noted"
    assert (result["passed"], result["is_left_as_found"]) == (True, True)
    assert {one["state"] for one in result["thresholds"]} == {"met"}
    place = Path(result["report"]).parent
    assert place.parent == stack.data_dir / "rehearsals"
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    rehearsed = stack.opsctl("status", "--json").json["rehearsed"]
    assert (rehearsed["last"]["passed"], rehearsed["last"]["report"]) == (True, result["report"])
    assert rehearsed["last"]["url"] == stack.url
    assert is_as_noted(stack)


@pytest.mark.parametrize("name", ORDER[:-1])
def test_interrupted_at_any_step_it_puts_back_what_it_noted_and_keeps_a_partial_report(stack, name):
    number = signal.SIGTERM if ORDER.index(name) % 2 else signal.SIGINT
    with rehearsing(stack) as (process, lines):
        wait_for(lines, f"the step {name}", event="step", step=name)
        process.send_signal(number)
        *_, result = lines
        assert process.wait(DEADLINE_S) == 130

    assert result["interrupted"].startswith("interrupted")
    assert (result["passed"], result["is_left_as_found"]) == (False, True)
    assert is_as_noted(stack)
    assert "Partial: interrupted" in Path(result["report"]).read_text()
    broken_off = stack.opsctl("status", "--json").json["rehearsed"]["broken_off"]
    assert broken_off["report"] == result["report"]


def test_interrupted_while_it_verifies_everything_is_put_back_already_and_only_what_was_seen_is_claimed(stack):
    workers = workers_of(stack)
    with rehearsing(stack, "--duration", "12s") as (process, lines):
        wait_for(lines, "the last phase", event="look", phase="restored")
        with stopped(workers):  # so that nothing can be verified
            wait_for(lines, "the last step", event="step", step=StepName.VERIFY)
            process.send_signal(signal.SIGINT)
        *_, result = lines
        code = process.wait(DEADLINE_S)

    said = (result["interrupted"], result["steps"][-1]["observed"][-1])
    if code == 130 and result["interrupted"]:
        assert said == ("interrupted before it was verified", "cut short")
    else:  # on a machine that was too slow to stop the workers in time
        assert said == (None, "everything is as it was noted")
    assert result["is_left_as_found"]
    assert is_as_noted(stack)


def test_after_a_kill_9_the_switch_is_off_a_restore_puts_it_right_and_until_then_nothing_is_rehearsed(stack):
    with rehearsing(stack) as (process, lines):
        wait_for(lines, "the kill", event="step", step="measure")
        process.kill()

    refused = stack.opsctl("rehearse", *SMALL, expect=1)
    assert "is off already" in refused.err
    assert "opsctl rehearse" in refused.err, "who turned it off: a rehearsal"
    assert not stack.opsctl("status", "--json").json["provider"]["on"]
    stack.opsctl("restore", "--yes")
    urllib3.request("PUT", f"{knobs_of(stack)}/knobs", json=NOTED)
    assert is_as_noted(stack)
