"""Rehearsals: the steps of a game day, what is refused, and how each step ends when it is interrupted."""

import pytest
from support.load_bench import interrupt, refusal
from support.pins import a_pin
from support.rehearsals import RehearsedBench

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.load.failures import Failure
from opsctl.core.load.steps import ORDER, StepName
from opsctl.core.modes import Mode
from opsctl.core.switch import Change, Outcome


@pytest.fixture
def bench():
    return RehearsedBench()


def observed(result, name):
    return next(step.observed for step in result.steps if step.name is name)


def interrupt_in(bench, name):
    """Interrupt as soon as a step begins."""

    def on_step(step):
        bench.told.append(step)
        if step.name is name and not step.is_over:
            bench.rehearsing.on_step = bench.told.append
            raise KeyboardInterrupt

    bench.rehearsing.on_step = on_step


def test_it_goes_through_all_steps_and_says_of_each_what_was_observed(bench):
    result = bench.rehearse()

    assert [step.name for step in result.steps] == list(ORDER)
    assert all(step.is_over and step.observed for step in result.steps)
    assert [(one.name, one.is_over) for one in bench.told] == [(name, over) for name in ORDER for over in (False, True)]
    assert observed(result, StepName.NOTE) == (
        "show-avatars-and-reccs is on at version 1",
        "2/2 instances follow it, and 9/9 connected browsers",
        "the avatar API answers at once",
    )
    assert observed(result, StepName.BASELINE) == ("healthy: 30.0 pages/s, p95 100 ms, 0% failed, 30.0 avatar calls/s",)
    assert observed(result, StepName.KILL) == ("written in 8.0 ms, 2/2 instances confirmed in 20 ms",)
    assert observed(result, StepName.PROVE) == (
        "9/9 connected browsers confirmed; 9 of 9 browsers of the run showed it, p50 40 ms, p99 40 ms, max 40 ms",
        "the page is degraded: no avatar of the third party, no recommendation",
    )
    assert observed(result, StepName.VERIFY)[-1] == "everything is as it was noted"
    assert bench.feed.changes == [Change.KILL, Change.RESTORE]


def test_the_step_of_the_failure_says_what_the_avatar_api_does(bench):
    bench.rehearse()

    begun = [step for step in bench.told if step.name is StepName.INJECT and not step.is_over]
    assert [step.doing for step in begun] == ["the avatar API takes 10.0 s, then answers nothing"]


def test_without_a_failure_its_step_says_that_it_was_left_out():
    result = RehearsedBench(Failure.NONE).rehearse()

    assert [step.name for step in result.steps] == list(ORDER)
    assert observed(result, StepName.INJECT) == ("left out: no failure was asked for",)


@pytest.mark.parametrize("name", ORDER)
def test_interrupted_at_any_step_everything_is_put_back_verified_and_said_to_be_partial(bench, name):
    interrupt_in(bench, name)

    result = bench.rehearse()

    assert bench.feed.mode is Mode.FULL
    assert bench.avatars.told[-1] == "put back"
    assert (result.ended_by, result.is_left_as_found) == (ErrorCode.INTERRUPTED, True)
    assert result.is_partial
    assert bench.feed.changes.count(Change.KILL) == bench.feed.changes.count(Change.RESTORE)
    assert result.steps[-1].name is StepName.VERIFY
    assert all(step.is_over for step in result.steps)
    if name is not StepName.VERIFY:
        assert observed(result, StepName.VERIFY)[-1] == "everything is as it was noted"


@pytest.mark.parametrize("at_s", [6, 15, 25, 36, 48, 60])
def test_interrupted_in_the_middle_of_a_phase_its_step_is_said_to_be_cut_short(bench, at_s):
    bench.clock.at(at_s, interrupt)

    result = bench.rehearse()

    assert bench.feed.mode is Mode.FULL
    assert (result.ended_by, result.is_left_as_found) == (ErrorCode.INTERRUPTED, True)
    assert sum("cut short" in step.observed for step in result.steps) == 1
    assert observed(result, StepName.VERIFY)[-1] == "everything is as it was noted"


def test_interrupted_while_it_is_verified_it_is_not_called_verified(bench):
    looks = []

    def on_look():
        looks.append(len(looks))
        if len(looks) == 2:
            raise KeyboardInterrupt

    bench.on_look = on_look

    result = bench.rehearse()

    assert (result.ended_by, result.interrupted) == (ErrorCode.INTERRUPTED, "interrupted before it was verified")
    assert observed(result, StepName.VERIFY) == ("cut short",)
    assert bench.feed.mode is Mode.FULL


def test_what_an_incident_has_turned_off_is_never_turned_on(bench):
    bench.feed.turn(Mode.DEGRADED)

    with pytest.raises(OpsError, match="is off already") as raised:
        bench.rehearse()

    assert raised.value.message == (
        'show-avatars-and-reccs is off already (4 min ago Sandy turned off the flag, "checkout p99"): a rehearsal would'
        " end with it turned on"
    )
    assert bench.feed.changes == []
    assert bench.feed.mode is Mode.DEGRADED


def test_a_switch_that_is_pinned_by_break_glass_is_refused(bench):
    bench.pinned = a_pin(1)

    with pytest.raises(OpsError, match="break-glass") as raised:
        bench.rehearse()

    assert raised.value.code is ErrorCode.BREAK_GLASS
    assert bench.feed.changes == []


def test_a_switch_that_not_everyone_follows_is_refused(bench):
    bench.stragglers = ("worker-1 does not answer",)

    with pytest.raises(OpsError, match=r"not everyone follows .* worker-1 does not answer"):
        bench.rehearse()

    assert bench.feed.changes == []


def test_a_page_that_still_shows_avatars_ends_it_and_everything_is_put_back(bench):
    bench.shown_images[Mode.DEGRADED] = 3

    result = bench.rehearse()

    assert (result.ended_by, result.interrupted) == (
        ErrorCode.FAILED,
        "the page should be degraded, but it shows 3 third-party images",
    )
    assert result.is_left_as_found
    assert bench.feed.changes == [Change.KILL, Change.RESTORE]


def test_a_kill_that_not_everyone_follows_fails_it(bench):
    bench.feed.outcomes[Change.KILL] = Outcome.PENDING

    result = bench.rehearse()

    assert result.ended_by is ErrorCode.NOT_CONFIRMED
    assert bench.feed.mode is Mode.FULL
    assert observed(result, StepName.KILL) == ("cut short",)


def test_what_is_not_as_it_was_is_said_and_waited_for_only_a_while(bench):
    looks = []

    def on_look():
        looks.append(bench.clock.monotonic_s())
        if len(looks) > 1:
            bench.stragglers = ("worker-1 does not answer",)
            bench.knobs = {"latency_ms": 200.0}

    bench.on_look = on_look

    result = bench.rehearse()

    assert not result.is_left_as_found
    assert result.left_as == (
        "not everyone follows show-avatars-and-reccs as it is: worker-1 does not answer; "
        "the avatar API is not told what it was told before"
    )
    assert 10 <= looks[-1] - looks[1] < 12


def test_who_follows_a_moment_later_is_waited_for(bench):
    looks = []

    def on_look():
        looks.append(None)
        bench.stragglers = ("worker-1 does not answer",) if len(looks) in {2, 3} else ()

    bench.on_look = on_look

    assert bench.rehearse().is_left_as_found
    assert len(looks) == 4


def test_who_follows_only_a_moment_after_it_is_to_begin_is_waited_for_then_too(bench):
    looks = []

    def on_look():
        looks.append(None)
        bench.stragglers = ("worker-1 does not answer",) if len(looks) < 3 else ()

    bench.on_look = on_look

    assert bench.rehearse().is_left_as_found


def test_a_provider_that_is_gone_at_the_end_leaves_it_unverified(bench):
    looks = []

    def on_look():
        looks.append(None)
        if len(looks) > 1:
            raise refusal("the provider is gone")

    bench.on_look = on_look

    result = bench.rehearse()

    assert result.left_as == "it could not be verified: the provider is gone"
    assert bench.feed.mode is Mode.FULL


def test_what_somebody_else_changed_meanwhile_is_theirs_and_is_not_verified(bench):
    bench.clock.at(40, lambda: bench.feed.turn(Mode.DEGRADED))

    result = bench.rehearse()

    assert result.ended_by is ErrorCode.SUPERSEDED
    assert bench.feed.mode is Mode.DEGRADED
    assert StepName.VERIFY not in [step.name for step in result.steps]


def test_a_defect_in_who_is_told_does_not_keep_the_switch_from_being_put_back(bench):
    def on_step(step):
        if step.name is StepName.RESTORE:
            raise RuntimeError("a defect")

    bench.rehearsing.on_step = on_step

    with pytest.raises(RuntimeError):
        bench.rehearse()

    assert bench.feed.mode is Mode.FULL
    assert bench.avatars.told[-1] == "put back"
