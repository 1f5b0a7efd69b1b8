"""The audit log's files: appending, crashes, and several processes at once."""

import multiprocessing
import os
import resource
import signal
import stat
import time

import pytest
from support.waiting import DEADLINE_S

from opsctl.adapters.audit_file import AuditFile
from opsctl.core.audit_chain import START, RecordKind
from opsctl.core.audit_verdict import verdict_of

AT_S = 1_790_000_000.0


@pytest.fixture
def file(tmp_path):
    return AuditFile(tmp_path / "data")


def append(file, name="c1", kind=RecordKind.ACCEPTED, text=""):
    with file.opened() as log:
        return log.append(kind, AT_S, {"id": name, "text": text})


def examine(file):
    content, head = file.read()
    return verdict_of(content, None if head is None else head.link)


def test_what_was_appended_is_in_order_and_only_its_owner_may_read_it(file):
    append(file)
    append(file, kind=RecordKind.FINISHED)

    verdict = examine(file)

    assert (verdict.defect, verdict.records, verdict.commands) == (None, 2, 1)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.head_path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700


def test_reading_what_is_not_there_finds_nothing_and_makes_nothing(file):
    assert file.read() == (b"", None)
    assert file.read_recent() == ()
    assert not file.path.parent.exists()


@pytest.mark.parametrize("length", [1, 20, 150, -1])
def test_a_torn_line_is_sealed_by_the_next_append(file, length):
    append(file)
    whole, head = file.path.read_bytes(), file.head_path.read_bytes()
    append(file, "c2")
    torn = file.path.read_bytes()[: len(whole) + length] if length > 0 else file.path.read_bytes()[:length]
    file.path.write_bytes(torn)
    file.head_path.write_bytes(head)

    append(file, "c3")

    verdict = examine(file)
    assert verdict.defect is None
    assert file.path.read_bytes().startswith(torn)
    assert verdict.commands == (2 if length > 0 else 3), "a line that lacks only its end is a record"
    assert verdict.torn == (1 if length > 0 else 0)


@pytest.mark.parametrize("kept", [0, 1, 40, 100, 255])
def test_a_head_that_a_crash_tore_still_tells_how_far_the_log_goes(file, kept):
    append(file)
    append(file, "c2")
    before = file.head_path.read_bytes()
    append(file, "c3")
    after = file.head_path.read_bytes()
    file.head_path.write_bytes(before[:256] + after[256 : 256 + kept] + before[256 + kept :])

    assert examine(file).defect is None
    append(file, "c4")
    assert examine(file).defect is None
    lines = file.path.read_bytes().splitlines(keepends=True)
    file.path.write_bytes(b"".join(lines[:2]))
    assert "2 records are missing" in examine(file).defect.what


def test_zeros_that_a_crash_left_are_sealed(file):
    append(file)
    with file.path.open("ab") as handle:
        handle.write(b"\0" * 512)

    append(file, "c2")

    verdict = examine(file)
    assert (verdict.defect, verdict.commands, verdict.torn) == (None, 2, 1)


def test_a_cut_tail_goes_on_to_show_after_further_appends(file):
    for number in range(4):
        append(file, f"c{number}")
    lines = file.path.read_bytes().splitlines(keepends=True)
    file.path.write_bytes(b"".join(lines[:2]))

    append(file, "later")

    defect = examine(file).defect
    assert (defect.line, defect.seq) == (3, 3)
    assert "records 3 to 4 are missing" in defect.what


def test_a_log_that_was_taken_away_goes_on_to_show(file):
    append(file)
    file.path.unlink()

    append(file, "later")

    assert "record 1 is missing" in examine(file).defect.what


def test_a_head_that_was_taken_away_is_not_made_anew(file):
    append(file)
    file.head_path.unlink()

    append(file, "later")

    assert not file.head_path.exists()
    assert "audit.head is missing" in examine(file).defect.what


def test_a_head_that_is_behind_is_caught_up_with(file):
    append(file)
    behind = file.head_path.read_bytes()
    append(file, "c2")
    file.head_path.write_bytes(behind)

    append(file, "c3")

    verdict = examine(file)
    assert (verdict.defect, verdict.commands) == (None, 3)


def test_a_link_in_place_of_the_log_is_not_followed(file, tmp_path):
    target = tmp_path / "elsewhere"
    target.write_text("")
    file.path.parent.mkdir()
    file.path.symlink_to(target)

    with pytest.raises(OSError, match="symbolic links"):
        append(file)
    assert target.read_text() == ""


def test_a_lock_that_somebody_keeps_is_waited_for_only_so_long(file):
    with file.opened():
        impatient = AuditFile(file.path.parent, lock_timeout_s=0.05)

        with pytest.raises(OSError, match="another process keeps it locked"):
            append(impatient)
    append(file)
    assert examine(file).defect is None


def in_child(function, *arguments):
    """Run it in a process of its own, which is forked; return its exit code."""
    child = multiprocessing.get_context("fork").Process(target=function, args=arguments)
    child.start()
    child.join(DEADLINE_S)
    assert child.exitcode is not None
    return child.exitcode


def test_a_disk_that_is_full_leaves_nothing_of_the_record(file):
    append(file)
    before = file.path.read_bytes()

    def fill():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        size = len(before) + 40
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        try:
            append(file, "c2")
        except OSError:
            os._exit(0)
        os._exit(1)

    assert in_child(fill) == 0
    assert file.path.read_bytes() == before
    append(file, "c3")
    assert examine(file).defect is None


def test_many_processes_append_to_one_chain(file):
    def work(name):
        for number in range(25):
            append(file, f"{name}-{number}")

    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=work, args=(name,)) for name in "abcd"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(DEADLINE_S)

    verdict = examine(file)
    assert (verdict.defect, verdict.records, verdict.commands) == (None, 100, 100)


def test_a_process_that_is_killed_at_any_moment_leaves_a_log_that_goes_on(file):
    def work():
        number = 0
        while True:
            append(file, f"{os.getpid()}-{number}", text="x" * 3000)
            number += 1

    fork = multiprocessing.get_context("fork")
    for number in range(20):
        worker = fork.Process(target=work)
        worker.start()
        deadline_s = time.monotonic() + DEADLINE_S
        size = file.path.stat().st_size if file.path.exists() else 0
        while not (file.path.exists() and file.path.stat().st_size > size + 1000 * number):
            assert time.monotonic() < deadline_s
        worker.kill()
        worker.join(DEADLINE_S)

    append(file, "last")
    verdict = examine(file)
    assert verdict.defect is None
    assert verdict.end > START
