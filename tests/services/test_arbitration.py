"""A kill never loses to a restore that was on its way, on fakes; the real journal has tests of its own."""

import pytest
from builders import KEY, REF, a_flag, a_sighting
from fakes import FakeClock, InMemoryFlags, RecordingJournal, ScriptedInstances

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.modes import Mode
from opsctl.core.switch import Change, Outcome
from opsctl.services.outlasting import AGAIN, CONTESTED
from opsctl.services.prepared import SwitchRequest
from opsctl.services.switch import SwitchService

KILLED = a_sighting(version=8, mode=Mode.DEGRADED)
KILLED_LATER = a_sighting(version=9, mode=Mode.DEGRADED)


class Contest:
    """A kill beside a restore that is on its way for so many looks; `meanwhile` happens at the given look."""

    def __init__(self, flag, *sightings, looks=0, meanwhile=None, at_look=1):
        self.clock = FakeClock()
        self.flags = InMemoryFlags(flag, clock=self.clock)
        self.journal = RecordingJournal()
        self.instances = ScriptedInstances(self.clock, list(sightings))
        self._looks_left = looks
        self._look = 0
        self._meanwhile = (at_look, meanwhile)
        entry_of = self.journal.accepted
        self.journal.accepted = lambda command: self._contested(entry_of(command))
        self.service = SwitchService(
            reader=self.flags, writer=self.flags, instances=self.instances, clock=self.clock, journal=self.journal
        )

    def _contested(self, entry):
        entry.is_contested = self._is_contested
        return entry

    def _is_contested(self):
        self._look += 1
        at_look, happens = self._meanwhile
        if happens is not None and self._look == at_look:
            happens()
        self._looks_left -= 1
        return self._looks_left >= 0

    def restore_arrives(self):
        self.flags.set(REF, on=True)

    def kill(self, **request):
        request = SwitchRequest(ref=REF, change=Change.KILL, **request)
        return self.service.apply(self.service.prepare(request))

    @property
    def is_on(self):
        return self.flags.flags[KEY].targeting["test"].on


def test_a_kill_with_nothing_to_write_waits_for_a_restore_that_is_on_its_way_and_kills_after_it():
    contest = Contest(a_flag().killed().build(), KILLED_LATER, looks=3)
    contest._meanwhile = (3, contest.restore_arrives)

    receipt = contest.kill()

    assert not contest.is_on
    assert receipt.written_version == 9
    assert receipt.outcome is Outcome.CONFIRMED


def test_a_kill_that_looked_before_a_restore_was_written_kills_after_it():
    """The restore was over when the kill was accepted, so nothing is on its way, and the flag is on all the same."""
    contest = Contest(a_flag().killed().build(), KILLED_LATER)
    request = SwitchRequest(ref=REF, change=Change.KILL)
    prepared = contest.service.prepare(request)
    contest.restore_arrives()

    receipt = contest.service.apply(prepared)

    assert not contest.is_on
    assert receipt.written_version == 9


def test_a_kill_whose_restore_ends_without_a_write_has_nothing_to_write():
    contest = Contest(a_flag().killed().build(), a_sighting(version=7, mode=Mode.DEGRADED), looks=3)

    receipt = contest.kill()

    assert receipt.written_ms is None
    assert contest.flags.writes == []
    assert receipt.outcome is Outcome.CONFIRMED


def test_a_kill_with_something_to_write_does_not_wait_before_it():
    contest = Contest(a_flag().build(), KILLED, looks=1000)

    contest.kill(timeout_s=2.0)

    assert contest.flags.entries[0].at_ms / 1000 - contest.clock._start_s < 0.1


def test_a_kill_that_is_undone_by_a_restore_on_its_way_is_written_again_and_says_so():
    contest = Contest(a_flag().build(), a_sighting(version=10, mode=Mode.DEGRADED), looks=3)
    contest._meanwhile = (3, contest.restore_arrives)

    receipt = contest.kill()

    assert not contest.is_on
    assert [on for _, on, _ in contest.flags.writes] == [False, False]
    assert AGAIN in receipt.notes
    assert receipt.outcome is Outcome.CONFIRMED


def test_a_kill_that_is_contested_until_time_is_up_claims_nothing():
    contest = Contest(a_flag().build(), KILLED, looks=10_000)

    receipt = contest.kill(timeout_s=2.0)

    assert receipt.outcome is Outcome.PENDING
    assert CONTESTED in receipt.notes
    assert contest.journal.entries[0][1].exit_code == 3


@pytest.mark.parametrize("flag", [a_flag().build(), a_flag().killed().build()], ids=["on", "off"])
def test_a_kill_looks_again_where_the_provider_does_not_say_what_a_restore_left_behind(flag):
    """The restore is over, and the first look at what it did is not answered."""
    contest = Contest(flag, looks=2)

    def the_restore_arrives_and_the_next_look_fails():
        contest.restore_arrives()
        contest.flags.fail_reads(OpsError(ErrorCode.UNREACHABLE, "the provider did not answer"))

    contest._meanwhile = (3, the_restore_arrives_and_the_next_look_fails)

    contest.kill(wait=False)

    assert not contest.is_on


def test_a_kill_that_cannot_see_what_a_restore_left_behind_claims_nothing():
    contest = Contest(a_flag().build(), KILLED, looks=2)
    silence = [OpsError(ErrorCode.UNREACHABLE, "the provider did not answer")] * 10_000
    contest._meanwhile = (3, lambda: contest.flags.fail_reads(*silence))

    receipt = contest.kill(timeout_s=2.0)

    assert receipt.outcome is Outcome.PENDING
    assert CONTESTED in receipt.notes


def test_a_kill_that_is_interrupted_while_it_is_contested_claims_nothing():
    contest = Contest(a_flag().build(), KILLED, looks=10_000)

    def interrupt():
        raise KeyboardInterrupt

    contest._meanwhile = (3, interrupt)

    assert contest.kill().outcome is Outcome.INTERRUPTED


def test_a_restore_that_loses_to_a_kill_writes_nothing():
    contest = Contest(a_flag().killed().build())

    def refuse(_command):
        raise OpsError(ErrorCode.SUPERSEDED, "a kill wins")

    contest.journal.accepted = refuse
    request = SwitchRequest(ref=REF, change=Change.RESTORE)

    with pytest.raises(OpsError, match="a kill wins"):
        contest.service.apply(contest.service.prepare(request))
    assert contest.flags.writes == []


def test_a_restore_says_in_the_journal_when_it_looked_and_a_kill_does_not_need_to():
    contest = Contest(a_flag().killed().build(), a_sighting(version=7, mode=Mode.DEGRADED))
    contest.kill()

    contest.service.apply(contest.service.prepare(SwitchRequest(ref=REF, change=Change.RESTORE, wait=False)))

    (kill, _), (restore, _) = contest.journal.entries
    assert (kill.read_at, restore.read_at) == (None, 1)
    assert (kill.mode, restore.mode) == (Mode.DEGRADED, Mode.DEGRADED)
