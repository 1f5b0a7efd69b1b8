"""Making a change once, and a restore only of what was looked at."""

import pytest
from builders import KEY, REF, a_flag, a_sighting, an_entry
from fakes import InMemoryApprovals, InMemoryFlags, InMemorySchedules
from support.switch_bench import AFTER, BEFORE, Bench

from opsctl.core.approving import ApprovalRequest
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.modes import Mode
from opsctl.core.scheduling import ScheduledChange
from opsctl.core.switch import Change, Outcome

KILLED = a_flag().killed().at_version(8).build()
RESTORED = a_sighting(version=9, mode=Mode.FULL)
LOST = OpsError(ErrorCode.UNREACHABLE, "the connection broke off", retry_after_s=0.1)
CONFLICT = OpsError(ErrorCode.CONFLICT, "HTTP 409", retry_after_s=0.05, is_answer=True)
UNKNOWN_CONDITION = OpsError(ErrorCode.REFUSED, "HTTP 422", is_answer=True)


def killed_bench(*script, **collaborators):
    return Bench(*script, flags=InMemoryFlags(KILLED), **collaborators)


def before_next_write(bench, meddle):
    """Have somebody else come in between the look at the flag and the write."""
    turn = bench.flags.turn

    def overtaken(*arguments, **options):
        bench.flags.turn = turn
        meddle()
        return turn(*arguments, **options)

    bench.flags.turn = overtaken


def test_a_restore_loses_to_a_kill_that_came_in_between_and_names_who_made_it():
    bench = killed_bench([AFTER])

    def meddle():
        bench.flags.set(REF, on=True)
        bench.flags.turn(REF, on=False, comment="still broken")

    before_next_write(bench, meddle)

    receipt = bench.run(Change.RESTORE)

    assert (receipt.outcome, receipt.version, receipt.written_ms) == (Outcome.SUPERSEDED, 10, None)
    assert receipt.superseded_by.comment == "still broken"
    assert not bench.is_on


def test_a_restore_that_somebody_else_made_at_the_same_time_is_verified_and_not_claimed():
    bench = killed_bench([RESTORED])
    before_next_write(bench, lambda: bench.flags.turn(REF, on=True, comment="mine"))

    receipt = bench.run(Change.RESTORE, reason="ours")

    assert (receipt.outcome, receipt.version) == (Outcome.CONFIRMED, 9)
    assert (receipt.written_ms, receipt.written_version, receipt.written_at_s) == (None, None, None)
    assert receipt.superseded_by.comment == "mine"
    assert receipt.notes == ("somebody else turned it on at the same time, version 9",)
    assert [comment for _ref, _on, comment in bench.flags.writes] == ["mine"]


def test_a_kill_is_written_whatever_came_in_between():
    bench = Bench([a_sighting(version=10, mode=Mode.DEGRADED)])

    def meddle():
        bench.flags.set(REF, on=False)
        bench.flags.set(REF, on=True)

    before_next_write(bench, meddle)

    assert bench.run().outcome is Outcome.CONFIRMED
    assert not bench.is_on


def test_a_restore_whose_answer_was_lost_is_read_back():
    bench = killed_bench([RESTORED])
    bench.flags.fail_writes(LOST, although_written=True)

    receipt = bench.run(Change.RESTORE)

    assert (receipt.outcome, receipt.written_version) == (Outcome.CONFIRMED, 9)
    assert "it was read back, on at version 9" in receipt.notes[0]
    assert len(bench.flags.writes) == 1


def test_where_the_provider_knows_no_condition_a_restore_is_made_without_and_said_so():
    bench = killed_bench([RESTORED])
    bench.flags.fail_writes(UNKNOWN_CONDITION)

    receipt = bench.run(Change.RESTORE)

    assert receipt.outcome is Outcome.CONFIRMED
    assert receipt.notes[0].startswith("the provider knows no condition on the version")


def test_where_the_provider_knows_no_condition_a_kill_that_was_overtaken_is_put_back():
    bench = killed_bench([AFTER])
    bench.flags.fail_writes(UNKNOWN_CONDITION)
    before_next_write(bench, lambda: before_next_write(bench, meddle))

    def meddle():
        bench.flags.turn(REF, on=True, comment="too early")
        bench.flags.turn(REF, on=False, comment="still broken")

    receipt = bench.run(Change.RESTORE)

    assert receipt.outcome is Outcome.SUPERSEDED
    assert not bench.is_on
    assert "the restore had overtaken a kill, and was taken back" in receipt.notes


def test_where_the_provider_knows_no_condition_a_change_that_came_before_it_said_so_wins():
    bench = killed_bench([AFTER])

    def meddle():
        bench.flags.set(REF, on=True)
        bench.flags.set(REF, on=False)

    before_next_write(bench, meddle)
    bench.flags.fail_writes(UNKNOWN_CONDITION)

    assert bench.run(Change.RESTORE).outcome is Outcome.SUPERSEDED
    assert not bench.is_on


def test_a_condition_that_does_not_hold_may_be_called_a_conflict_with_something_pending():
    bench = killed_bench([AFTER])

    def meddle():
        bench.flags.set(REF, on=True)
        bench.flags.set(REF, on=False)

    before_next_write(bench, meddle)
    bench.flags.fail_writes(OpsError(ErrorCode.PENDING_CHANGE, "conflict"))

    assert bench.run(Change.RESTORE).outcome is Outcome.SUPERSEDED


def test_a_refusal_that_is_no_unknown_condition_is_an_error():
    bench = Bench([BEFORE])
    bench.flags.fail_writes(OpsError(ErrorCode.REFUSED, "the flag is archived"))

    with pytest.raises(OpsError, match="the flag is archived"):
        bench.run()

    assert bench.flags.writes == []


def test_an_approval_that_is_required_offers_what_leads_on():
    bench = Bench([BEFORE], approvals=InMemoryApprovals())
    bench.flags.fail_writes(OpsError(ErrorCode.APPROVAL_REQUIRED, "wants an approval", request_id="4711"))

    with pytest.raises(OpsError, match="wants an approval") as raised:
        bench.run()

    assert raised.value.request_id == "4711"
    assert raised.value.hint == (
        f"ask for it: opsctl kill {KEY} --env test --request-approval; without waiting for it:"
        f' opsctl kill {KEY} --env test --break-glass --reason "…"; it is given at https://provider.example/test/{KEY}'
    )


def test_what_forbids_a_restore_is_named():
    scheduled = ScheduledChange("1", 1_790_003_600_000, 0, ("turnFlagOff",))
    bench = killed_bench([AFTER], schedules=InMemorySchedules(scheduled))
    bench.flags.fail_writes(OpsError(ErrorCode.PENDING_CHANGE, "refused"))

    with pytest.raises(OpsError, match="refused; pending: a scheduled change is to turn it off at") as raised:
        bench.run(Change.RESTORE)

    assert raised.value.code is ErrorCode.PENDING_CHANGE


def test_what_a_kill_did_not_stop_is_said_aloud():
    scheduled = ScheduledChange("1", 1_790_003_600_000, 0, ("updateTrackEvents",))
    turning_on = ScheduledChange("2", 1_790_003_600_000, 0, ("turnFlagOn",))
    request = ApprovalRequest("3", 0, ("addRule",), description="for the sale")
    bench = Bench([AFTER], schedules=InMemorySchedules(scheduled, turning_on), approvals=InMemoryApprovals(request))

    assert bench.run().notes == (
        "not stopped by this: a scheduled change is to make changes (updateTrackEvents) at 2026-09-21 15:13:20 UTC",
        'not stopped by this: an approval request to make changes (addRule) is pending: "for the sale"',
    )


@pytest.mark.parametrize(
    ("error", "notes"),
    [
        (OpsError(ErrorCode.FORBIDDEN, "the plan has none"), ()),
        (LOST, ("not stopped by this: what is pending could not be looked up: the connection broke off",)),
    ],
)
def test_that_nothing_can_be_seen_to_be_pending_is_said_unless_the_plan_has_no_such_thing(error, notes):
    approvals = InMemoryApprovals()
    approvals.error = error

    assert Bench([AFTER], approvals=approvals).run().notes == notes


def test_ctrl_c_while_writing_what_was_written_says_so():
    bench = Bench([AFTER])
    bench.flags.fail_writes(KeyboardInterrupt(), although_written=True)

    receipt = bench.run()

    assert (receipt.outcome, receipt.version, receipt.written_version) == (Outcome.INTERRUPTED, 8, 8)


def test_approval_is_asked_for_and_nothing_written():
    approvals = InMemoryApprovals()
    bench = Bench([BEFORE], approvals=approvals)

    receipt = bench.run(asks_approval=True, reason="slow checkout", incident="INC-1")

    assert (receipt.outcome, receipt.written_ms, receipt.approval.is_new) == (Outcome.APPROVAL_REQUESTED, None, True)
    assert (approvals.requests[0].only("turnFlagOff"), approvals.requests[0].description) == (
        True,
        "slow checkout (INC-1)",
    )
    assert bench.is_on


def test_a_request_that_is_open_already_is_found_and_one_for_something_else_or_declined_is_not():
    mine = ApprovalRequest("mine", 0, ("turnFlagOff",))
    others = (
        ApprovalRequest("other", 3, ("turnFlagOff", "addRule")),
        ApprovalRequest("opposite", 2, ("turnFlagOn",)),
        ApprovalRequest("declined", 1, ("turnFlagOff",), review="declined"),
    )

    assert Bench([BEFORE], approvals=InMemoryApprovals(*others, mine)).run(asks_approval=True).approval == mine
    assert Bench([BEFORE], approvals=InMemoryApprovals(*others)).run(asks_approval=True).approval.is_new


def test_a_request_whose_answer_was_lost_is_found_and_not_made_again():
    approvals = InMemoryApprovals()
    approvals.is_lost = True

    receipt = Bench([BEFORE], approvals=approvals).run(asks_approval=True)

    assert receipt.approval.id == "request-1"
    assert len(approvals.requests) == 1


def test_an_approved_request_is_carried_out_and_proven():
    bench = Bench([AFTER])
    approvals = InMemoryApprovals(ApprovalRequest("mine", 0, ("turnFlagOff",), review="approved"), flags=bench.flags)
    bench = Bench([AFTER], flags=bench.flags, approvals=approvals)

    receipt = bench.run(asks_approval=True)

    assert (receipt.outcome, receipt.written_version, receipt.approval.id) == (Outcome.CONFIRMED, 8, "mine")
    assert not bench.is_on


def test_nothing_is_asked_for_where_nothing_is_to_be_written():
    approvals = InMemoryApprovals()

    receipt = killed_bench([AFTER], approvals=approvals).run(asks_approval=True)

    assert (receipt.outcome, approvals.requests) == (Outcome.CONFIRMED, [])


def test_that_the_log_does_not_tell_who_it_was_changes_nothing_else():
    class Silent:
        def list_changes(self, ref, *, limit=1):
            raise OpsError(ErrorCode.FORBIDDEN, "not for this token")

    bench = Bench([BEFORE], audit=Silent())
    bench.flags.after_write = lambda: bench.flags.set(REF, on=True)

    receipt = bench.run()

    assert (receipt.outcome, receipt.superseded_by) == (Outcome.SUPERSEDED, None)


def test_an_entry_reads_as_a_clause():
    entry = an_entry(who="Sandy", comment="p99", at_ms=1_790_000_000_000)

    assert entry.told == 'Sandy turned off the flag at 2026-09-21 14:13:20 UTC: "p99"'
