"""Kill and restore, from reading to the receipt."""

import pytest
from builders import KEY, REF, a_flag, a_sighting
from fakes import InMemoryFlags
from support.switch_bench import AFTER, BEFORE, BETWEEN, Bench

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import Environment
from opsctl.core.modes import Mode
from opsctl.core.propagation import Sighting
from opsctl.core.switch import Change, Confirmation, Outcome


def test_a_kill_is_confirmed_when_every_instance_and_browser_is():
    bench = Bench([BEFORE], [BETWEEN], [AFTER])

    receipt = bench.run(reason="slow checkout", incident="INC-1")

    assert receipt.outcome is Outcome.CONFIRMED
    assert (receipt.plan.from_version, receipt.version) == (7, 8)
    assert receipt.written_ms == pytest.approx(41)
    assert receipt.propagation.browsers_confirmed == 2
    assert bench.flags.writes == [(REF, False, "slow checkout (INC-1)")]


def test_an_instance_that_follows_another_provider_confirms_nothing():
    """It calls its environment by the same name, and is degraded there at a higher version."""
    keyed = {"test": Environment("test", sdk_key_digest="aaaa")}
    stranger = a_sighting(version=900, mode=Mode.DEGRADED, sdk_key_digest="bbbb")

    receipt = Bench([stranger], flags=InMemoryFlags(environments=keyed)).run(timeout_s=1.0)

    assert receipt.outcome is Outcome.PENDING
    assert "may serve another environment" in receipt.propagation.stragglers[0]


def test_where_the_provider_shows_no_key_the_operators_own_tells_whose_flags_an_instance_serves():
    bench = Bench([a_sighting(version=900, mode=Mode.DEGRADED, sdk_key_digest="bbbb")], sdk_key_digest="aaaa")

    assert bench.run(timeout_s=1.0).outcome is Outcome.PENDING


def test_instances_are_observed_before_the_write():
    bench = Bench([AFTER])
    bench.flags.after_write = lambda: observed.append(bench.instances.observed)
    observed = []

    bench.run()

    assert observed == [1]


def test_a_kill_that_one_browser_does_not_confirm_is_pending_at_the_deadline():
    bench = Bench([BETWEEN])

    receipt = bench.run(timeout_s=3.0)

    assert receipt.outcome is Outcome.PENDING
    assert "1 browser not confirmed" in receipt.propagation.stragglers[0]
    assert bench.clock.monotonic_s() == pytest.approx(3.0, abs=0.6)


def test_a_silent_instance_does_not_hold_up_the_write_and_is_named():
    bench = Bench([AFTER, Sighting("worker-1")])

    receipt = bench.run(timeout_s=2.0)

    assert not bench.is_on
    assert receipt.outcome is Outcome.PENDING
    assert receipt.propagation.stragglers == ("worker-1 does not answer",)


def test_without_instances_nothing_is_claimed_but_the_write():
    assert Bench([]).run().outcome is Outcome.NO_INSTANCES


def test_an_instance_that_is_being_started_again_is_waited_for():
    bench = Bench([Sighting("worker-0", is_gone=True)], [AFTER])

    assert bench.run().outcome is Outcome.CONFIRMED


def test_an_instance_that_should_be_there_and_does_not_come_back_is_named():
    receipt = Bench([Sighting("worker-0", is_gone=True)]).run(timeout_s=1.0)

    assert receipt.outcome is Outcome.PENDING
    assert receipt.propagation.stragglers == ("worker-0 is not there, although opsctl serve is running",)


def test_without_waiting_nothing_is_observed():
    bench = Bench([BEFORE])

    receipt = bench.run(wait=False)

    assert (receipt.outcome, receipt.propagation) == (Outcome.NOT_VERIFIED, None)
    assert bench.instances.observed == 0
    assert not bench.is_on


def test_a_killed_switch_is_verified_and_not_written_again():
    flags = InMemoryFlags(a_flag().killed().at_version(8).build())
    bench = Bench([AFTER], flags=flags)

    receipt = bench.run()

    assert (receipt.outcome, receipt.written_ms) == (Outcome.CONFIRMED, None)
    assert flags.writes == []


def test_a_killed_switch_that_an_instance_does_not_follow_is_pending():
    bench = Bench([BEFORE], flags=InMemoryFlags(a_flag().killed().at_version(8).build()))

    assert bench.run(timeout_s=1.0).outcome is Outcome.PENDING


def test_a_restore_turns_targeting_on_and_expects_full():
    flags = InMemoryFlags(a_flag().killed().at_version(8).build())
    bench = Bench([AFTER], [a_sighting(version=9, mode=Mode.FULL)], flags=flags)

    receipt = bench.run(Change.RESTORE)

    assert receipt.outcome is Outcome.CONFIRMED
    assert bench.is_on


def test_a_dry_run_writes_nothing_and_says_whom_it_would_concern():
    bench = Bench([BEFORE])

    receipt = bench.service.preview(bench.prepare())

    assert (receipt.outcome, receipt.propagation.instances, receipt.propagation.browsers) == (Outcome.PLANNED, 1, 2)
    assert bench.is_on


def test_a_lost_answer_is_read_back_and_not_written_twice():
    bench = Bench([AFTER])
    lost = OpsError(ErrorCode.UNREACHABLE, "the connection broke off", retry_after_s=0.1)
    bench.flags.fail_writes(lost, although_written=True)

    receipt = bench.run()

    assert receipt.outcome is Outcome.CONFIRMED
    assert len(bench.flags.writes) == 1


def test_a_write_that_did_not_arrive_is_made_again():
    bench = Bench([AFTER])
    bench.flags.fail_writes(OpsError(ErrorCode.UNREACHABLE, "HTTP 503", retry_after_s=0.25))

    assert bench.run().outcome is Outcome.CONFIRMED
    assert len(bench.flags.writes) == 1
    assert "trying again in" in bench.notes[0]


def test_a_refused_connection_is_not_tried_again():
    bench = Bench([BEFORE])
    bench.flags.fail_reads(OpsError(ErrorCode.UNREACHABLE, "nothing listens there"))

    with pytest.raises(OpsError, match="nothing listens there"):
        bench.run()

    assert bench.clock.monotonic_s() == 0


def test_a_conflict_that_clears_is_survived():
    bench = Bench([AFTER])
    bench.flags.fail_writes(*[OpsError(ErrorCode.CONFLICT, "HTTP 409", retry_after_s=0.05)] * 3)

    assert bench.run().outcome is Outcome.CONFIRMED


def test_a_conflict_that_does_not_clear_is_an_error():
    bench = Bench([BEFORE])
    bench.flags.fail_writes(*[OpsError(ErrorCode.CONFLICT, "HTTP 409", retry_after_s=0.05)] * 20)

    with pytest.raises(OpsError) as raised:
        bench.run()

    assert raised.value.code is ErrorCode.CONFLICT
    assert bench.is_on


def test_a_rate_limit_is_waited_out_within_the_deadline():
    bench = Bench([AFTER])
    bench.flags.fail_writes(OpsError(ErrorCode.RATE_LIMITED, "HTTP 429", retry_after_s=4.0))

    assert bench.run(timeout_s=10).outcome is Outcome.CONFIRMED
    assert bench.clock.monotonic_s() >= 4.0


def test_a_rate_limit_longer_than_the_deadline_is_an_error_at_once():
    bench = Bench([BEFORE])
    bench.flags.fail_writes(OpsError(ErrorCode.RATE_LIMITED, "HTTP 429", retry_after_s=60.0))

    with pytest.raises(OpsError) as raised:
        bench.run(timeout_s=10)

    assert raised.value.code is ErrorCode.RATE_LIMITED
    assert bench.clock.monotonic_s() < 1


def test_somebody_who_turns_it_on_again_right_after_the_write_supersedes_it():
    bench = Bench([BEFORE])
    bench.flags.after_write = lambda: bench.flags.set(REF, on=True)

    receipt = bench.run()

    assert (receipt.outcome, receipt.version) == (Outcome.SUPERSEDED, 9)


def test_somebody_who_turns_it_on_again_while_waiting_supersedes_it():
    bench = Bench([BEFORE], [a_sighting(version=9, mode=Mode.FULL)])
    original = bench.instances.wait_for_news

    def meddle(timeout_s):
        bench.flags.set(REF, on=True)
        return original(timeout_s)

    bench.instances.wait_for_news = meddle

    assert bench.run().outcome is Outcome.SUPERSEDED


def test_off_on_off_in_between_does_not_supersede():
    """An instance has seen the "on" of somebody else, whose "off" is on its way."""
    bench = Bench([BEFORE], [a_sighting(version=9, mode=Mode.FULL)], [a_sighting(version=10, mode=Mode.DEGRADED)])

    receipt = bench.run()

    assert receipt.outcome is Outcome.CONFIRMED


def test_ctrl_c_while_waiting_ends_with_what_was_seen():
    bench = Bench([BEFORE], [BETWEEN], KeyboardInterrupt(), [BETWEEN])

    receipt = bench.run()

    assert receipt.outcome is Outcome.INTERRUPTED
    assert receipt.written_ms is not None
    assert receipt.propagation.browsers_confirmed == 1


def test_ctrl_c_while_writing_says_that_the_state_is_unknown():
    bench = Bench([BEFORE])
    bench.flags.fail_writes(KeyboardInterrupt())

    with pytest.raises(OpsError) as raised:
        bench.run()

    assert raised.value.code is ErrorCode.INTERRUPTED
    assert "may or may not" in raised.value.message


def test_an_environment_that_requires_comments_wants_a_reason():
    strict = {"test": Environment("test", require_comments=True)}
    bench = Bench([AFTER], flags=InMemoryFlags(environments=strict))

    with pytest.raises(OpsError, match="requires a comment") as raised:
        bench.prepare()

    assert raised.value.code is ErrorCode.USAGE
    assert "--reason" in raised.value.hint
    assert bench.prepare(reason="slow").comment == "slow"


def test_an_incident_alone_is_a_comment():
    strict = {"test": Environment("test", require_comments=True)}

    assert Bench(flags=InMemoryFlags(environments=strict)).prepare(incident="INC-1").comment == "INC-1"


def test_a_provider_that_does_not_answer_the_read_back_does_not_undo_what_instances_confirm():
    bench = Bench([AFTER])
    bench.flags.after_write = lambda: bench.flags.fail_reads(OpsError(ErrorCode.UNREACHABLE, "gone"))

    assert bench.run().outcome is Outcome.CONFIRMED


def test_a_lost_answer_that_cannot_be_read_back_leaves_the_state_unknown_and_says_so():
    bench = Bench([BEFORE])
    lost = OpsError(ErrorCode.UNREACHABLE, "the connection broke off", retry_after_s=0.1)
    bench.flags.fail_writes(*[lost] * 20, although_written=True)
    prepared = bench.prepare()
    bench.flags.fail_reads(*[OpsError(ErrorCode.UNREACHABLE, "gone")] * 20)

    with pytest.raises(OpsError, match="may or may not be changed") as raised:
        bench.service.apply(prepared)

    assert raised.value.code is ErrorCode.UNREACHABLE
    assert f"opsctl status {KEY}" in raised.value.hint


def test_an_environment_that_the_token_may_not_look_at_counts_as_critical():
    bench = Bench([AFTER])
    bench.flags.get_environment = lambda *_args, **_options: (_ for _ in ()).throw(OpsError(ErrorCode.FORBIDDEN, "no"))

    assert bench.prepare().confirmation is Confirmation.ANSWER
    assert bench.run().outcome is Outcome.CONFIRMED
