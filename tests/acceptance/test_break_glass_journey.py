"""Degrading the feed with the provider down: real workers and browsers, and a provider that can be cut off."""

import os
import shlex
import signal
import subprocess
import sys

import pytest
import urllib3
from builders import REF
from support.between import Provider
from support.faulty_proxy import FaultyProxy
from support.flag_service import FlagServiceProcess
from support.stack import FLAG, Stack, clean_environ, run_opsctl, unmeasured
from support.suspending import suspended
from support.waiting import DEADLINE_S, eventually
from support.worker_process import Browser, browsers

from opsctl.adapters.instance_sockets import ControlSockets
from opsctl.adapters.instances import FoundInstances
from opsctl.core.modes import Mode
from opsctl.daemon.pin_file import PinFile

pytestmark = pytest.mark.acceptance

WORKERS = 2
WHY = ("--reason", "checkout p99 above 2 s", "--incident", "INC-4312")
REST = {"path": "^/api/v2"}


class World:
    """A feed of two workers, and commands; everything that goes to the provider goes through `proxy`."""

    def __init__(self, directory):
        self.directory = directory
        self.service = FlagServiceProcess(directory / "flags")
        self.service.start()
        self.provider = Provider(self.service.data_dir)
        self.proxy = FaultyProxy(self.service.url)
        names = ("LAUNCHDARKLY_BASE_URI", "LAUNCHDARKLY_STREAM_URI", "LAUNCHDARKLY_EVENTS_URI", "LD_BASE_URI")
        self.given = {
            **dict.fromkeys(names, self.proxy.url),
            "LAUNCHDARKLY_SDK_KEY": self.service.sdk_key(),
            "LAUNCHDARKLY_ACCESS_TOKEN": self.service.token("writer"),
            "OPSCTL_POST_INTERVAL": "0",
            "OPSCTL_OPERATOR": "sandy@ops-1",
        }
        self.data_dir = directory / "data"
        self.environ = clean_environ(OPSCTL_DATA_DIR=str(self.data_dir), **self.given)
        self.stack = None

    def serve(self):
        self.stack = Stack(self.data_dir, "--workers", str(WORKERS), environ=self.given)
        self.stack.__enter__()

    def stop_serving(self):
        self.stack.__exit__()
        self.stack.ready_file.unlink(missing_ok=True)

    def close(self):
        self.stop_serving()
        self.proxy.close()
        self.service.stop()

    def opsctl(self, *arguments, expect=0):
        return run_opsctl(*arguments, environ=self.environ, cwd=self.directory, expect=expect)

    def start(self, *arguments):
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "opsctl", *arguments],
            env=self.environ, cwd=self.directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def reports(self):
        """Return what each instance that answers says of itself."""
        sightings = FoundInstances([ControlSockets(self.data_dir)]).list_sightings()
        return [one.report for one in sightings if one.report is not None]

    @property
    def pin(self):
        """Return the pin that every instance goes by."""
        (pin,) = {report.pin for report in self.reports()}
        return pin

    def page(self):
        answer = urllib3.request("GET", self.stack.url, timeout=DEADLINE_S, retries=False)
        assert answer.status == 200
        return answer.data.decode()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("glass"))
    world.serve()
    yield world
    world.close()


@pytest.fixture
def world(running):
    """The world with the provider up, the flag on, and nothing pinned."""
    running.proxy.heal()
    if any(report.is_held for report in running.reports()):
        running.opsctl("reconcile", "--discard", "--yes", "--timeout", "30s")
    if not running.provider.targeting["on"]:
        running.provider.turn(on=True)
    eventually(lambda: {report.mode for report in running.reports()} == {Mode.FULL}, what="a feed in full mode")
    return running


def at_pin(number):
    return lambda data: data["epoch"][1] >= number


def test_the_break_glass_that_a_kill_in_an_outage_names_degrades_everyone(world):
    with browsers(world.stack.url, 3) as people:
        world.proxy.stall()
        killed = world.opsctl("kill", *WHY, "--yes", "--timeout", "2s", expect=5)
        asked = world.proxy.count(**REST)
        command = killed.err.strip().splitlines()[-1].partition("without the provider, now: opsctl ")[2]

        result = world.opsctl(*shlex.split(command), expect=8)

        for one in people:
            seen = one.await_event("flag_update", lambda data: data["mode"] == "degraded")
            assert (seen["pinned"], seen["reason"]) == (True, "PINNED")
    assert f"instances    {WORKERS}/{WORKERS}" in result.out
    assert "browsers     3/3" in result.out
    assert '"checkout p99 above 2 s" (INC-4312)' in result.out
    assert world.proxy.count(**REST) == asked
    assert 'data-mode="degraded"' in world.page()
    assert {report.mode for report in world.reports()} == {Mode.DEGRADED}


def test_a_pin_survives_the_death_of_a_worker_and_of_the_whole_feed_in_the_outage(world):
    world.proxy.stall()
    world.opsctl("kill", "--break-glass", *WHY, "--yes", expect=8)
    before = {report.pid for report in world.reports()}

    for pid in before:
        os.kill(pid, signal.SIGKILL)

    def born_since():
        return [report for report in world.reports() if report.pid not in before]

    after = eventually(lambda: len(found := born_since()) == WORKERS and found, what="new workers")
    assert {(report.mode, report.reason) for report in after} == {(Mode.DEGRADED, "PINNED")}

    world.stop_serving()
    world.serve()

    assert 'data-mode="degraded"' in world.page()
    assert {(report.mode, report.reason) for report in world.reports()} == {(Mode.DEGRADED, "PINNED")}
    assert f"by break-glass, whatever the provider says; it ends with: opsctl reconcile {FLAG}" in world.stack.said()
    assert world.opsctl("kill", "--break-glass", *WHY, expect=8).out.count("in force already") == 1


def test_a_provider_that_comes_back_with_the_flag_on_does_not_lift_the_pin(world):
    with browsers(world.stack.url, 2) as people:
        world.proxy.stall()
        world.opsctl("kill", "--break-glass", *WHY, "--yes", expect=8)
        pinned_at = world.pin.number
        for one in people:
            one.await_event("flag_update", at_pin(pinned_at))

        world.proxy.heal()
        world.provider.turn(on=False)
        version = world.provider.turn(on=True)
        eventually(
            lambda: {report.epoch.version for report in world.reports()} == {version},
            what="the provider's newest version",
        )
        for one in people:
            one.await_event("flag_update", lambda data: data["epoch"] >= [version, pinned_at])
            since = [data for name, data in one.seen if name in {"state", "flag_update"} and at_pin(pinned_at)(data)]
            assert {data["mode"] for data in since} == {"degraded"}
            assert [data["epoch"] for data in since] == sorted(data["epoch"] for data in since)

    status = world.opsctl("status")
    assert f"pinned       pin {pinned_at}   by sandy@ops-1, " in status.out
    assert '"checkout p99 above 2 s" (INC-4312)' in status.out
    assert status.out.splitlines()[-1] == (
        f"degraded by break-glass; the provider still has it on.  reconcile: opsctl reconcile {FLAG}"
    )
    refused = world.opsctl("restore", "--yes", expect=8)
    assert f"opsctl reconcile {FLAG}" in refused.err
    assert world.provider.targeting["version"] == version


def test_reconcile_waits_for_the_provider_and_then_writes_it_and_releases_the_pin(world):
    with browsers(world.stack.url, 2) as people:
        world.proxy.stall()
        world.opsctl("kill", "--break-glass", *WHY, "--yes", expect=8)
        pinned_at = world.pin.number

        down = world.opsctl("reconcile", "--yes", "--timeout", "2s", expect=5)
        assert "the pin stays in force" in down.err
        assert world.pin.number == pinned_at

        world.proxy.heal()
        done = world.opsctl("reconcile", "--yes", "--json", "--timeout", "30s").json

        for one in people:
            one.await_event("flag_update", at_pin(pinned_at + 1))
            after = [data["mode"] for _, data in one.seen if "epoch" in data and data["epoch"][1] >= pinned_at]
            assert set(after) == {"degraded"}
    assert (done["kill"]["outcome"], done["released"]["outcome"]) == ("confirmed", "confirmed")
    assert (done["released"]["instances"]["confirmed"], done["released"]["browsers"]["confirmed"]) == (WORKERS, 2)
    assert world.provider.targeting["on"] is False
    assert world.provider.entries()[0] == (
        "turned off the flag", "break-glass by sandy@ops-1: checkout p99 above 2 s (INC-4312)",
    )  # fmt: skip
    assert world.pin is None
    assert {report.reason for report in world.reports()} == {"OFF"}
    world.opsctl("restore", "--yes", "--timeout", "30s")
    assert 'data-mode="full"' in world.page()


def test_a_pin_that_is_discarded_lets_the_provider_decide_again(world):
    world.opsctl("kill", "--break-glass", *WHY, "--yes", expect=8)
    version = world.provider.targeting["version"]

    result = world.opsctl("reconcile", "--discard", "--yes", "--timeout", "30s")

    assert "serves Enabled (true)" in result.out
    assert result.out.splitlines()[-1].startswith("full: released; the provider decides again, and has it on.")
    assert 'data-mode="full"' in world.page()
    assert world.provider.targeting["version"] == version
    assert "nothing is pinned" in world.opsctl("reconcile").out


def test_a_kill_while_a_pin_is_in_force_is_written_and_says_so(world):
    world.opsctl("kill", "--break-glass", *WHY, "--yes", expect=8)

    result = world.opsctl("kill", "--yes", "--timeout", "30s")

    assert "is still in force" in " ".join(result.out.split())
    assert world.provider.targeting["on"] is False


def test_every_break_glass_and_every_reconciliation_has_one_row_in_the_record(world):
    world.opsctl("kill", "--break-glass", "--reason", "rows", "--incident", "INC-ROWS", "--yes", expect=8)
    world.opsctl("reconcile", "--yes", "--timeout", "30s")

    rows = world.opsctl("audit", "list", "--incident", "INC-ROWS", "--json").json["rows"]

    assert sorted(row["command"] for row in rows) == ["break-glass", "reconcile"]
    world.opsctl("audit", "verify")


def test_ctrl_c_while_browsers_are_waited_for_leaves_it_pinned(world):
    mute = Browser(world.stack.url, acks=False)
    try:
        process = world.start("kill", "--break-glass", *WHY, "--yes", "--timeout", "60s")
        mute.await_event("flag_update", lambda data: data["mode"] == "degraded")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=DEADLINE_S)
    finally:
        mute.close()

    assert process.returncode == 130
    assert out.splitlines()[-1].startswith("interrupted: it is pinned")
    assert world.pin.is_set


def test_a_worker_that_hangs_is_named_and_pinned_when_it_goes_on(world):
    stopped = world.reports()[0]
    with suspended(stopped.pid):
        result = world.opsctl("kill", "--break-glass", *WHY, "--yes", "--timeout", "3s", expect=3)

    assert f"{stopped.instance} does not answer" in result.out
    assert f"instances    {WORKERS - 1}/{WORKERS}" in result.out
    eventually(lambda: {report.reason for report in world.reports()} == {"PINNED"}, what="the pin in every worker")


def test_operators_who_break_the_glass_at_the_same_time_agree_on_one_pin(world):
    started = [world.start("kill", "--break-glass", "--reason", f"operator {n}", "--yes") for n in range(4)]

    ended = [(one.communicate(timeout=60), one.returncode) for one in started]

    assert [code for _, code in ended] == [8] * 4, ended
    assert world.pin.reason.startswith("operator ")
    assert PinFile(world.data_dir, REF).read() == world.pin


def test_break_glass_beside_a_release_ends_where_the_newest_of_both_says(world):
    world.opsctl("kill", "--break-glass", *WHY, "--yes", expect=8)
    release = world.start("reconcile", "--discard", "--yes", "--timeout", "10s")
    again = world.start("kill", "--break-glass", *WHY, "--yes", "--timeout", "10s")
    for one in (release, again):
        one.communicate(timeout=60)

    newest = PinFile(world.data_dir, REF).read()

    eventually(lambda: {report.epoch.pin for report in world.reports()} == {newest.number}, what="the newest pin")
    assert {report.is_held for report in world.reports()} == {newest.is_set}
    assert {release.returncode, again.returncode} <= {0, 3, 7, 8}


def test_break_glass_loads_nothing_that_talks_to_the_provider(world):
    command = [sys.executable, "-P", "-X", "importtime", "-m", "opsctl", "kill", "--break-glass", *WHY, "--yes"]
    done = subprocess.run(
        command, env=unmeasured(world.environ), cwd=world.directory, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip

    assert done.returncode == 8
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not loaded & {"urllib3", "launchdarkly_api", "ldclient", "opsctl.adapters.launchdarkly_rest"}


def test_a_feed_that_starts_after_break_glass_comes_up_pinned(tmp_path):
    environ = clean_environ(OPSCTL_DATA_DIR=str(tmp_path / "data"))
    result = run_opsctl("kill", "--break-glass", *WHY, "--yes", environ=environ, cwd=tmp_path, expect=3)
    assert "none was there to confirm" in result.out

    with Stack(tmp_path / "data") as stack:
        page = urllib3.request("GET", stack.url, timeout=DEADLINE_S, retries=False).data.decode()
        assert 'data-mode="degraded"' in page
        assert stack.opsctl("status", "--json").json["instances"][0]["reason"] == "PINNED"
        stack.opsctl("reconcile", "--discard", "--yes")
        assert stack.opsctl("status", "--json").json["instances"][0]["mode"] == "full"


def test_a_dry_run_shows_what_the_provider_would_refuse_and_what_is_pending(world):
    world.provider.require_approval(required=True)
    try:
        refused = world.opsctl("kill", "--dry-run", *WHY, expect=6)
    finally:
        world.provider.require_approval(required=False)
    at_ms = world.provider.targeting["lastModified"] + 3_600_000
    world.provider.schedule(at_ms, {"kind": "turnFlagOff"})
    try:
        plain = world.opsctl("kill", "--dry-run", *WHY, "--json").json
    finally:
        world.provider.withdraw_all()

    assert "refused" in refused.out
    assert f"instances    {WORKERS} would follow" in refused.out
    assert plain["verdict"] == {"is_accepted": True, "error": None}
    assert [one["at_ms"] for one in plain["scheduled"]] == [at_ms]
    assert plain["instances"]["total"] == WORKERS
    assert world.provider.targeting["on"] is True
