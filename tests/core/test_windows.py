"""Traffic within a window, from counters that only grow."""

from builders import a_report
from hypothesis import given
from hypothesis import strategies as st

from opsctl.core.latency import Histogram
from opsctl.core.objectives import Objective
from opsctl.core.traffic import Traffic
from opsctl.core.windows import TrafficWindow

OBJECTIVE = Objective(max_error_rate=0.01, max_p99_ms=2000)


def answered(requests, errors=0, latency_ms=50.0):
    histogram = Histogram()
    for _ in range(requests - errors):
        histogram.add(latency_ms)
    return Traffic(requests, errors, histogram)


def window(*samples, window_s=30.0):
    """A window that was told, at second 0, 1, 2 …, what `worker-0` had answered."""
    seen = TrafficWindow(window_s)
    for at_s, (pid, traffic) in enumerate(samples):
        seen.add([a_report(pid=pid, traffic=traffic)], float(at_s))
    return seen


def test_only_what_was_answered_within_the_window_counts():
    seen = window((1, answered(100, 100)), (1, answered(100, 100)), (1, answered(150, 100)), window_s=1.0)

    assert seen.traffic()["worker-0"].requests == 50
    assert seen.breach(OBJECTIVE) is None


def test_a_breach_names_the_instance_and_the_figure():
    assert window((1, Traffic()), (1, answered(100, 5))).breach(OBJECTIVE) == (
        "worker-0: 5.0% of the requests failed; at most 1.0% may"
    )


def test_slow_answers_are_a_breach_too():
    assert "p99 is 3000 ms" in window((1, Traffic()), (1, answered(100, latency_ms=3000.0))).breach(OBJECTIVE)


def test_a_few_requests_say_nothing():
    assert window((1, Traffic()), (1, answered(19, 19))).breach(OBJECTIVE) is None


def test_an_instance_that_started_anew_begins_anew():
    seen = window((1, answered(500)), (2, answered(30, 30)), (2, answered(80, 30)))

    assert seen.traffic()["worker-0"].requests == 50
    assert seen.breach(OBJECTIVE) is None


def test_without_instances_there_is_no_breach():
    assert TrafficWindow(30.0).breach(OBJECTIVE) is None


@given(st.lists(st.floats(0, 10_000)), st.lists(st.floats(0, 10_000)))
def test_what_came_after_is_the_whole_without_what_came_before(before, after):
    earlier, later, added = Histogram(), Histogram(), Histogram()
    for value_ms in before:
        earlier.add(value_ms)
        later.add(value_ms)
    for value_ms in after:
        later.add(value_ms)
        added.add(value_ms)

    since = later.since(earlier)

    assert since.counts == added.counts
    assert since.max_ms <= later.max_ms
