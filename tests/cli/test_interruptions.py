"""Ctrl-C, and the signals that mean the same, at every moment of a command."""

import signal
import subprocess
import sys

import pytest
from builders import KEY, REF
from support.stack import clean_environ

NOTHING_WRITTEN = f"error: interrupted; nothing was written\nfix:   run it again: opsctl kill {KEY} --yes\n"

PROGRAM = """
import atexit, os, sys
from opsctl.__main__ import main

class Signalling:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["MOMENT"]:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), int(os.environ["SIGNAL"]))

if os.environ["MOMENT"] == "the end":
    atexit.register(lambda: os.kill(os.getpid(), int(os.environ["SIGNAL"])))
sys.meta_path.insert(0, Signalling())
main()
"""
"""opsctl, sending itself a signal when it loads the module MOMENT, or at its end."""


def is_on(wired):
    return wired.flags_at_provider.flags[KEY].targeting["test"].on


def interrupt(*_arguments, **_options):
    raise KeyboardInterrupt


def test_at_the_question_it_says_on_a_line_of_its_own_that_nothing_was_written(opsctl, wired):
    result = opsctl("kill", "--env", "production", answers=[KeyboardInterrupt()], expect=130)

    assert result.err.splitlines()[-3:] == [
        f"kill {KEY} in production (critical)? [y/N] ",
        "error: interrupted; nothing was written",
        "fix:   run it again: opsctl kill --env production",
    ]
    assert wired.flags_at_provider.writes == []


@pytest.mark.parametrize("moment", ["reading the flag", "finding the instances"])
def test_before_the_write_it_says_that_nothing_was_written(opsctl, wired, moment):
    if moment == "reading the flag":
        wired.flags_at_provider.fail_reads(KeyboardInterrupt())
    else:
        wired.instances.observe = interrupt

    assert opsctl("kill", KEY, "--yes", expect=130).err == NOTHING_WRITTEN
    assert is_on(wired)


@pytest.mark.parametrize("option", ["--yes", "--no-wait"])
def test_in_the_write_it_claims_nothing_and_says_where_to_look(opsctl, wired, option):
    wired.flags_at_provider.fail_writes(KeyboardInterrupt())

    error, fix = opsctl("kill", "--yes", option, expect=130).err.splitlines()

    assert error == f"error: interrupted while writing: {KEY} may or may not be changed"
    assert fix.startswith(f"fix:   look first: opsctl status {KEY}")


@pytest.mark.parametrize("option", ["--yes", "--no-wait"])
def test_in_a_write_that_can_be_seen_to_be_made_it_says_so(opsctl, wired, option):
    wired.flags_at_provider.fail_writes(KeyboardInterrupt(), although_written=True)

    result = opsctl("kill", "--yes", option, expect=130)

    assert result.last_line.startswith("interrupted: it is written")
    assert "version 7 → 8" in result.out


def test_on_a_terminal_the_report_of_an_interrupted_command_leaves_the_line_with_the_ctrl_c(opsctl, wired):
    wired.flags_at_provider.fail_writes(KeyboardInterrupt(), although_written=True)

    assert opsctl("kill", "--yes", answers=[], expect=130).err == "\n"


def test_where_nothing_had_to_be_written_it_says_that_nothing_was(opsctl, wired):
    wired.flags_at_provider.set(REF, on=False)
    wired.instances.observe = interrupt

    assert opsctl("kill", KEY, "--yes", expect=130).err == NOTHING_WRITTEN


def test_while_the_report_is_shown_it_says_where_to_look(opsctl, wired, monkeypatch):
    monkeypatch.setattr("opsctl.cli.render.receipt.to_text", interrupt)

    result = opsctl("kill", "--yes", expect=130)

    assert f"fix:   look first: opsctl status {KEY}" in result.err
    assert "nothing was written" not in result.err
    assert not is_on(wired)


@pytest.fixture
def run_with_signal(flag_service, tmp_path):
    def run(signum, moment, *arguments, prefix=()):
        return subprocess.run(
            [*prefix, sys.executable, "-c", PROGRAM, *arguments],
            check=False,
            env=clean_environ(OPSCTL_DATA_DIR=str(flag_service.data_dir), MOMENT=moment, SIGNAL=str(int(signum))),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.mark.acceptance
@pytest.mark.parametrize(
    ("signum", "moment"),
    [
        (signal.SIGINT, "opsctl.cli.app"),
        (signal.SIGTERM, "opsctl.settings.load"),
        (signal.SIGHUP, "opsctl.services.switch"),
        (signal.SIGINT, "urllib3"),
    ],
)
def test_a_signal_at_the_start_of_a_kill_ends_it_in_words(run_with_signal, flag_service, signum, moment):
    done = run_with_signal(signum, moment, "kill", KEY, "--yes")

    assert (done.returncode, done.stdout, done.stderr) == (130, "", NOTHING_WRITTEN)
    flag = flag_service.request("GET", f"flags/default/{KEY}").json()
    assert flag["environments"]["test"]["on"]


@pytest.mark.acceptance
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_the_end_does_not_change_how_a_kill_ended(run_with_signal, signum):
    done = run_with_signal(signum, "the end", "kill", "--yes", "--no-wait")

    assert (done.returncode, done.stderr) == (0, "")
    assert "undo:" in done.stdout


@pytest.mark.acceptance
def test_a_hangup_that_the_caller_ignores_stays_ignored(run_with_signal):
    ignoring = ("sh", "-c", "trap '' HUP; exec \"$@\"", "sh")

    done = run_with_signal(signal.SIGHUP, "opsctl.settings.load", "kill", "--yes", "--no-wait", prefix=ignoring)

    assert (done.returncode, done.stderr) == (0, "")
