"""What was at its limit while a load was on, and who counted what."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.simulated import a_phase, a_result

from opsctl.core.load.comparison import compare
from opsctl.core.load.looks import MachineLook, WorkerLook
from opsctl.core.load.running_tallies import RunningTallies
from opsctl.core.load.scenario import Phase, Tag
from opsctl.core.load.series import PhaseRun, Sample, Sampled
from opsctl.core.load.tally import Slot, Tallies
from opsctl.core.modes import Mode

FULL = Phase(name="full", seconds=10, mode=Mode.FULL, tag=Tag.FULL)
RUNS = frozenset({"one", "two"})
SLOTS = st.builds(Slot, st.integers(0, 3), st.integers(0, 120), st.sampled_from(["full", "degraded", ""]))


def notes_of(**changes):
    full = a_phase(Tag.FULL, *[400.0] * 200, visitors=10, **changes)
    return " ".join(compare(a_result(phases=(full, a_phase(Tag.DEGRADED, *[10.0] * 200)))).notes)


def a_look(at_s, *, cpu_s_of, requests=None, **others):
    machine = MachineLook(whole_s=2 * at_s, busy_s=1.5 * at_s, stolen_s=0.1 * at_s)
    return Sample(at_s, WorkerLook(requests=requests, cpu_s_of=cpu_s_of, machine=machine, runs=RUNS, **others))


def a_run(begin, end):
    run = PhaseRun(phase=FULL, stretch=1, from_s=0, to_s=10, begin=begin, end=end, visitors=10, sockets=0)
    return run.result(Tallies())


def test_a_phase_knows_its_busiest_worker_the_breaker_s_time_and_the_machine():
    begin = a_look(0.0, cpu_s_of={1: 5.0, 2: 9.0}, requests=10, avatar_open_s=1.0)
    end = a_look(10.0, cpu_s_of={1: 14.5, 2: 12.0}, requests=500, avatar_open_s=4.5)

    phase = a_run(begin, end)

    assert phase.answered == 490
    assert phase.busiest == pytest.approx(0.95)
    assert phase.breaker_open_s == pytest.approx(3.5)
    assert (phase.machine_busy, phase.machine_stolen) == (pytest.approx(0.75), pytest.approx(0.05))


def test_a_phase_knows_what_visitors_counted_between_the_same_two_looks():
    tallies = Tallies()
    for second in range(12):
        for _ in range(10):
            tallies.at(Slot(1, second, "full")).add(400, 1000)
    begin, end = a_look(1.5, cpu_s_of={}, requests=15), a_look(10.0, cpu_s_of={}, requests=100)
    run = PhaseRun(phase=FULL, stretch=1, from_s=1, to_s=9.9, begin=begin, end=end, visitors=10, sockets=0)

    phase = run.result(tallies)

    assert (phase.answered, phase.ended) == (85, 85)
    assert phase.ended_within == 40, "those of the two seconds of each look"
    assert phase.pages.requests == 120, "which is of when they began"


def test_what_was_counted_across_a_restart_is_not_known():
    begin = a_look(0.0, cpu_s_of={1: 5.0}, requests=10, avatar_calls=1, avatar_errors=0)
    end = a_look(10.0, cpu_s_of={3: 2.0}, requests=500, avatar_calls=9, avatar_errors=0)
    end = replace(end, workers=replace(end.workers, runs=frozenset({"three"})))

    phase = a_run(begin, end)

    assert (phase.answered, phase.avatar_calls, phase.avatar_errors, phase.busiest) == (None, None, None, None)


def test_a_phase_is_counted_between_the_looks_that_the_workers_answered():
    sampled = Sampled()
    for at_s, requests in ((0.0, 5), (1.0, None), (2.0, 30), (3.0, 50), (4.0, None)):
        sampled.add(a_look(at_s, cpu_s_of={}, requests=requests))

    assert [sample.at_s for sample in sampled.ends(1)] == [2.0, 3.0]
    assert [sample.at_s for sample in sampled.ends(3)] == [3.0, 4.0], "one answer alone tells of no stretch"


def test_two_looks_in_a_row_tell_nothing_of_the_processor_time_between_them():
    sampled = Sampled()
    for at_s, cpu_s in ((1.0, 5.0), (2.0, 5.5), (2.004, 5.51), (3.0, 6.0)):
        sampled.add(a_look(at_s, cpu_s_of={}, cpu_s=cpu_s, memory_mb=80.0))

    assert [(one.at_s, one.cpu) for one in sampled.usage()] == [(2.0, 0.5), (3.0, 0.5)]


def test_usage_is_not_made_up_where_workers_did_not_say_it():
    sampled = Sampled()
    for at_s, cpu_s in ((1.0, 5.0), (2.0, None), (3.0, 6.0), (4.0, 6.5)):
        sampled.add(a_look(at_s, cpu_s_of={}, cpu_s=cpu_s, memory_mb=80.0))

    assert [one.at_s for one in sampled.usage()] == [4.0]


def test_a_worker_at_its_limit_is_said():
    assert "in full a worker was at its limit, with 97.0% of a core" in notes_of(busiest=0.97)
    assert "at its limit" not in notes_of(busiest=0.7)


def test_a_worker_that_had_all_that_the_host_left_was_at_its_limit():
    notes = notes_of(busiest=0.74, machine_stolen=0.28)

    assert "a worker was at its limit, with 74.0% of a core" in notes
    assert "the host gave 28.0% of this machine's time to others" in notes


def test_a_machine_with_no_time_left_is_said():
    assert "in full the machine of the load was 98.0% busy" in notes_of(machine_busy=0.98)


def test_a_breaker_that_was_open_explains_pages_that_did_not_wait():
    notes = notes_of(breaker_open_s=4.8, sampled_s=10.1)

    assert "in full the feed's own breaker kept calls from the avatar API for 4.8 of 10.1 s" in notes
    assert "breaker" not in notes_of(breaker_open_s=0.0, sampled_s=10.1)


def test_a_breaker_means_nothing_where_no_avatars_are_wanted():
    degraded = a_phase(Tag.DEGRADED, *[10.0] * 200, breaker_open_s=10.0)

    assert "breaker" not in " ".join(compare(a_result(phases=(a_phase(Tag.FULL, *[400.0] * 200), degraded))).notes)


def test_workers_and_visitors_that_count_differently_are_said():
    notes = notes_of(answered=300, ended=200, ended_within=20, sampled_s=10.0)
    assert "the workers answered 300 requests, and these visitors counted 200" in notes
    notes = notes_of(answered=215, ended=200, ended_within=20, sampled_s=10.0)
    assert "these visitors counted" not in notes, "a second's requests may be on either side of a look"


def test_figures_of_a_part_of_the_phase_say_so():
    assert "their figures are of 6.0 of its 10.0 s" in notes_of(answered=120, sampled_s=6.0)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(SLOTS, st.floats(0, 5000)), max_size=15), st.integers(0, 120), st.integers(0, 40))
def test_running_sums_are_those_of_everything_that_was_counted(counted, first, seconds):
    whole, running = Tallies(), RunningTallies()
    for slot, ms in counted:
        one = Tallies()
        one.at(slot).add(ms, 100)
        whole.merge(one)
        running.merge(one)

    assert running.slots == whole.slots
    assert running.within(first, first + seconds) == whole.within(first, first + seconds)
    assert running.of_phases(1, 2) == whole.of_phases(1, 2)
