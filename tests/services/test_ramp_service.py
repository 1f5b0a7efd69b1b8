"""A restore in steps: how it goes, and what stops it."""

import pytest
from builders import KEY, REF, a_flag
from support.ramp_bench import STEPS, RampBench
from support.rules import InMemoryRamps

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.exit_codes import ExitCode, ramp_exit_code
from opsctl.core.flags import Environment
from opsctl.core.modes import Mode
from opsctl.core.objectives import Objective
from opsctl.core.pins import Pin
from opsctl.core.ramp import Ramp, RampCause
from opsctl.core.rollouts import DefaultRule, Uncovered
from opsctl.core.switch import Outcome

ENABLED = DefaultRule.of_variation(0)
VARIATIONS = a_flag().build().variations


def unreachable():
    return OpsError(ErrorCode.UNREACHABLE, "did not answer", retry_after_s=0.0)


def a_ramp_left_at(percent, **changes):
    rule = ENABLED.ramped(percent, VARIATIONS, context_kind="device")
    return Ramp(**{
        "ref": REF, "original": ENABLED, "written": rule, "steps": STEPS, "at_s": 1.0, "percent": percent, **changes,
    })  # fmt: skip


def a_bench_left_at(percent, *, on=True, **changes):
    ramp = a_ramp_left_at(percent, **changes)
    bench = RampBench(ramp=ramp)
    bench.rules.change(REF, ramp.written, on=on)
    return bench


def test_a_ramp_goes_through_its_steps_and_puts_the_rule_back():
    bench = RampBench()

    end = bench.run(incident="INC-1")

    assert (end.cause, end.receipt.outcome, end.is_back) == (RampCause.DONE, Outcome.CONFIRMED, True)
    assert bench.percents == [5, 25, 50, 100, None]
    assert [turn_on for _, turn_on, _ in bench.rules.writes] == [True, False, False, False, False]
    assert bench.clock.monotonic_s() == pytest.approx(3 * 60 + 120, abs=5)
    assert (bench.is_on, bench.rules.rule, bench.ramps.kept) == (True, ENABLED, {})
    assert end.receipt.propagation.is_complete
    assert end.receipt.plan.expected_mode is Mode.FULL


def test_each_change_says_which_step_it_is_and_why():
    bench = RampBench()

    bench.run((25.0, 100.0), incident="INC-1")

    assert bench.comments == [
        "restore ramp 25 % (step 1 of 2), from the default rule Enabled (true): fine again (INC-1)",
        "restore ramp 100 % (step 2 of 2): fine again (INC-1)",
        "restore ramp done, the default rule is Enabled (true) again: fine again (INC-1)",
    ]


def test_each_step_is_told_once_it_is_confirmed_and_once_its_time_is_over():
    bench = RampBench()

    bench.run((5.0, 100.0))

    confirmed, watched = bench.told("step"), bench.told("watched")
    assert [(one.number, one.steps, one.percent) for one in confirmed] == [(1, 2, 5), (2, 2, 100)]
    assert all(one.seen.is_complete for one in confirmed)
    assert [one.traffic.requests for one in watched] == [pytest.approx(2400, rel=0.1)] * 2
    assert len(bench.told("watching")) == pytest.approx(180, abs=40)


def test_a_rule_that_is_a_rollout_is_put_back_with_its_seed():
    original = {"rollout": {"seed": 61, "variations": [
        {"variation": 0, "weight": 60_000}, {"variation": 1, "weight": 40_000},
    ]}}  # fmt: skip
    bench = RampBench(rule=original)

    end = bench.run((50.0, 100.0))

    assert bench.percents == [30, 60]
    assert (bench.rules.rule.to_wire(), end.is_back) == (original, True)
    assert end.receipt.plan.expected_mode is None


def test_a_kill_stops_the_ramp_before_its_next_step_and_the_rule_is_put_back_while_it_is_off():
    bench = RampBench()
    bench.at(80, bench.kill)

    end = bench.run()

    assert (end.cause, ramp_exit_code(end)) == (RampCause.KILLED, ExitCode.SUPERSEDED)
    assert bench.percents == [5, 25, None]
    assert not bench.is_on
    assert bench.clock.monotonic_s() == pytest.approx(80, abs=1.5)
    assert end.said == 'Sandy ("checkout again") turned it off'
    assert (end.percent, end.is_back, bench.ramps.kept) == (25.0, True, {})


def test_a_kill_is_seen_also_where_no_instance_shows_it():
    bench = RampBench()
    bench.at(70, lambda: bench.instances.stuck.update({"worker-0": 9, "worker-1": 9}))
    bench.at(80, bench.kill)

    end = bench.run()

    assert (end.cause, bench.percents) == (RampCause.KILLED, [5, 25, None])
    assert bench.clock.monotonic_s() == pytest.approx(80, abs=6)


def test_a_kill_between_the_look_and_the_write_of_a_step_wins():
    bench = RampBench()
    bench.rules.before_put = [None, bench.kill]

    end = bench.run()

    assert (end.cause, bench.is_on, bench.percents) == (RampCause.KILLED, False, [5, None])


def test_a_kill_since_the_flag_was_looked_at_keeps_the_first_step_from_being_written():
    bench = RampBench()
    prepared = bench.prepare()
    bench.flags.set(REF, on=True)
    bench.kill()

    end = bench.service.run(prepared)

    assert (end.cause, end.percent, bench.is_on) == (RampCause.KILLED, None, False)
    assert (bench.rules.writes, bench.ramps.kept) == ([], {})


def test_somebody_who_restores_at_once_meanwhile_is_not_taken_back():
    bench = RampBench()
    bench.at(80, lambda: bench.rules.change(REF, {"variation": 1}))

    end = bench.run()

    assert (end.cause, ramp_exit_code(end)) == (RampCause.CHANGED, ExitCode.SUPERSEDED)
    assert "changed the default rule to Disabled (false)" in end.said
    assert (bench.rules.rule.to_wire(), bench.is_on, end.is_back) == ({"variation": 1}, True, False)
    assert bench.ramps.kept == {}


@pytest.mark.parametrize(("fault", "said"), [("broken", "50.0% of the requests failed"), ("slow", "p99 is 3000 ms")])
def test_a_breach_kills_at_once_and_puts_the_rule_back(fault, said):
    bench = RampBench()
    bench.at(80, lambda: getattr(bench.instances, fault).add("worker-1"))

    end = bench.run(incident="INC-1")

    assert (end.cause, ramp_exit_code(end)) == (RampCause.BREACHED, ExitCode.OBJECTIVE_NOT_MET)
    assert not bench.is_on
    assert "worker-1: " in end.said
    assert fault == "broken" or said in end.said
    assert (end.kill.outcome, end.kill.incident) == (Outcome.CONFIRMED, "INC-1")
    assert end.kill.reason.startswith("restore ramp at 25 %: worker-1: ")
    assert (bench.percents, bench.rules.rule, bench.ramps.kept) == ([5, 25, None], ENABLED, {})
    assert bench.clock.monotonic_s() < 100


def test_what_the_objective_allows_is_no_breach():
    bench = RampBench()
    bench.instances.broken.add("worker-0")

    end = bench.run((25.0, 100.0), objective=Objective(max_error_rate=0.6))

    assert end.cause is RampCause.DONE


def test_a_handful_of_failed_requests_says_nothing():
    bench = RampBench()
    bench.instances.broken.add("worker-0")
    bench.instances.per_s = 0

    assert bench.run((25.0, 100.0)).cause is RampCause.DONE


def test_what_an_instance_answered_before_the_ramp_does_not_count():
    bench = RampBench()
    bench.instances.broken.add("worker-0")
    bench.instances.wait_for_news(100.0)
    bench.instances.broken.clear()

    assert bench.run((25.0, 100.0)).cause is RampCause.DONE


def test_an_instance_that_starts_anew_is_counted_anew():
    bench = RampBench()
    bench.at(30, lambda: bench.instances.pids.update({"worker-0": 2}))

    assert bench.run((25.0, 100.0)).cause is RampCause.DONE


def test_the_ramp_holds_while_an_instance_does_not_answer():
    bench = RampBench()
    bench.at(30, lambda: bench.instances.gone.add("worker-1"))
    bench.at(200, bench.instances.gone.clear)

    end = bench.run((5.0, 100.0))

    assert end.cause is RampCause.DONE
    assert [one.why for one in bench.told("holding")] == ["worker-1 does not answer"]
    (going_on,) = bench.told("going_on")
    assert going_on.percent == 5
    assert bench.clock.monotonic_s() == pytest.approx(200 + 120, abs=5)


def test_the_ramp_holds_while_the_provider_cannot_be_reached():
    bench = RampBench()
    bench.at(59, lambda: bench.rules.before_get.extend([unreachable() for _ in range(12)]))

    end = bench.run((5.0, 100.0))

    assert end.cause is RampCause.DONE
    assert "did not answer" in bench.told("holding")[0].why
    assert bench.percents == [5, 100, None]


def test_it_holds_at_100_percent_too_until_the_rule_can_be_put_back():
    bench = RampBench()
    bench.at(179, lambda: bench.rules.before_get.extend([unreachable() for _ in range(12)]))

    end = bench.run((5.0, 100.0))

    assert (end.cause, end.is_back, bench.told("holding")[0].percent) == (RampCause.DONE, True, 100)


def test_what_the_provider_refuses_to_one_that_was_killed_is_not_said_to_stand():
    bench = a_bench_left_at(25.0, on=False)
    bench.rules.before_put = [OpsError(ErrorCode.APPROVAL_REQUIRED, "wants an approval first", is_answer=True)]

    with pytest.raises(OpsError) as raised:
        bench.run()

    assert raised.value.message == "wants an approval first; it is off, and nothing is restored"
    assert bench.ramps.kept[REF].original == ENABLED


def test_a_step_whose_answer_is_lost_is_not_written_twice():
    bench = RampBench()
    bench.rules.after_put = [unreachable(), unreachable()]

    end = bench.run((5.0, 100.0))

    assert (end.cause, bench.percents) == (RampCause.DONE, [5, 100, None])


def test_an_instance_that_is_pinned_stops_the_ramp_where_it_is():
    bench = RampBench()
    pin = Pin(number=1, is_set=True, project="p", environment="e", flag="f", by="Sandy", at_s=0, reason="down")
    bench.at(80, lambda: bench.instances.pins.update({"worker-0": pin}))

    end = bench.run()

    assert (end.cause, ramp_exit_code(end)) == (RampCause.PINNED, ExitCode.BREAK_GLASS)
    assert end.said == 'worker-0 was pinned to degraded by Sandy, "down"'
    assert (end.left.percent, bench.ramps.kept[REF].percent) == (25.0, 25.0)


def test_interrupted_it_stays_where_it_is_and_can_be_gone_on_with():
    bench = RampBench()
    bench.at(80, KeyboardInterrupt())

    end = bench.run()

    assert (end.cause, ramp_exit_code(end)) == (RampCause.INTERRUPTED, ExitCode.INTERRUPTED)
    assert (end.left.percent, end.left.remaining) == (25.0, (50.0, 100.0))
    assert (bench.is_on, bench.percents) == (True, [5, 25])
    assert bench.ramps.kept[REF].original == ENABLED


def test_interrupted_before_its_first_write_nothing_is_left():
    bench = RampBench()
    prepared = bench.prepare()
    bench.rules.before_get = [KeyboardInterrupt()]

    with pytest.raises(KeyboardInterrupt):
        bench.service.run(prepared)

    assert (bench.is_on, bench.ramps.kept) == (False, {})


def test_interrupted_before_it_begins_anew_the_original_rule_is_not_forgotten():
    bench = a_bench_left_at(25.0, on=False)
    prepared = bench.prepare()
    bench.rules.before_get = [KeyboardInterrupt()]

    with pytest.raises(KeyboardInterrupt):
        bench.service.run(prepared)

    assert bench.ramps.kept[REF].original == ENABLED
    assert bench.ramps.kept[REF].owns(bench.rules.rule)


def test_interrupted_in_its_first_write_it_says_that_it_may_have_been_written():
    bench = RampBench()
    bench.rules.after_put = [KeyboardInterrupt()]

    end = bench.run()

    assert (end.cause, end.percent) == (RampCause.INTERRUPTED, None)
    assert end.said == "interrupted while writing: it may be 5 % already"
    assert bench.ramps.kept[REF].owns(bench.rules.rule)


def test_interrupted_in_a_write_it_says_that_it_may_have_been_written():
    bench = RampBench()
    bench.rules.after_put = [None, KeyboardInterrupt()]

    end = bench.run()

    assert end.said == "interrupted while writing: it may be 25 % already"
    assert bench.ramps.kept[REF].owns(bench.rules.rule)


def test_interrupted_while_the_rule_is_put_back_after_a_kill_it_is_still_known():
    bench = RampBench()
    bench.at(80, bench.kill)
    bench.rules.before_put = [None, None, KeyboardInterrupt()]

    end = bench.run()

    assert (end.cause, end.is_back, end.is_on, bench.is_on) == (RampCause.INTERRUPTED, False, False, False)
    assert bench.ramps.kept[REF].original == ENABLED


def test_a_wall_clock_that_is_set_makes_no_step_shorter_or_longer():
    bench = RampBench()
    bench.at(20, lambda: setattr(bench.clock, "_start_s", 0.0))
    bench.at(90, lambda: setattr(bench.clock, "_start_s", 4e9))

    assert bench.run((25.0, 100.0)).cause is RampCause.DONE
    assert bench.clock.monotonic_s() == pytest.approx(60 + 120, abs=4)


def test_a_later_ramp_goes_on_from_where_one_was_left():
    bench = a_bench_left_at(25.0)

    end = bench.run()

    assert bench.percents == [50, 100, None]
    assert (end.cause, bench.rules.rule) == (RampCause.DONE, ENABLED)
    assert "goes on from 25 %" in end.receipt.notes[0]


def test_after_a_crash_in_a_write_the_flag_tells_how_far_it_came():
    rule = ENABLED.ramped(50.0, VARIATIONS, context_kind="device")
    bench = a_bench_left_at(25.0, writing=rule, writing_percent=50.0)
    bench.rules.change(REF, rule)

    bench.run()

    assert bench.percents == [100, None]


def test_without_steps_a_ramp_that_was_left_is_finished_in_one_change():
    bench = a_bench_left_at(25.0)

    end = bench.run(())

    assert (bench.percents, bench.is_on, bench.ramps.kept) == ([None], True, {})
    assert (end.receipt.outcome, end.receipt.plan.expected_mode) == (Outcome.CONFIRMED, Mode.FULL)


def test_one_that_was_killed_without_its_rule_back_is_finished_by_turning_on_with_the_rule_back():
    bench = a_bench_left_at(25.0, on=False)

    bench.run(())

    assert bench.rules.writes[0][:2] == ({"variation": 0}, True)
    assert bench.is_on


def test_one_that_was_killed_begins_anew_from_its_original_rule():
    bench = a_bench_left_at(25.0, on=False)

    bench.run()

    assert bench.percents == [5, 25, 50, 100, None]
    assert bench.rules.rule == ENABLED


def test_a_rule_that_somebody_changed_since_is_kept_and_that_is_said():
    bench = a_bench_left_at(25.0, on=False)
    bench.rules.change(REF, {"rollout": {"variations": [
        {"variation": 0, "weight": 90_000}, {"variation": 1, "weight": 10_000},
    ]}})  # fmt: skip

    end = bench.run((100.0,))

    assert "90 % Enabled, 10 % Disabled by user is kept" in end.receipt.notes[0]
    assert bench.rules.rule.weights == ((0, 90_000), (1, 10_000))


def test_what_stands_in_the_record_and_not_in_the_flag_is_forgotten():
    bench = RampBench(ramp=a_ramp_left_at(25.0), flag=a_flag().build())

    assert bench.prepare(()).is_plain
    assert bench.ramps.kept == {}


def test_a_flag_that_is_on_leaves_nothing_to_ramp():
    assert RampBench(flag=a_flag().build()).prepare().is_plain


def test_without_an_instance_there_is_nothing_to_watch():
    bench = RampBench()
    bench.instances.gone = {"worker-0", "worker-1"}

    with pytest.raises(OpsError) as raised:
        bench.prepare()

    assert raised.value.code is ErrorCode.FAILED
    assert "nothing was written" in raised.value.message


def test_an_environment_that_requires_comments_gets_one():
    bench = RampBench(environments={"test": Environment("test", require_comments=True)})

    with pytest.raises(OpsError) as raised:
        bench.prepare(reason=None)

    assert raised.value.code is ErrorCode.USAGE


def test_what_the_provider_refuses_at_the_first_step_leaves_nothing_behind():
    bench = RampBench()
    bench.rules.before_put = [OpsError(ErrorCode.APPROVAL_REQUIRED, "wants an approval first", is_answer=True)]

    with pytest.raises(OpsError) as raised:
        bench.run()

    assert raised.value.message == "wants an approval first"
    assert (bench.is_on, bench.ramps.kept) == (False, {})


def test_what_the_provider_refuses_later_is_said_with_where_it_stands_and_how_to_go_on():
    bench = RampBench()
    bench.rules.before_put = [None, OpsError(ErrorCode.APPROVAL_REQUIRED, "wants an approval first", is_answer=True)]

    with pytest.raises(OpsError) as raised:
        bench.run()

    assert raised.value.message == "wants an approval first; the restore stands at 5 %"
    assert f"opsctl restore {KEY} --env test --ramp 25,50,100" in raised.value.hint


def test_where_the_kill_does_not_work_the_breach_is_said_with_the_way_round():
    bench = RampBench()
    bench.at(20, lambda: bench.instances.broken.add("worker-0"))
    bench.flags.fail_writes(OpsError(ErrorCode.APPROVAL_REQUIRED, "wants an approval first", is_answer=True))

    with pytest.raises(OpsError) as raised:
        bench.run()

    assert raised.value.code is ErrorCode.APPROVAL_REQUIRED
    assert raised.value.message.startswith("the objective is not met (worker-0: ")
    assert "--break-glass" in raised.value.hint


def test_a_kill_puts_back_the_rule_of_a_ramp_that_was_left():
    bench = a_bench_left_at(25.0, on=False)

    said = bench.service.put_back(REF, timeout_s=3.0)

    assert said == "a restore in steps stood at 25 %: the default rule is Enabled (true) again"
    assert (bench.is_on, bench.rules.rule, bench.ramps.kept) == (False, ENABLED, {})


def test_a_kill_leaves_a_rule_alone_that_somebody_changed_and_one_that_is_on_again():
    changed = a_bench_left_at(25.0, on=False)
    changed.rules.change(REF, {"variation": 1})
    on_again = a_bench_left_at(25.0, on=True)

    assert "Disabled (false) is kept" in changed.service.put_back(REF, timeout_s=3.0)
    assert "the flag is on again" in on_again.service.put_back(REF, timeout_s=3.0)
    assert (changed.rules.writes, on_again.rules.writes) == ([], [])
    assert (changed.ramps.kept, list(on_again.ramps.kept)) == ({}, [REF])


def test_a_kill_stands_also_where_the_rule_cannot_be_put_back():
    bench = a_bench_left_at(25.0, on=False)
    bench.rules.before_get = [unreachable() for _ in range(9)]

    said = bench.service.put_back(REF, timeout_s=3.0)

    assert "is not put back: did not answer" in said
    assert list(bench.ramps.kept) == [REF]
    assert RampBench().service.put_back(REF, timeout_s=3.0) is None


def test_what_is_decided_before_the_default_rule_is_known():
    prepared = RampBench(uncovered=Uncovered(targets=2)).prepare()

    assert (prepared.seen.uncovered.label, prepared.switch.plan.expected_mode) == ("2 individual targets", None)


def test_nothing_is_begun_where_its_record_cannot_be_kept():
    class FullDisk(InMemoryRamps):
        def write(self, ramp):
            raise OpsError(ErrorCode.FAILED, "cannot be kept")

    bench = RampBench()
    bench.service._ramps = FullDisk()

    with pytest.raises(OpsError, match="cannot be kept"):
        bench.run()

    assert (bench.rules.writes, bench.is_on) == ([], False)
