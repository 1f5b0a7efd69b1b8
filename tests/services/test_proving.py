"""What a receipt claims, and what it says besides."""

import pytest
from builders import REF, a_flag, a_sighting
from fakes import InMemoryFlags, RecordingJournal
from support.switch_bench import AFTER, BEFORE, BETWEEN, Bench
from support.waiting import eventually

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.expecting import Expect
from opsctl.core.modes import Mode
from opsctl.core.propagation import Sighting
from opsctl.core.shares import parse_share
from opsctl.core.switch import Change, Outcome


def test_instances_are_told_what_to_expect():
    bench = Bench([AFTER])

    bench.run()

    assert bench.instances.told[0] == Expect(
        flag=REF.key, version=8, is_kill=True, project=REF.project, environment=REF.environment
    )


def test_instances_are_told_also_where_nothing_is_waited_for_or_written():
    no_wait, done = Bench([BEFORE]), Bench([AFTER], flags=InMemoryFlags(a_flag().killed().at_version(8).build()))

    no_wait.run(wait=False)
    done.run()

    assert no_wait.instances.told[0].version == 8
    assert done.instances.told[0].version == 8


def test_those_that_did_not_take_it_in_are_told_again():
    bench = Bench([AFTER])
    answers = [(Sighting("worker-1"),)]
    tell = bench.instances.tell
    bench.instances.tell = lambda message, *, timeout_s: (
        tell(message, timeout_s=timeout_s),
        answers.pop() if answers else (),
    )[1]
    bench.instances.wait_for_news = lambda _timeout_s: eventually(lambda: len(bench.instances.told) == 2)
    bench.instances._script = [(BETWEEN,)]
    bench.instances.sightings = lambda: (AFTER if len(bench.instances.told) == 2 else BETWEEN,)

    assert bench.run().outcome is Outcome.CONFIRMED


def test_that_nobody_could_be_told_stops_nothing():
    bench = Bench([AFTER])

    def fail(message, *, timeout_s):
        raise OpsError(ErrorCode.UNREACHABLE, "the bus is gone")

    bench.instances.tell = fail

    assert bench.run().outcome is Outcome.CONFIRMED


def test_those_that_had_to_be_told_are_named():
    heard = a_sighting("worker-0", version=8, mode=Mode.DEGRADED)
    told = a_sighting("worker-1", version=8, mode=Mode.DEGRADED, is_deaf=True)

    receipt = Bench([heard, told]).run()

    assert receipt.notes == ("1 of 2 was reached through the control channel, its stream is silent: worker-1",)


def test_a_share_of_the_browsers_is_enough_where_that_was_asked_for():
    receipt = Bench([BETWEEN]).run(browsers=parse_share("50%"))

    assert receipt.outcome is Outcome.CONFIRMED
    assert receipt.notes == ("50 % of the browsers confirmed, as asked: --browsers 50%",)
    assert receipt.propagation.stragglers


def test_nothing_is_said_of_a_share_that_everybody_exceeded():
    assert Bench([AFTER]).run(browsers=parse_share("50%")).notes == ()


def test_a_change_that_the_provider_does_not_show_afterwards_is_not_confirmed():
    bench = Bench([AFTER])
    unchanged = bench.flags.flags[REF.key]
    bench.flags.after_write = lambda: setattr(bench.flags, "get_flag", lambda *_args, **_options: unchanged)

    receipt = bench.run(timeout_s=1.0)

    assert receipt.outcome is Outcome.PENDING
    assert receipt.notes == ("the provider took the change, and still shows it on at version 7 when read back",)


def test_a_change_that_the_provider_shows_a_little_later_is_confirmed():
    bench = Bench([AFTER])
    reads = [bench.flags.flags[REF.key]]
    get_flag = bench.flags.get_flag
    late = lambda *arguments, **options: reads.pop() if reads else get_flag(*arguments, **options)  # noqa: E731 - a stub
    bench.flags.after_write = lambda: setattr(bench.flags, "get_flag", late)

    assert bench.run().outcome is Outcome.CONFIRMED
    assert reads == []


def test_that_nothing_could_be_read_back_is_said():
    bench = Bench([AFTER])
    gone = OpsError(ErrorCode.UNREACHABLE, "gone")
    bench.flags.after_write = lambda: bench.flags.fail_reads(*[gone] * 1000)

    receipt = bench.run(timeout_s=0.5)

    assert receipt.outcome is Outcome.CONFIRMED
    assert receipt.notes == (
        "it could not be read back, so this rests on the answer to the write and what the instances say: gone",
    )


def test_who_superseded_a_change_is_named():
    bench = Bench([BEFORE])

    def meddle():
        bench.flags.after_write = lambda: None
        bench.flags.turn(REF, on=True, comment="too early")

    bench.flags.after_write = meddle

    receipt = bench.run()

    assert (receipt.outcome, receipt.superseded_by.comment) == (Outcome.SUPERSEDED, "too early")


def test_a_receipt_knows_when_it_was_written_and_when_it_ended():
    bench = Bench([BEFORE], [AFTER])
    began_s = bench.clock.now_s()

    receipt = bench.run()

    assert began_s <= receipt.started_at_s < receipt.written_at_s <= receipt.ended_at_s


@pytest.mark.parametrize("change", list(Change))
def test_each_accepted_command_has_one_entry_that_says_how_it_ended(change):
    journal = RecordingJournal()
    flag = a_flag().at_version(8).build() if change is Change.KILL else a_flag().killed().at_version(8).build()
    mode = Mode.DEGRADED if change is Change.KILL else Mode.FULL
    bench = Bench([a_sighting(version=9, mode=mode)], flags=InMemoryFlags(flag), journal=journal)

    bench.run(change, reason="why", incident="INC-1")

    ((accepted, ended),) = journal.entries
    assert (accepted.command, accepted.ref, accepted.was_on, accepted.from_version) == (
        change,
        REF,
        change is Change.KILL,
        8,
    )
    assert (accepted.reason, accepted.incident) == ("why", "INC-1")
    assert (ended.outcome, ended.is_on, ended.written_version, ended.exit_code) == (
        "confirmed",
        change is Change.RESTORE,
        9,
        0,
    )


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (OpsError(ErrorCode.APPROVAL_REQUIRED, "no"), "approval_required"),
        (KeyboardInterrupt(), "interrupted"),
        (RuntimeError("a defect"), "failed"),
    ],
)
def test_a_command_that_fails_has_one_entry_too(error, outcome):
    journal = RecordingJournal()
    bench = Bench([BEFORE], journal=journal)
    bench.flags.fail_writes(error)

    with pytest.raises((OpsError, RuntimeError)):
        bench.run()

    ((_accepted, ended),) = journal.entries
    assert ended.outcome == outcome


def test_what_was_not_recorded_is_said():
    assert Bench([AFTER], journal=RecordingJournal(gap="the audit log is full")).run().notes == (
        "the audit log is full",
    )
