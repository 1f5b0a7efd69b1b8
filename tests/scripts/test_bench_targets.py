"""What the comparisons make of their figures: ratios, verdicts, and the page."""

import pytest
from bench.cli import COMPLETION, CURL, HELP, KILL, PYTHON
from bench.fanout import NODE, OURS, PICOWS, STOCK, THREADING
from bench.judging import UnknownFigureError, judge, median_ratio, percentile, shown, verdict_on
from bench.page import render
from bench.results import Result
from bench.targets import TARGETS


def a_result(section, figures, **changes):
    fields = {"at": "2026-01-01 10:00", "load": 0.2, "busy": 0.01, "machine": "2 cores", "versions": ("Python 3.11",)}
    return Result(section=section, figures=figures, **(fields | changes))


def a_peer(last_ms=(), *, lost=0, why_not=""):
    rounds = len(last_ms)
    same = {"connects_per_s": [1000.0] * rounds, "kb_per_client": [50.0] * rounds, "stall_ms": [10.0] * rounds}
    return {"last_ms": list(last_ms), **same, "lost": lost, "why_not": why_not}


def fanout(ours, node, *, lost=0):
    peers = {OURS: ours, STOCK: a_peer([200, 200]), THREADING: a_peer(), NODE: node, PICOWS: a_peer([40, 40])}
    return a_result("fanout", {"clients": {"5000": peers, "10000": {**peers, OURS: {**ours, "lost": lost}}}})


def commands(*, why_not):
    times = {HELP: [110.0], KILL: [400.0, 500.0], CURL: [20.0, 30.0], PYTHON: [15.0], COMPLETION: []}
    return a_result("cli", {"wall_ms": times, "why_not": why_not})


def verdicts(result):
    judged = [judge(target, result) for target in TARGETS if target.section == result.section]
    return {one.target.what: (one.measured, one.verdict) for one in judged}


def test_a_ratio_is_the_median_of_rounds_and_not_the_ratio_of_medians():
    assert median_ratio([10, 20, 90], [10, 10, 10]) == 2
    assert median_ratio([1, 100, 10], [1, 10, 1]) == 10


@pytest.mark.parametrize("pair", [([], []), ([1.0], []), ([1.0], [0.0])])
def test_a_ratio_of_what_was_not_measured_is_unknown(pair):
    with pytest.raises(UnknownFigureError):
        median_ratio(*pair)


@pytest.mark.parametrize(
    ("value", "must", "aim", "is_least", "verdict"),
    [
        (1.5, 1, 1.5, True, "aim met"),
        (1.4, 1, 1.5, True, "must met"),
        (0.9, 1, 1.5, True, "**missed**"),
        (40, 70, 40, False, "aim met"),
        (41, 70, 40, False, "must met"),
        (71, 70, 40, False, "**missed**"),
        (3, 3, None, True, "must met"),
        (1.2, None, 1, False, "aim missed"),
        (0.8, None, 1, False, "aim met"),
    ],
)
def test_a_verdict_says_which_target_was_met(value, must, aim, is_least, verdict):
    assert verdict_on(value, must=must, aim=aim, is_least=is_least) == verdict


def test_percentiles_are_values_that_were_measured():
    assert [percentile(range(1, 101), percent) for percent in (50, 99, 100)] == [50, 99, 100]
    assert percentile([7.0], 99) == 7.0


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.234, "x", "1.23x"),
        (56.7, "x", "57x"),
        (0.456, "s", "0.46 s"),
        (2.345, "ms", "2.3 ms"),
        (1234.5, "ms", "1,234 ms"),
    ],
)
def test_values_are_written_with_as_many_digits_as_mean_something(value, unit, text):
    assert shown(value, unit) == text


def test_faster_is_the_peers_time_over_ours_and_each_target_has_its_verdict():
    found = verdicts(fanout(a_peer([50, 50]), a_peer([60, 65])))

    assert found["fan-out to 5,000: as fast as Node socket.io"] == (pytest.approx(1.25), "must met")
    assert found["fan-out to 5,000: as fast as stock Flask-SocketIO"] == (4, "aim met")
    assert found["fan-out to 10,000: not delivered"] == (0, "aim met")
    assert found["memory per client, with 5,000"] == (50, "must met")


def test_a_single_message_that_does_not_arrive_is_a_target_missed():
    found = verdicts(fanout(a_peer([50, 50]), a_peer([60, 65]), lost=1))

    assert found["fan-out to 10,000: not delivered"] == (1, "**missed**")


def test_a_peer_that_is_not_installed_is_said_to_be_and_hides_nothing_else():
    found = verdicts(fanout(a_peer([50, 50]), a_peer(why_not="not installed: there is no node on this machine")))

    why = f"{NODE}: not installed: there is no node on this machine"
    assert found["fan-out to 5,000: as fast as Node socket.io"] == (None, why)
    assert found["fan-out to 5,000: as fast as stock Flask-SocketIO"] == (4, "aim met")


def test_a_command_is_compared_with_curl_pair_by_pair():
    found = verdicts(commands(why_not={COMPLETION: "opsctl has none yet"}))

    assert found["`opsctl kill --no-wait`: more than curl's PATCH"] == (425, "**missed**")
    assert found["shell completion"] == (None, "opsctl has none yet")


def test_the_page_has_every_target_and_says_what_was_not_measured():
    page = render({"cli": commands(why_not={COMPLETION: "opsctl has none yet"})}, soak=None)

    rows = [line for line in page.splitlines() if line.startswith(tuple(f"| {target.what} |" for target in TARGETS))]
    assert len(rows) == len(TARGETS)
    assert "| `opsctl --help` | 110 ms | ≤ 200 ms | ≤ 120 ms | aim met |" in rows
    assert "| shell completion | - | ≤ 100 ms | ≤ 60 ms | opsctl has none yet |" in rows
    assert sum(row.endswith("| not measured |") for row in rows) == len(TARGETS) - 3
    assert page.count("Not measured yet.") == 5


def test_the_page_has_a_table_of_fan_out_with_those_that_are_not_installed():
    page = render({"fanout": fanout(a_peer([50, 50]), a_peer(why_not="not installed: no npm"))}, soak="A soak.")

    assert "| Flask-SocketIO gevent, stock | 200 ms | 4.00x as fast | 1,000 | 50 KB | 10 ms | 0 |" in page
    assert f"| {NODE} | not installed: no npm | | | | | |" in page
    assert "A soak." in page


def test_figures_from_a_busy_machine_say_so():
    quiet, busy = (
        render({"cli": a_result("cli", {"wall_ms": {HELP: [110.0]}, "why_not": {}}, busy=busy)}, soak=None)
        for busy in (0.02, 0.6)
    )

    assert "cores 60% busy in the 3 s before it. **The machine was busy" in busy
    assert "**The machine was busy" not in quiet


def test_a_section_that_failed_says_why_in_its_place_and_in_every_target():
    failed = a_result("pages", {}, why_not="the feed did not start")

    assert set(verdicts(failed).values()) == {(None, "the feed did not start")}
    assert "\n\nthe feed did not start\n" in render({"pages": failed}, soak=None)
