"""What the audit log tells of the last kill, and what a dry run exits with."""

import pytest
from builders import REF, a_sighting, an_entry

from opsctl.core.blast import Blast, exit_code_of_blast, last_kill
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.looking import Looked, looked
from opsctl.core.modes import Mode
from opsctl.core.propagation import Expectation, summarise
from opsctl.core.switch import Change, Outcome, Receipt, SwitchPlan

PLAN = SwitchPlan(REF, Change.KILL, 7, True, Mode.DEGRADED, "Disabled (false)")


def off(at_s, **others):
    return an_entry(f"off-{at_s}", at_ms=at_s * 1000, what="turned off the flag", **others)


def on(at_s):
    return an_entry(f"on-{at_s}", at_ms=at_s * 1000, what="turned on the flag")


def test_the_last_kill_is_the_newest_one_with_the_restore_that_ended_it():
    kill = last_kill([on(90), off(60), on(30), off(10)])

    assert (kill.start.id, kill.end.id, kill.length_s(1000.0)) == ("off-60", "on-90", 30.0)


def test_a_kill_that_lasts_is_counted_up_to_now():
    kill = last_kill([off(60), on(30)])

    assert (kill.end, kill.length_s(100.0)) == (None, 40.0)


def test_a_second_kill_of_what_is_off_does_not_begin_anew():
    assert last_kill([off(60), off(10)]).start.id == "off-10"


@pytest.mark.parametrize("entries", [[], [on(30)], [an_entry(what="updated the description")]])
def test_without_a_kill_in_the_log_there_is_none(entries):
    assert last_kill(entries) is None


@pytest.mark.parametrize(
    ("code", "exit_code", "is_refusal"),
    [
        (ErrorCode.APPROVAL_REQUIRED, 6, True),
        (ErrorCode.REFUSED, 6, True),
        (ErrorCode.CONFLICT, 6, True),
        (ErrorCode.FORBIDDEN, 4, True),
        (ErrorCode.UNREACHABLE, 0, False),
    ],
)
def test_a_dry_run_exits_with_the_refusal_and_not_with_what_could_not_be_asked(code, exit_code, is_refusal):
    blast = Blast(receipt=Receipt(PLAN, Outcome.PLANNED, 7), at_s=0.0, verdict=Looked(error=OpsError(code, "no")))

    assert exit_code_of_blast(blast) == exit_code
    assert (blast.refusal is not None) is is_refusal


def test_the_calls_per_second_are_those_of_the_instances_that_count():
    sightings = [
        a_sighting("worker-0", avatar_rate=1.5),
        a_sighting("worker-1", avatar_rate=2.0),
        a_sighting("worker-2", avatar_rate=9.0, environment="production"),
    ]
    seen = summarise(sightings, Expectation(REF, 7, None), base_s=0.0)

    assert Blast(receipt=Receipt(PLAN, Outcome.PLANNED, 7, propagation=seen), at_s=0.0).avatar_rate == 3.5


def test_what_cannot_be_looked_up_is_its_error():
    error = OpsError(ErrorCode.FORBIDDEN, "no")

    def refuse():
        raise error

    assert looked(lambda: 3) == Looked(3)
    assert (looked(refuse).error, looked(refuse).is_not_had) == (error, True)
    assert not Looked(error=OpsError(ErrorCode.UNREACHABLE, "gone")).is_not_had
