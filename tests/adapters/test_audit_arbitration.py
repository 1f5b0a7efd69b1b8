"""Who wins where the log is so busy that not every command can be put into it in its turn."""

from dataclasses import replace

import pytest
from support.journals import DONE, GONE, KILL, RESTORE, SOMEBODY, JournalBench

from opsctl.adapters import journal as journal_module
from opsctl.core.errors import ErrorCode, OpsError

ANOTHER = SOMEBODY + 1
WHEN_THE_PROCESS_BEGAN_S = 1_000_000.0


@pytest.fixture
def bench(tmp_path, monkeypatch):
    return JournalBench(tmp_path / "data", monkeypatch)


def restoring(bench, *, pid=ANOTHER):
    """Return how a restore is accepted that has looked at the flag now, in a process that began before."""
    journal = bench.journal(pid=pid)
    journal._began_s = None
    command = replace(RESTORE, read_at=journal.end())
    return lambda: journal.accepted(command)


def lose(restore):
    with pytest.raises(OpsError, match="a kill wins") as refused:
        restore()
    return refused.value.code is ErrorCode.SUPERSEDED


def test_a_restore_that_cannot_be_put_into_the_log_loses_to_a_kill_that_ended_since_it_looked(bench):
    restore = restoring(bench)
    bench.journal(pid=SOMEBODY).accepted(KILL).finished(DONE)

    with bench.file.opened():
        assert lose(restore)

    bench.journal().accepted(replace(KILL, reason="enters what waits"))
    row = next(row for row in bench.rows() if row.command == "restore")
    assert (row.outcome, row.exit_code, row.late) == ("superseded", 7, "another process keeps it locked")


def test_a_restore_that_cannot_be_put_into_the_log_loses_to_a_kill_that_waits_as_well(bench):
    restore = restoring(bench)

    with bench.file.opened():
        bench.journal(pid=SOMEBODY).accepted(KILL)
        assert lose(restore)


def test_a_restore_that_cannot_be_put_into_the_log_is_waited_for_by_a_kill_until_it_is_over(bench):
    with bench.file.opened():
        restored = restoring(bench)()
        killing = bench.journal().accepted(KILL)

        assert killing.is_contested()
        restored.finished(DONE)
        assert not killing.is_contested()


def test_a_restore_that_waited_is_waited_for_wherever_it_was_put_into_the_log(bench):
    """What a kill that waits as well has entered stands before it, although no restore knew of that kill."""
    with bench.file.opened():
        killing = bench.journal().accepted(KILL)
        bench.journal(pid=SOMEBODY).accepted(RESTORE)
    bench.journal().accepted(replace(KILL, reason="enters what waits"))

    assert [row.command for row in bench.rows()] == ["kill", "restore", "kill"]
    assert killing.is_contested()


def test_a_kill_that_cannot_be_put_into_the_log_waits_for_a_restore_that_is_on_its_way(bench):
    restored = restoring(bench)()
    with bench.file.opened():
        killing = bench.journal().accepted(KILL)

    assert killing.is_contested()
    restored.finished(DONE)
    assert not killing.is_contested()


def test_a_kill_that_cannot_be_put_into_the_log_is_seen_by_the_next_restore_and_needs_not_wait_for_it(bench):
    with bench.file.opened():
        killing = bench.journal(pid=SOMEBODY).accepted(KILL)

    assert lose(restoring(bench))
    assert not killing.is_contested()


def test_a_restore_loses_to_a_kill_whose_end_waits_to_be_put_into_the_log(bench):
    """The kill's process is gone then: only what waits tells that it had not ended when the restore looked."""
    killing = bench.journal(pid=GONE).accepted(KILL)
    restore = restoring(bench)
    with bench.file.opened():
        killing.finished(DONE)

    assert lose(restore)


@pytest.mark.parametrize("is_locked", [False, True])
def test_a_kill_that_had_ended_before_a_restore_looked_stops_none_although_it_waits(bench, is_locked):
    with bench.file.opened():
        bench.journal(pid=GONE).accepted(KILL).finished(DONE)
        restore = restoring(bench)
        if is_locked:
            restored = restore()
    if not is_locked:
        restored = restore()
    restored.finished(DONE)

    assert [(row.command, row.outcome) for row in bench.rows()] == [("kill", "confirmed"), ("restore", "confirmed")]


def test_a_kill_ended_after_a_process_began_although_an_older_moment_stands_behind_it(bench, monkeypatch):
    """A command takes its moment before it waits for its turn: the moments in the log are not in the log's order."""
    began_s = WHEN_THE_PROCESS_BEGAN_S

    def at(moment_s):
        monkeypatch.setattr(journal_module.time, "time", lambda: moment_s)

    at(began_s - 1)
    killing = bench.journal(pid=SOMEBODY).accepted(KILL)
    at(began_s + 1)
    killing.finished(DONE)
    at(began_s - 0.5)
    bench.journal(pid=SOMEBODY).accepted(replace(RESTORE, ref=replace(RESTORE.ref, key="another"))).finished(DONE)
    at(began_s + 2)
    journal = bench.journal(pid=ANOTHER)
    journal._began_s = began_s

    assert lose(lambda: journal.accepted(replace(RESTORE, read_at=journal.end())))
