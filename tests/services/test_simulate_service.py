"""Simulations: what is flipped when, what is counted where, and how everything is put back."""

import signal
from contextlib import contextmanager, nullcontext

import pytest
from support.load_bench import SLOW, LoadBench, interrupt, phases, refusal

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.load.scenario import Avatars, Phase, Tag
from opsctl.core.modes import Mode
from opsctl.core.switch import Change, Outcome


@pytest.fixture
def bench():
    return LoadBench()


def test_each_phase_has_the_pages_that_were_asked_for_within_it(bench):
    result = bench.run()

    assert [phase.name for phase in result.phases] == ["full", "degraded", "restored"]
    for phase in result.phases:
        assert phase.seconds == pytest.approx(10, abs=0.6)
        assert phase.pages.requests == pytest.approx(300, abs=30)
        assert phase.shown == {str(phase.mode): phase.pages.requests}
    full, degraded, _ = result.phases
    assert (full.pages.latency.percentile(50), degraded.pages.latency.percentile(50)) == (100, 10)
    assert (full.avatar_calls, degraded.avatar_calls) == (full.answered, 0)
    assert full.cpu == pytest.approx(0.03, rel=0.1)


def test_the_switch_is_killed_before_degraded_phases_and_restored_after_them(bench):
    result = bench.run()

    assert bench.feed.changes == [Change.KILL, Change.RESTORE]
    kill, restore = result.flips
    assert (kill.to, kill.browsers, kill.shown, kill.shown_ms["p99"]) == (Mode.DEGRADED, (9, 9), 9, 40.0)
    assert kill.is_confirmed
    assert result.phases[0].to_s <= kill.began_s <= result.phases[1].from_s
    assert restore.began_s >= result.phases[1].to_s
    assert result.is_left_as_found
    assert not result.is_partial


def test_what_is_asked_during_a_flip_belongs_to_no_phase(bench):
    result = bench.run()

    within = sum(phase.pages.requests for phase in result.phases)
    everything = sum(second.pages for second in result.seconds)
    assert within < everything


def test_phases_begin_once_everybody_came_and_was_answered(bench):
    result = bench.run()

    assert result.phases[0].from_s >= 2
    assert result.phases[0].visitors == 30
    assert result.phases[0].sockets == 9


def test_visitors_rise_over_the_phase_that_says_so(bench):
    launch = Phase(name="launch", seconds=20, mode=Mode.FULL, tag=Tag.FULL, visitors=300)

    bench.run(phases=(launch, *phases()[1:]))

    assert bench.visitors.wanted == [(30, 0), (300, 20)]


def test_the_avatar_api_does_what_each_phase_says_and_is_put_back(bench):
    hung = Avatars(hang=True)
    full, degraded, restored = phases()
    bench.run(
        phases=(full, Phase(name="hung", seconds=5, mode=Mode.FULL, tag=Tag.FULL, avatars=hung), degraded, restored)
    )

    assert bench.avatars.told == [SLOW, SLOW, hung, "put back"]


def test_a_scenario_that_ends_degraded_is_restored_all_the_same(bench):
    result = bench.run(phases=phases()[:2])

    assert bench.feed.mode is Mode.FULL
    assert [flip.to for flip in result.flips] == [Mode.DEGRADED, Mode.FULL]


@pytest.mark.parametrize("at_s", [1, 5, 17])
def test_ctrl_c_at_any_time_puts_the_switch_back_and_leaves_a_partial_result(bench, at_s):
    bench.clock.at(at_s, interrupt)

    result = bench.run()

    assert result.is_partial
    assert bench.feed.mode is Mode.FULL
    assert result.is_left_as_found
    assert bench.avatars.told[-1] == "put back"
    assert bench.visitors.is_stopped
    assert bench.browsers.is_stopped
    assert not result.phases or result.phases[-1].is_cut_short


def test_ctrl_c_while_it_kills_restores_what_was_written(bench):
    bench.feed.outcomes[Change.KILL] = Outcome.INTERRUPTED

    result = bench.run()

    assert bench.feed.changes == [Change.KILL, Change.RESTORE]
    assert (result.is_partial, result.is_left_as_found) == (True, True)


def test_ctrl_c_that_a_flip_does_not_let_through_is_heard_after_it(bench):
    noticed = iter([[signal.SIGINT]])
    bench.service.noticing = lambda: nullcontext(next(noticed, []))

    result = bench.run()

    assert bench.feed.changes == [Change.KILL, Change.RESTORE]
    assert (result.is_partial, result.is_left_as_found) == (True, True)
    assert [phase.name for phase in result.phases] == ["full"]


def test_signals_are_kept_off_while_everything_is_put_back(bench):
    held = []

    @contextmanager
    def undisturbed():
        held.append("held")
        yield
        held.append("let go")

    bench.service.undisturbed = undisturbed
    bench.feed.on_change = lambda change: held.append(str(change))
    bench.clock.at(17, interrupt)

    bench.run()

    assert held[:4] == ["kill", "held", "restore", "let go"]


@pytest.mark.parametrize("load", ["visitors", "browsers"])
def test_ctrl_c_while_the_load_ends_after_a_whole_run_loses_nothing_of_it(bench, load):
    getattr(bench, load).stop = interrupt

    result = bench.run()

    assert (result.interrupted, result.ended_by, result.is_left_as_found) == ("", None, True)
    assert [phase.is_cut_short for phase in result.phases] == [False, False, False]
    assert bench.visitors.is_stopped or bench.browsers.is_stopped, "the other one is ended all the same"


def test_ctrl_c_before_the_kill_was_written_restores_nothing(bench):
    def on_change(change):
        if change is Change.KILL:
            raise KeyboardInterrupt

    bench.feed.on_change = on_change

    result = bench.run()

    assert bench.feed.changes == []
    assert (result.is_partial, result.is_left_as_found) == (True, True)


def test_what_somebody_else_changed_meanwhile_is_left_as_they_made_it(bench):
    bench.clock.at(20, lambda: bench.feed.turn(Mode.DEGRADED))

    result = bench.run()

    assert bench.feed.changes == [Change.KILL]
    assert bench.feed.mode is Mode.DEGRADED
    assert result.ended_by is ErrorCode.SUPERSEDED
    assert not result.is_left_as_found
    assert result.left_as == "somebody else changed the flag meanwhile: it is left as they made it"


def test_a_kill_by_somebody_else_before_the_own_one_is_theirs_and_stays(bench):
    bench.clock.at(8, lambda: bench.feed.turn(Mode.DEGRADED))

    result = bench.run()

    assert bench.feed.changes == []
    assert bench.feed.mode is Mode.DEGRADED
    assert (result.ended_by, result.is_left_as_found) == (ErrorCode.SUPERSEDED, False)


@pytest.mark.parametrize("is_made", [True, False])
def test_a_kill_of_which_nobody_knows_whether_it_was_made_is_taken_back_only_if_it_was(bench, is_made):
    def on_change(change):
        if change is Change.KILL:
            if is_made:
                bench.feed.turn(Mode.DEGRADED)
            raise OpsError(ErrorCode.UNREACHABLE, "no answer")

    bench.feed.on_change = on_change

    result = bench.run()

    assert bench.feed.mode is Mode.FULL
    assert bench.feed.changes == ([Change.RESTORE] if is_made else [])
    assert (result.ended_by, result.is_left_as_found) == (ErrorCode.UNREACHABLE, True)


def test_a_kill_that_failed_is_not_confused_with_one_that_somebody_else_made_later(bench):
    def on_change(change):
        if change is Change.KILL:
            bench.feed.turn(Mode.FULL)
            bench.feed.turn(Mode.DEGRADED)
            raise OpsError(ErrorCode.UNREACHABLE, "no answer")

    bench.feed.on_change = on_change

    result = bench.run()

    assert bench.feed.mode is Mode.DEGRADED
    assert "somebody else" in result.left_as


def test_a_kill_that_cannot_even_be_planned_needs_no_restore(bench):
    def on_prepare(_change):
        raise refusal("the token may not read this")

    bench.feed.on_prepare = on_prepare

    result = bench.run()

    assert (result.ended_by, result.interrupted) == (ErrorCode.REFUSED, "the token may not read this")
    assert result.is_left_as_found


def test_a_defect_in_whoever_watches_puts_the_switch_back_before_it_is_raised(bench):
    def look(seen):
        if seen.doing == "degraded":
            raise RuntimeError("a defect")

    bench.service.on_look = look

    with pytest.raises(RuntimeError):
        bench.run()

    assert bench.feed.mode is Mode.FULL
    assert bench.avatars.told[-1] == "put back"


def test_a_kill_that_not_everyone_follows_ends_it(bench):
    bench.feed.outcomes[Change.KILL] = Outcome.PENDING

    result = bench.run()

    assert result.ended_by is ErrorCode.NOT_CONFIRMED
    assert bench.feed.mode is Mode.FULL
    assert [phase.name for phase in result.phases] == ["full"]


def test_browsers_that_are_gone_do_not_make_a_restore_undone(bench):
    def gone(*_args, **_more):
        raise refusal("the browsers ended by themselves")

    bench.feed.after_change = lambda _change: setattr(bench.browsers, "arrivals", gone)

    result = bench.run()

    assert (result.is_partial, result.is_left_as_found) == (False, True)
    assert [flip.shown for flip in result.flips] == [0, 0]


def test_a_refused_kill_ends_it_with_what_was_measured(bench):
    bench.feed.refuses = refusal("the environment requires approval")

    result = bench.run()

    assert result.interrupted == "the environment requires approval"
    assert [phase.name for phase in result.phases] == ["full"]
    assert not result.phases[0].is_cut_short


def test_a_restore_that_fails_is_said(bench):
    def on_change(change):
        if change is Change.RESTORE:
            raise refusal("the provider is gone")

    bench.feed.on_change = on_change

    result = bench.run()

    assert not result.is_left_as_found
    assert "the switch was not put back: the provider is gone" in result.left_as


def test_an_avatar_api_that_cannot_be_put_back_does_not_keep_the_switch_from_it(bench):
    bench.avatars.refuses = refusal("nobody answers")
    bench.clock.at(17, interrupt)

    result = bench.run()

    assert bench.feed.mode is Mode.FULL
    assert "the avatar API is left as it was in the last phase: nobody answers" in result.left_as


def test_visitors_that_end_by_themselves_end_it_with_what_was_measured(bench):
    def end():
        bench.visitors.ends = refusal("the visitors ended by themselves")

    bench.workers.is_known = False
    bench.clock.at(16, end)

    result = bench.run()

    assert result.interrupted == "the visitors ended by themselves"
    assert bench.feed.mode is Mode.FULL


def test_what_nobody_knows_of_the_workers_is_not_called_zero(bench):
    bench.workers.is_known = False

    result = bench.run()

    assert {(phase.answered, phase.avatar_calls, phase.cpu, phase.memory_mb) for phase in result.phases} == {
        (None, None, None, None)
    }
    assert result.usage == ()
    assert {second.avatar_calls for second in result.seconds} == {None}


def test_workers_that_are_too_busy_to_say_what_they_counted_are_asked_again(bench):
    def after_a_while():
        bench.workers.is_known = True

    bench.clock.at(12.1, lambda: setattr(bench.workers, "is_known", False))
    bench.clock.at(13.4, after_a_while)

    result = bench.run()

    full = result.phases[0]
    assert full.answered is not None
    assert full.sampled_s == pytest.approx(full.seconds, abs=2)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"flags": ("another",)}, "follows another"),
        ({"mode": Mode.DEGRADED}, "degraded already"),
        ({"served": 7}, "at version 7, and it is at version 1 here: another environment"),
    ],
)
def test_a_feed_that_there_is_nothing_to_kill_on_is_refused(bench, changes, why):
    for name, value in changes.items():
        setattr(bench.feed, name, value)

    with pytest.raises(OpsError, match=why) as raised:
        bench.flips.ensure_full()

    assert raised.value.code is ErrorCode.FAILED


def test_visitors_who_do_not_come_are_not_waited_for_without_end(bench):
    bench.visitors.want = lambda _visitors, over_s: None

    with pytest.raises(OpsError, match="0 of 30 visitors"):
        bench.run()

    assert bench.feed.changes == []


def test_whoever_watches_is_told_how_far_it_is(bench):
    bench.run()

    doing = list(dict.fromkeys(look.doing for look in bench.looks))
    assert doing == ["warming up", "full", "letting pages end", "kill", "degraded", "restore", "restored"]
    last = bench.looks[-1]
    assert last.left_all_s < 1
    assert last.by_tag[Tag.FULL][0].latency.percentile(50) == 100
    assert last.by_tag[Tag.DEGRADED][0].latency.percentile(50) == 10
    assert [flip.to for flip in last.flips] == [Mode.DEGRADED, Mode.FULL]
