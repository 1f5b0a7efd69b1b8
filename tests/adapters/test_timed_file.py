"""What is kept here of kills that end by themselves."""

import os
import stat
import subprocess
import sys

import pytest
from builders import REF

from opsctl.adapters.timed_file import TimedFiles
from opsctl.core.flags import FlagRef
from opsctl.core.timed import TimedRecord, Waiting

HERE = TimedRecord(schedule_ids=("a", "b"), waiting=Waiting(token="t", pid=os.getpid(), until_ms=12))


@pytest.fixture
def files(tmp_path):
    return TimedFiles(tmp_path / "data")


def test_what_was_written_is_read(files):
    files.write(REF, HERE)

    assert files.read(REF) == HERE


def test_each_flag_has_its_own(files):
    files.write(REF, HERE)

    assert files.read(FlagRef(REF.project, "production", REF.key)) == TimedRecord()


def test_it_is_nobody_elses_to_read(files, tmp_path):
    files.write(REF, HERE)

    (path,) = (tmp_path / "data").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_to_know_leaves_no_file(files, tmp_path):
    files.write(REF, HERE)
    files.write(REF, TimedRecord())

    assert list((tmp_path / "data").iterdir()) == []


def test_a_process_that_is_gone_does_not_wait(files):
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    files.write(REF, TimedRecord(waiting=Waiting(token="t", pid=int(done.stdout), until_ms=12)))

    assert files.read(REF).waiting is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schedule_ids": [3], "waiting": null}', "\0"])
def test_a_file_that_is_something_else_counts_as_empty(files, tmp_path, text):
    files.write(REF, HERE)
    (path,) = (tmp_path / "data").iterdir()
    path.write_text(text)

    assert files.read(REF) == TimedRecord()


def test_a_place_that_takes_no_file_stops_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    files = TimedFiles(tmp_path / "file")

    files.write(REF, HERE)

    assert files.read(REF) == TimedRecord()
