"""The record of accepted commands: what is kept, when it cannot be kept, and who wins."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from builders import REF
from support.journals import DONE, GONE, KILL, RESTORE, SOMEBODY, JournalBench
from support.waiting import DEADLINE_S

from opsctl.adapters import journal as journal_module
from opsctl.adapters.running import began_s, is_running, this_process
from opsctl.core.audit import Unfinished
from opsctl.core.audit_chain import RecordKind, records_of
from opsctl.core.audit_parts import Process
from opsctl.core.audit_records import rows_of
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.modes import Mode


@pytest.fixture
def bench(tmp_path, monkeypatch):
    return JournalBench(tmp_path / "data", monkeypatch)


def test_a_command_is_one_row_with_before_and_after(bench):
    bench.journal().accepted(KILL).finished(DONE)

    (row,) = bench.rows()
    assert (row.command, row.ref, row.who, row.provider) == ("kill", REF, "sandy@desk", "LaunchDarkly")
    assert (row.reason, row.incident) == ("slow", "INC-1")
    assert (row.before.on, row.before.version, row.before.mode) == (True, 7, Mode.FULL)
    assert (row.after.on, row.after.version, row.after.mode) == (False, 8, Mode.DEGRADED)
    assert (row.outcome, row.exit_code, row.written_version, row.written_ms) == ("confirmed", 0, 8, 41.235)
    assert (row.instances.confirmed, row.instances.total, row.instances.max_ms) == (4, 4, 63.0)
    assert (row.browsers.confirmed, row.browsers.total, row.browsers.p99_ms) == (8, 9, None)
    assert row.notes == ("said aloud",)
    assert row.process == this_process()
    assert bench.defect() is None


def test_the_row_is_there_before_anything_is_written(bench):
    bench.journal().accepted(KILL)

    (row,) = rows_of(records_of(bench.file.read()[0]), is_running=lambda _process: True)
    assert row.outcome == Unfinished.UNDER_WAY


def test_a_command_whose_process_is_gone_has_an_unknown_outcome(bench):
    bench.journal(pid=GONE).accepted(KILL)

    assert bench.rows()[0].outcome == Unfinished.UNKNOWN


def test_no_secret_gets_into_the_log(bench):
    secret = "api-0123456789-abcdef"
    entry = bench.journal(secrets=[secret]).accepted(replace(KILL, reason=f"token {secret} leaked"))
    entry.finished(replace(DONE, message=f"with {secret}", notes=(f"and {secret}",)))

    assert secret.encode() not in bench.file.read()[0]
    assert bench.rows()[0].reason == "token …cdef leaked"


def test_control_characters_are_escaped_in_the_file(bench):
    bench.journal().accepted(replace(KILL, reason="a\x1b[2J\r\nforged\u202e"))

    content = bench.file.read()[0]
    assert content.count(b"\n") == 1
    assert b"\x1b" not in content
    assert content.isascii()
    assert bench.rows()[0].reason == "a\x1b[2J\r\nforged\u202e"


# Where the log cannot be written


def make_unwritable(bench):
    """Put a directory where the log belongs: even root cannot write that."""
    bench.place.mkdir(mode=0o700, exist_ok=True)
    bench.file.path.mkdir()


def test_a_log_that_cannot_be_written_stops_nothing_and_is_said(bench):
    make_unwritable(bench)

    gap = bench.journal().accepted(KILL).finished(DONE)

    assert "the audit log could not be written (Is a directory)" in gap
    assert f"waits in {bench.place}" in gap
    assert bench.warnings == [f"warning: {gap}"]


def test_what_could_not_be_written_is_entered_by_the_next_command_and_flagged(bench):
    make_unwritable(bench)
    bench.journal().accepted(KILL).finished(DONE)
    bench.file.path.rmdir()

    bench.journal().accepted(RESTORE).finished(DONE)

    late, ordinary = bench.rows()
    assert (late.command, late.outcome, late.late) == ("kill", "confirmed", "Is a directory")
    assert (ordinary.command, ordinary.late) == ("restore", "")
    assert bench.defect() is None
    assert not (bench.place / "audit.waiting").exists()


def test_a_log_that_can_be_written_again_at_the_end_has_the_whole_command(bench):
    make_unwritable(bench)
    entry = bench.journal().accepted(KILL)
    bench.file.path.rmdir()

    gap = entry.finished(DONE)

    assert gap == "this command was put into the audit log late (Is a directory)"
    (row,) = bench.rows()
    assert (row.outcome, row.late) == ("confirmed", "Is a directory")
    assert bench.defect() is None


def test_a_log_that_fails_only_at_the_end_is_completed_later(bench):
    entry = bench.journal().accepted(KILL)
    bench.file.path.rename(bench.place / "aside")
    make_unwritable(bench)
    gap = entry.finished(DONE)
    bench.file.path.rmdir()
    (bench.place / "aside").rename(bench.file.path)

    bench.journal().accepted(RESTORE)

    assert "waits in" in gap
    assert [(row.command, row.outcome) for row in bench.rows()] == [("kill", "confirmed"), ("restore", "under_way")]
    assert bench.defect() is None


def test_a_full_data_directory_has_the_record_wait_elsewhere(bench):
    make_unwritable(bench)
    (bench.place / "audit.waiting").write_text("a file stands in the way")

    gap = bench.journal().accepted(KILL).finished(DONE)

    assert f"waits in {bench.elsewhere}" in gap
    bench.file.path.rmdir()
    bench.journal().accepted(RESTORE)
    assert [row.command for row in bench.rows()] == ["kill", "restore"]


def test_a_record_that_can_wait_nowhere_is_said_to_be_in_none(bench):
    make_unwritable(bench)
    (bench.place / "audit.waiting").write_text("")
    bench.elsewhere.rmdir()
    bench.elsewhere.write_text("")

    gap = bench.journal().accepted(KILL).finished(DONE)

    assert "this command is in no record" in gap


def test_records_of_somebody_else_are_not_entered(bench):
    """A directory that others may write to proves nothing."""
    make_unwritable(bench)
    bench.journal().accepted(KILL).finished(DONE)
    (bench.place / "audit.waiting").chmod(0o777)
    bench.file.path.rmdir()

    bench.journal().accepted(RESTORE)

    assert [row.command for row in bench.rows()] == ["restore"]


def test_a_log_that_somebody_keeps_locked_delays_a_command_only_so_long(bench):
    with bench.file.opened():
        entry = bench.journal().accepted(KILL)
    entry.finished(DONE)

    (row,) = bench.rows()
    assert (row.outcome, row.late) == ("confirmed", "another process keeps it locked")


# Arbitration


def test_a_restore_loses_to_a_kill_that_was_accepted_after_it_looked(bench):
    restoring = bench.journal()
    read_at = restoring.end()
    bench.journal(pid=SOMEBODY).accepted(KILL).finished(DONE)

    with pytest.raises(OpsError) as refused:
        restoring.accepted(replace(RESTORE, read_at=read_at))

    assert refused.value.code is ErrorCode.SUPERSEDED
    assert 'sandy@desk ("slow")' in refused.value.message
    assert "nothing was written" in refused.value.message
    kill, restore = bench.rows()
    assert (restore.command, restore.outcome, restore.exit_code) == ("restore", "superseded", 7)
    assert kill.outcome == "confirmed"


def test_a_restore_loses_to_a_kill_that_had_not_ended_when_it_looked(bench):
    killing = bench.journal(pid=SOMEBODY).accepted(KILL)
    restoring = bench.journal()
    read_at = restoring.end()
    killing.finished(DONE)

    with pytest.raises(OpsError, match="a kill wins"):
        restoring.accepted(replace(RESTORE, read_at=read_at))


def test_a_restore_loses_to_a_kill_that_is_still_on_its_way(bench):
    bench.journal(pid=SOMEBODY).accepted(KILL)
    restoring = bench.journal()

    with pytest.raises(OpsError, match="a kill wins"):
        restoring.accepted(replace(RESTORE, read_at=restoring.end()))


def test_a_restore_loses_to_a_kill_that_ended_since_its_process_began(bench):
    bench.journal(pid=SOMEBODY).accepted(KILL).finished(DONE)
    restoring = bench.journal()
    restoring._began_s = began_s()

    with pytest.raises(OpsError, match="a kill wins"):
        restoring.accepted(replace(RESTORE, read_at=restoring.end()))


def started_now(bench):
    """A journal whose process began just now."""
    journal = bench.journal()
    journal._began_s = None
    return journal


def test_a_restore_after_a_kill_that_has_ended_is_accepted(bench):
    bench.journal(pid=SOMEBODY).accepted(KILL).finished(DONE)
    restoring = started_now(bench)

    restoring.accepted(replace(RESTORE, read_at=restoring.end())).finished(DONE)

    assert [row.outcome for row in bench.rows()] == ["confirmed", "confirmed"]


def test_a_kill_that_was_ended_by_force_stops_no_restore(bench):
    bench.journal(pid=GONE).accepted(KILL)
    restoring = started_now(bench)

    restoring.accepted(replace(RESTORE, read_at=restoring.end()))


def test_a_kill_of_another_flag_or_environment_stops_no_restore(bench):
    bench.journal(pid=SOMEBODY).accepted(replace(KILL, ref=replace(REF, environment="production")))
    bench.journal(pid=SOMEBODY).accepted(replace(KILL, ref=replace(REF, key="another")))
    restoring = bench.journal()

    restoring.accepted(replace(RESTORE, read_at=restoring.end()))


def test_break_glass_counts_as_a_kill(bench):
    restoring = bench.journal()
    read_at = restoring.end()
    bench.journal(pid=SOMEBODY).accepted(replace(KILL, command="break-glass"))

    with pytest.raises(OpsError, match="a kill wins"):
        restoring.accepted(replace(RESTORE, read_at=read_at))


def test_a_process_never_loses_to_its_own_kill(bench):
    journal = bench.journal()
    journal.accepted(KILL)

    journal.accepted(replace(RESTORE, read_at=journal.end()))


def test_a_kill_is_never_refused(bench):
    bench.journal(pid=SOMEBODY).accepted(KILL)

    bench.journal().accepted(replace(KILL, read_at=0)).finished(DONE)

    assert bench.rows()[-1].outcome == "confirmed"


def test_a_kill_sees_a_restore_that_was_accepted_before_it(bench):
    restoring = bench.journal(pid=SOMEBODY).accepted(RESTORE)
    killing = bench.journal().accepted(KILL)

    assert killing.is_contested()
    restoring.finished(DONE)
    assert not killing.is_contested()


def test_a_kill_is_not_contested_by_a_restore_of_its_own_process(bench):
    """A ramp that does not meet its objective kills."""
    journal = bench.journal()
    journal.accepted(RESTORE)

    assert not journal.accepted(KILL).is_contested()


@pytest.mark.parametrize(("is_past", "is_contested"), [(False, True), (True, False)])
def test_a_kill_is_contested_by_a_ramp_until_its_first_step_was_written(bench, is_past, is_contested):
    bench.journal(pid=SOMEBODY).accepted(replace(RESTORE, detail="in steps of 5,100 %"))
    journal = bench.journal()
    journal._is_ramp_past_first_step = lambda ref: is_past and ref == KILL.ref

    assert journal.accepted(KILL).is_contested() is is_contested


def test_a_restore_at_once_contests_a_kill_whatever_became_of_a_ramp(bench):
    bench.journal(pid=SOMEBODY).accepted(RESTORE)
    journal = bench.journal()
    journal._is_ramp_past_first_step = lambda _ref: True

    assert journal.accepted(KILL).is_contested()


def test_a_kill_is_not_contested_by_a_later_restore(bench):
    killing = bench.journal().accepted(KILL)
    bench.journal(pid=SOMEBODY).accepted(RESTORE)

    assert not killing.is_contested()


def test_the_request_of_a_restore_that_was_ended_by_force_may_still_arrive_for_a_moment(bench, monkeypatch):
    bench.journal(pid=GONE).accepted(RESTORE)
    killing = bench.journal().accepted(KILL)

    assert killing.is_contested()
    later_s = __import__("time").time() + 10
    monkeypatch.setattr(journal_module.time, "time", lambda: later_s)
    assert not killing.is_contested()


def test_a_log_that_cannot_be_read_decides_nothing(bench):
    make_unwritable(bench)
    restoring = bench.journal()

    assert restoring.end() is None
    assert not restoring.accepted(replace(RESTORE, read_at=None)).is_contested()


# Processes and signals


def test_this_process_runs_and_one_with_its_number_and_another_birth_does_not():
    assert is_running(this_process())
    assert not is_running(replace(this_process(), born="1"))


def test_a_process_that_has_ended_does_not_run():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    process = Process(pid=ended.pid, born="0")
    ended.wait(DEADLINE_S)

    assert not is_running(process)


def test_a_signal_while_it_is_accepted_comes_through_and_the_row_says_that_nothing_was_written(bench):
    def interrupted_while_accepting():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        journal = bench.journal()
        enter = journal._writer.enter

        def enter_and_be_interrupted(log, *records):
            os.kill(os.getpid(), signal.SIGINT)
            return enter(log, *records)

        journal._writer.enter = enter_and_be_interrupted
        try:
            journal.accepted(KILL)
        except KeyboardInterrupt:
            os._exit(0)
        os._exit(1)

    child = multiprocessing.get_context("fork").Process(target=interrupted_while_accepting)
    child.start()
    child.join(DEADLINE_S)

    assert child.exitcode == 0
    (row,) = bench.rows()
    assert (row.outcome, row.message) == ("interrupted", "interrupted; nothing was written")


def test_a_signal_while_it_is_finished_changes_nothing(bench):
    def interrupted_while_finishing():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        journal = bench.journal()
        entry = journal.accepted(KILL)
        enter = journal._writer.enter

        def enter_and_be_interrupted(log, *records):
            os.kill(os.getpid(), signal.SIGINT)
            return enter(log, *records)

        journal._writer.enter = enter_and_be_interrupted
        entry.finished(DONE)
        os._exit(0)

    child = multiprocessing.get_context("fork").Process(target=interrupted_while_finishing)
    child.start()
    child.join(DEADLINE_S)

    assert child.exitcode == 0
    assert bench.rows()[0].outcome == "confirmed"


def test_a_waiting_record_that_was_tampered_with_is_left_alone(bench):
    make_unwritable(bench)
    bench.journal().accepted(KILL).finished(DONE)
    (path,) = bench.place.glob("audit.waiting/*.json")
    path.write_text(json.dumps({"records": [{"kind": "accepted"}]}))
    bench.file.path.rmdir()

    bench.journal().accepted(RESTORE)

    assert [row.command for row in bench.rows()] == ["restore"]
    assert [record.kind for record in records_of(bench.file.read()[0])] == [RecordKind.ACCEPTED]
