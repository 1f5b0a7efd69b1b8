"""Kills that end by themselves: `opsctl serve`, a flag service of the test's own, and commands in real processes."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import urllib3
from support.date_proxy import dated
from support.provider import SCHEDULE, Provider
from support.stack import FLAG
from support.visiting import visited
from support.waiting import DEADLINE_S, eventually

from opsctl.adapters.instance_sockets import ControlSockets
from opsctl.adapters.instances import FoundInstances
from opsctl.core.instances import Hold
from opsctl.core.modes import Mode
from opsctl.core.scheduling import mark_of

IMPOSSIBLE = ("--max-p99", "0ms")


def mode_of(stack):
    return urllib3.request("GET", f"{stack.url}/api/mode").json()["mode"]


def becomes(stack, mode):
    return eventually(lambda: mode_of(stack) == mode, what=f"the feed in {mode} mode")


@pytest.fixture
def provider(tmp_path):
    made = Provider(tmp_path)
    yield made
    made.close()


def test_a_kill_for_a_while_ends_by_itself_and_everyone_follows(restored):
    killed = restored.opsctl("kill", "--for", "2s", "--yes", "--reason", "spike", "--incident", "INC-1", "--json").json

    assert killed["outcome"] == "confirmed"
    assert killed["until"]["guard"]["instances"] == ["worker-0"]
    becomes(restored, "full")
    change = restored.opsctl("status", "--json").json["last_change"]
    assert change["what"] == "turned on the flag"
    assert change["comment"] == f"spike (INC-1) {mark_of(killed['until']['at_ms'])}"


def test_it_ends_also_when_the_provider_was_down_at_that_time_and_this_machine_did_nothing(provider):
    provider.opsctl("kill", "--for", "2s", "--no-wait", "--yes")
    provider.service.stop()
    due_ms = time.time() * 1000 + 2500
    eventually(lambda: time.time() * 1000 > due_ms, what="the end of the kill")

    provider.service.start()

    eventually(lambda: provider.is_on, what="the scheduled restore")
    assert provider.scheduled == []


def test_a_further_one_moves_the_time(provider):
    provider.opsctl("kill", "--for", "1h", "--no-wait", "--yes")
    moved = provider.opsctl("kill", "--for", "2h", "--no-wait", "--yes", "--json").json

    (only,) = provider.scheduled
    assert only["_id"] == moved["until"]["schedule_id"]
    assert "was withdrawn" in moved["notes"][0]


@pytest.mark.parametrize("command", ["kill", "restore"])
def test_a_kill_or_restore_without_a_time_ends_it(provider, command):
    provider.opsctl("kill", "--for", "1h", "--no-wait", "--yes")

    provider.opsctl(command, "--no-wait", "--yes")

    assert provider.scheduled == []


def test_another_machine_ends_it_too(provider, tmp_path):
    provider.opsctl("kill", "--for", "1h", "--no-wait", "--yes")

    provider.opsctl("kill", "--no-wait", "--yes", OPSCTL_DATA_DIR=str(tmp_path / "elsewhere"))

    assert provider.scheduled == []


def test_what_somebody_else_scheduled_is_named_and_left_alone(provider):
    body = {"executionDate": round(time.time() * 1000) + 3_600_000, "instructions": [{"kind": "turnFlagOn"}]}
    theirs = provider.service.request("POST", SCHEDULE, {**body, "comment": "after the match"}).json()

    killed = provider.opsctl("kill", "--for", "2h", "--no-wait", "--yes", "--json").json

    assert any(theirs["_id"] in note for note in killed["notes"])
    assert [one["_id"] for one in provider.scheduled] == [theirs["_id"], killed["until"]["schedule_id"]]


@pytest.mark.parametrize("status", [403, 404])
def test_a_plan_without_schedules_leaves_the_kill_and_offers_to_wait_here(provider, status):
    provider.proxy.reply(status, body={"message": "scheduled changes are not in your plan"}, path="scheduled-changes")

    result = provider.opsctl("kill", "--for", "1s", "--no-wait", "--yes", expect=6)

    assert "it stays off until somebody restores it" in result.out
    offered = "opsctl kill --for 1s --no-wait --yes --here"
    assert result.err.endswith(f"fix:   restore from here when the time is over: {offered}\n")
    assert not provider.is_on
    provider.opsctl(*offered.split()[1:])
    assert provider.is_on
    assert provider.last_change["comment"] == "1 s are over"


def test_a_kill_comes_before_anything_about_its_end(provider):
    provider.proxy.stall(path="scheduled-changes")

    killing = provider.start("kill", "--for", "1h", "--no-wait", "--yes", "--timeout", "3s")

    eventually(lambda: not provider.is_on, what="the kill")
    assert killing.wait(DEADLINE_S) == 5
    assert "written" in killing.stdout.read()


@pytest.mark.parametrize("fault", ["drop_answer", "reset"])
def test_a_schedule_whose_answer_was_lost_is_made_once(provider, fault):
    getattr(provider.proxy, fault)(method="POST", path="scheduled-changes", times=1)

    killed = provider.opsctl("kill", "--for", "1h", "--no-wait", "--yes", "--json").json

    assert [one["_id"] for one in provider.scheduled] == [killed["until"]["schedule_id"]]


def test_a_machine_whose_clock_is_off_says_so_and_counts_on_the_providers(provider):
    with dated(provider.service.url, ahead_s=90_000) as url:
        result = provider.opsctl("kill", "--for", "1h", "--no-wait", "--yes", LD_BASE_URI=url)

    assert "this machine's clock is 1 d behind that of LaunchDarkly" in result.out
    (scheduled,) = provider.scheduled
    assert scheduled["executionDate"] == pytest.approx((time.time() + 90_000 + 3600) * 1000, abs=60_000)


def test_here_it_restores_and_proves_it(restored):
    kill, restore = restored.opsctl("kill", "--for", "1s", "--here", "--yes", "--json").out.splitlines()

    assert (json.loads(kill)["outcome"], json.loads(restore)["outcome"]) == ("confirmed", "confirmed")
    assert json.loads(restore)["instances"]["confirmed"] == 1
    assert mode_of(restored) == "full"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_here_a_signal_leaves_it_off_and_says_so(provider, number):
    waiting = provider.start("kill", "--for", "1h", "--here", "--no-wait", "--yes")
    provider.await_waiting()

    waiting.send_signal(number)

    assert waiting.wait(DEADLINE_S) == 130
    assert f"interrupted: {FLAG} stays off, and nothing will turn it on by itself" in waiting.stderr.read()
    assert not provider.is_on


def test_here_a_kill_by_another_command_lasts(provider):
    waiting = provider.start("kill", "--for", "1h", "--here", "--no-wait", "--yes")
    provider.await_waiting()

    lasting = provider.opsctl("kill", "--no-wait", "--yes")

    assert "waited to restore it leaves it alone now" in lasting.out.replace("\n               ", " ")
    assert waiting.wait(DEADLINE_S) == 7
    assert not provider.is_on


def test_here_a_kill_at_the_provider_meanwhile_is_not_undone(provider):
    waiting = provider.start("kill", "--for", "6s", "--here", "--no-wait", "--yes")
    provider.await_waiting()

    provider.service.turn(on=True)
    provider.service.turn(on=False, comment="stay off")

    assert waiting.wait(DEADLINE_S) == 7
    assert "changed it meanwhile" in waiting.stderr.read()
    assert not provider.is_on


def test_here_it_does_not_restore_into_a_breach_and_does_after_it(restored):
    with visited(restored.url):
        waiting = subprocess.Popen(
            [*(sys.executable, "-P", "-m", "opsctl"), "kill", "--for", "2s", "--here", "--yes", *IMPOSSIBLE],
            env=restored.environ,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        assert any("not restored yet: worker-0: p99 is" in line for line in waiting.stderr)
        assert mode_of(restored) == "degraded"

    assert waiting.wait(DEADLINE_S) == 0
    assert mode_of(restored) == "full"


def test_here_a_breach_that_does_not_end_leaves_it_off_after_the_timeout(restored):
    with visited(restored.url):
        result = restored.opsctl("kill", "--for", "2s", "--here", "--yes", "--timeout", "3s", *IMPOSSIBLE, expect=9)

    assert f"{FLAG} is left off: worker-0" in result.err
    assert mode_of(restored) == "degraded"


def report_of(stack):
    (sighting,) = FoundInstances([ControlSockets(stack.data_dir)]).list_sightings()
    return sighting.report


def is_held(stack):
    report = report_of(stack)
    return report is not None and report.hold is Hold.CONDITION


def follows(stack):
    """Wait until the instance follows; asking the feed itself would be traffic that the objective is about."""
    eventually(lambda: (report := report_of(stack)) and report.mode is Mode.FULL, what="the restore followed")


def test_an_instance_in_a_breach_does_not_follow_the_scheduled_restore_until_it_is_over(restored):
    with visited(restored.url):
        restored.opsctl("kill", "--for", "2s", "--yes", *IMPOSSIBLE)
        eventually(lambda: is_held(restored), what="the restore held back")
        assert mode_of(restored) == "degraded"

    follows(restored)


def test_a_restore_by_hand_is_followed_also_in_a_breach(restored):
    with visited(restored.url):
        restored.opsctl("kill", "--for", "1s", "--yes", *IMPOSSIBLE)
        eventually(lambda: is_held(restored), what="the restore held back")

        assert restored.opsctl("restore", "--yes", "--json").json["outcome"] == "confirmed"
        assert mode_of(restored) == "full"


def test_a_worker_that_was_killed_goes_on_to_hold_the_restore_back(restored):
    with visited(restored.url):
        restored.opsctl("kill", "--for", "2s", "--yes", *IMPOSSIBLE)
        eventually(lambda: is_held(restored), what="the restore held back")
        pid = report_of(restored).pid

        os.kill(pid, signal.SIGKILL)

        back = eventually(
            lambda: (report := report_of(restored)) and report.pid != pid and report, what="the worker back"
        )
        assert (back.hold, back.mode) == (Hold.CONDITION, Mode.DEGRADED)

    follows(restored)
