"""The program as people run it: real processes, pipes, signals and terminals, against the real flag service."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from builders import KEY, a_report
from support.control_sockets import FakeInstance
from support.waiting import DEADLINE_S, eventually

from opsctl.core.modes import Mode
from opsctl.core.rundir import run_dir

pytestmark = pytest.mark.acceptance


@pytest.fixture
def environ(flag_service):
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("LD_", "LAUNCHDARKLY_", "OPSCTL_"))
    }
    return {**kept, "OPSCTL_DATA_DIR": str(flag_service.data_dir)}


@pytest.fixture
def start(environ, tmp_path):
    started = []

    def start(*arguments, **options):
        command = [sys.executable, "-m", "opsctl", *arguments]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        options = {**pipes, "text": True, "cwd": tmp_path, **options, "env": {**environ, **options.get("env", {})}}
        started.append(subprocess.Popen(command, **options))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait(DEADLINE_S)


def finish(process):
    out, err = process.communicate(timeout=DEADLINE_S)
    return process.returncode, out, err


def test_kill_status_restore(start):
    assert finish(start("kill", "--yes", "--no-wait", "--reason", "drill"))[0] == 0

    _code, out, _err = finish(start("status", "--json"))
    assert json.loads(out)["provider"]["mode"] == "degraded"
    assert json.loads(out)["last_change"]["comment"] == "drill"

    assert finish(start("restore", "--yes", "--no-wait", "--quiet"))[0] == 0


def test_without_a_terminal_and_without_yes_nothing_is_written(start):
    code, out, err = finish(start("kill"))

    assert code == 2
    assert "fix:   opsctl kill --yes" in err
    assert json.loads(finish(start("status", "--json"))[1])["provider"]["on"]
    assert "written" not in out


def test_with_no_flag_service_running_it_says_how_to_start_it(start, flag_service):
    flag_service.stop()

    code, _out, err = finish(start("kill", "--yes"))

    assert code == 5
    assert "fix:   start it: opsctl serve" in err


def test_a_closed_pipe_is_no_error(start):
    process = start("flags", "list")
    process.stdout.close()

    assert process.wait(DEADLINE_S) == 0
    assert process.stderr.read() == ""


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_waiting_prints_the_state_and_exits_130(start, flag_service, signum):
    lagging = a_report(version=0, mode=Mode.FULL)
    FakeInstance(run_dir(flag_service.data_dir), "worker-0", lagging)

    process = start("kill", "--yes", "--timeout", "1m")
    eventually(lambda: json.loads(finish(start("status", "--json"))[1])["provider"]["on"] is False, what="the write")
    process.send_signal(signum)
    code, out, _err = finish(process)

    assert code == 130
    assert "instances    0/1" in out
    assert out.splitlines()[-1].startswith("interrupted: it is written")


def test_instances_confirm_over_their_control_sockets(start, flag_service):
    before = a_report(version=1, mode=Mode.FULL, connected=2)
    instance = FakeInstance(run_dir(flag_service.data_dir), "worker-0", before)

    process = start("kill", "--yes", "--json")
    eventually(lambda: json.loads(finish(start("status", "--json"))[1])["provider"]["on"] is False, what="the write")
    instance.push(a_report(version=2, mode=Mode.DEGRADED, connected=2, latencies=[900, 950], seen_ms=800.0))
    code, out, _err = finish(process)

    receipt = json.loads(out)
    assert (code, receipt["outcome"]) == (0, "confirmed")
    assert receipt["instances"]["confirmed"] == 1
    assert (receipt["browsers"]["confirmed"], receipt["browsers"]["connected"]) == (2, 2)


def test_watch_tells_of_a_kill_with_who_and_why_and_ends_with_it(start):
    watch = start("watch", "--until", "killed", "--json")
    first = json.loads(watch.stdout.readline())
    assert (first["event"], first["mode"]) == ("state", "full")

    finish(start("kill", "--yes", "--reason", "spike"))

    code, out, _err = finish(watch)
    change, end = (json.loads(line) for line in out.splitlines())
    assert (code, change["event"], change["mode"], end["event"]) == (0, "change", "degraded", "end")
    assert change["change"]["comment"] == "spike"
    assert change["change"]["who"] != "unknown"


def test_watch_ends_when_its_reader_goes_away(start):
    watch = start("watch")
    watch.stdout.readline()
    watch.stdout.close()

    finish(start("kill", "--yes"))

    assert watch.wait(DEADLINE_S) == 0


def test_on_a_terminal_a_critical_environment_is_asked_about_on_stderr(start):
    mine, theirs = pty.openpty()
    process = start("kill", "--no-wait", "--env", "production", stdin=theirs, stderr=theirs, stdout=subprocess.PIPE)
    os.close(theirs)
    asked = b""
    while b"[y/N]" not in asked:
        asked += os.read(mine, 1024)

    os.write(mine, b"y\n")
    out = process.stdout.read()

    assert process.wait(DEADLINE_S) == 0
    assert f"kill {KEY} in production (critical)?".encode() in asked
    assert "· production" in out.splitlines()[0]
    assert "opsctl restore" in out.splitlines()[-1]


def test_no_secret_is_in_what_is_said(start, flag_service):
    secrets = [flag_service.token(role) for role in ("reader", "writer", "admin")] + [flag_service.sdk_key("test")]

    said = "".join(
        "".join(finish(start(*arguments))[1:])
        for arguments in (("config", "show"), ("config", "show", "--json"), ("status", "--json"), ("kill", "--yes"))
    )

    assert not [secret for secret in secrets if secret in said]


def test_latin_1_terminals_do_not_turn_a_kill_into_a_traceback(start):
    code, out, err = finish(start("kill", "--yes", "--no-wait", env={"PYTHONIOENCODING": "ascii", "LANG": "C"}))

    assert (code, err) == (0, "")
    assert "version 1 ? 2" in out


@pytest.mark.parametrize(
    "redirections", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full"]
)
@pytest.mark.parametrize("arguments", [("kill", "--yes", "--no-wait"), ("kill", "--yes", "--no-wait", "--json")])
def test_what_becomes_of_the_output_does_not_stop_a_kill(
    environ, tmp_path, shared_flag_service, redirections, arguments
):
    shared_flag_service.turn(on=True)
    command = [sys.executable, "-m", "opsctl", *arguments]

    done = subprocess.run(
        ["sh", "-c", f'"$@" {redirections}', "sh", *command],
        check=False,
        env={**environ, "OPSCTL_DATA_DIR": str(shared_flag_service.data_dir)},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        text=True,
    )

    assert (done.returncode, done.stderr) == (0, "")
    flag = shared_flag_service.request("GET", f"flags/default/{KEY}").json()
    assert not flag["environments"]["test"]["on"]


@pytest.mark.parametrize("arguments", [("flags", "list"), ("config", "show"), ("--help",), ("kill", "--help")])
def test_a_result_that_cannot_be_written_is_a_failure_where_the_result_is_all_there_is(environ, tmp_path, arguments):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "opsctl", *arguments],
            check=False,
            env=environ,
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            text=True,
        )

    assert done.returncode == 1
    assert done.stderr.splitlines()[0].startswith("error: ")
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
