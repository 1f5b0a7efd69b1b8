"""Reading the audit log, and finding out what is unknown in it, with real files."""

from dataclasses import replace

import pytest
from builders import REF

from opsctl.adapters.audit_file import AuditFile
from opsctl.adapters.audit_log import LocalAuditLog
from opsctl.adapters.audit_spool import AuditSpool
from opsctl.adapters.audit_writer import AuditWriter
from opsctl.adapters.journal import AuditJournal
from opsctl.core.audit_parts import FlagState, Process
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.journal import Accepted, Ended

KILL = Accepted(command="kill", ref=REF, was_on=True, from_version=7)


@pytest.fixture
def writer(tmp_path):
    return AuditWriter(AuditFile(tmp_path / "data"), AuditSpool(tmp_path / "data"))


@pytest.fixture
def log(writer):
    return LocalAuditLog(writer, who="noor@desk")


def accept(writer, *, pid=9_999_999):
    """A command is accepted, by a process that does not run."""
    journal = AuditJournal(writer, who="sandy@desk", provider="LaunchDarkly")
    journal._process = Process(pid=pid, born="0")
    return journal.accepted(KILL)


def found_out(log):
    (row,) = log.rows()
    return replace(row, outcome="written", after=FlagState(on=False), message="the provider's audit log has it")


def test_a_log_that_is_not_there_is_empty_and_in_order(log):
    assert log.rows() == ()
    assert log.examine().defect is None


def test_what_was_found_out_is_appended_and_shown(writer, log):
    accept(writer)

    log.resolve([found_out(log)])

    (row,) = log.rows()
    assert (row.outcome, row.after.on, row.message) == ("written", False, "the provider's audit log has it")
    assert (log.examine().records, log.examine().defect) == (2, None)


def test_what_another_command_has_found_out_meanwhile_is_not_appended_again(writer, log):
    accept(writer)
    found = found_out(log)

    log.resolve([found])
    log.resolve([replace(found, outcome="not_written")])

    assert log.examine().records == 2
    assert log.rows()[0].outcome == "written"


def test_a_command_that_said_itself_how_it_ended_is_left_alone(writer, log):
    entry = accept(writer)
    found = found_out(log)
    entry.finished(Ended(outcome="confirmed", exit_code=0))

    log.resolve([found])

    assert log.rows()[0].outcome == "confirmed"
    assert log.examine().records == 2


def test_what_waits_is_entered_when_the_log_is_read(writer, log):
    writer.file.path.parent.mkdir(mode=0o700)
    writer.file.path.mkdir()
    entry = accept(writer)
    entry.finished(Ended(outcome="confirmed", exit_code=0))
    writer.file.path.rmdir()

    (row,) = log.rows()

    assert (row.outcome, row.late) == ("confirmed", "Is a directory")


def test_a_log_that_cannot_be_read_is_an_error_with_a_fix(writer, log):
    writer.file.path.mkdir(parents=True)

    with pytest.raises(OpsError) as failed:
        log.rows()
    assert failed.value.code is ErrorCode.FAILED
    assert str(writer.file.path) in failed.value.message
    assert "opsctl config show" in failed.value.hint


def test_finding_out_in_a_log_that_cannot_be_written_is_let_be(writer, log):
    accept(writer)
    found = found_out(log)
    writer.file.path.unlink()
    writer.file.path.mkdir()

    log.resolve([found])
