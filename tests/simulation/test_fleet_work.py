"""What a fleet says of a change, and of its own limits."""

import time
from itertools import accumulate

import pytest

from opsctl.core.epochs import Epoch
from opsctl.core.modes import Mode
from opsctl.simulation.fleet.boarding import Boarding
from opsctl.simulation.fleet.browser import Sight
from opsctl.simulation.fleet.meter import Effort, Limits, Stretch
from opsctl.simulation.fleet.sights import Arrivals

MS = 1_000_000


def arrivals(times_ns):
    found = Arrivals(Sight(Epoch(2, 0), Mode.DEGRADED))
    for at_ns in times_ns:
        found.add(at_ns)
    return found


@pytest.mark.parametrize("browsers", [1, 2, 199, 200, 201, 1000, 12_345])
def test_the_steps_of_a_change_are_few_and_lose_no_browser(browsers):
    said = arrivals(range(browsers, 0, -1)).to_wire()

    steps = said["arrivals"]
    assert len(steps) == min(browsers, 200)
    assert sum(count for _, count in steps) == said["browsers"] == browsers
    assert [at for at, _ in steps] == sorted({at for at, _ in steps})
    assert (said["first_ns"], steps[-1][0]) == (1, browsers)


@pytest.mark.parametrize("percent", [50, 95, 99])
def test_percentiles_from_the_steps_are_those_of_all_times_where_the_steps_divide_them(percent):
    said = arrivals(at * MS for at in range(1, 1001)).to_wire()

    steps = list(accumulate(said["arrivals"], lambda before, step: (step[0], before[1] + step[1])))
    reached_ns = next(at_ns for at_ns, seen in steps if seen * 100 >= percent * 1000)
    assert reached_ns == said[f"p{percent}_ns"] == percent * 10 * MS


def test_effort_is_the_longest_lateness_and_a_share_of_a_core():
    stretch = Stretch()
    assert stretch.effort == Effort()
    ends = time.process_time() + 0.02
    while time.process_time() < ends:
        pass

    for late_ns in (2 * MS, 5 * MS, 1 * MS):
        stretch.add(late_ns)

    assert stretch.effort.late_ms == 5.0
    assert 0 < stretch.effort.cpu <= 1


def test_one_busy_second_is_no_limit_and_two_are():
    limits = Limits()
    limits.window(Effort(cpu=0.95, late_ms=3.0))
    assert limits.to_wire() == {"processes": 1, "cpu": 0.95, "late_ms": 3.0, "warnings": []}

    limits.window(Effort(cpu=0.97, late_ms=1.0))

    said = limits.to_wire()
    assert (said["cpu"], said["late_ms"]) == (0.97, 3.0)
    assert ["97% of a core" in warning for warning in said["warnings"]] == [True]


@pytest.mark.parametrize(("cpu", "lasted_ms", "warnings"), [(0.95, 200.0, 1), (0.95, 20.0, 0), (0.5, 200.0, 0)])
def test_a_change_that_kept_the_process_busy_throughout_may_be_its_own_limit(cpu, lasted_ms, warnings):
    limits = Limits()

    limits.change(Effort(cpu=cpu, late_ms=1.0), lasted_ms)

    assert len(limits.to_wire()["warnings"]) == warnings


def test_those_that_left_come_back_first():
    boarding = Boarding(3)
    assert list(boarding.next(2)) == [0, 1]
    assert list(boarding.next(9)) == [2]

    boarding.took_back(1)
    boarding.want(2)

    assert list(boarding.next(9)) == [1, 3]
    assert boarding.left == 0


def test_at_a_rate_no_more_begin_than_are_due():
    boarding = Boarding(1000, rate=0.001)

    assert list(boarding.next(128)) == [0]
    assert list(boarding.next(128)) == []
