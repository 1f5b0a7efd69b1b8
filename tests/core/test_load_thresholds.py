"""Thresholds: what can be written, what is refused before any load, and what is met."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.simulated import SCENARIO, a_blind_result, a_partial_result, a_phase, a_result

from opsctl.core.load.comparison import compare
from opsctl.core.load.headline import verdict_line
from opsctl.core.load.judging import judge
from opsctl.core.load.scenario import Tag
from opsctl.core.load.series import percentiles_ms
from opsctl.core.load.thresholds import ALIASES, OPERATORS, State, parse_threshold


def verdict(text, result):
    return judge([parse_threshold(text, result.scenario)], result)[0]


@pytest.mark.parametrize(
    ("text", "subject", "figure", "operator", "bound"),
    [
        ("degraded.p95<100ms", "degraded", "p95", "<", 100),
        ("degraded.p(95) < 1.5s", "degraded", "p95", "<", 1500),
        ("degraded.p(99.9)<=200", "degraded", "p99.9", "<=", 200),
        ("full.med<1m", "full", "p50", "<", 60_000),
        ("degraded.failed.rate<1%", "degraded", "error_rate", "<", 0.01),
        ("degraded.error_rate<0.01", "degraded", "error_rate", "<", 0.01),
        ("degraded.avatar_calls.count===0", "degraded", "avatar_calls", "==", 0),
        ("full.pages.rate>=200/s", "full", "pages_per_s", ">=", 200),
        ("restored.bytes_per_page<40kB", "restored", "bytes_per_page", "<", 40_000),
        ("degraded.memory<0.5GB", "degraded", "memory", "<", 500),
        ("degraded.shown.full==0", "degraded", "shown_full", "==", 0),
        ("kill.p99<250ms", "kill", "shown.p99", "<", 250),
        ("kill.shown.p(99)<250ms", "kill", "shown.p99", "<", 250),
        ("restore.max<5s", "restore", "shown.max", "<", 5000),
        ("kill.written<1s", "kill", "written", "<", 1000),
        ("kill.shown>=1000", "kill", "shown.count", ">=", 1000),
        ("saved.avatar_calls>1000", "saved", "avatar_calls", ">", 1000),
        ("saved.third_party>10m", "saved", "third_party", ">", 600_000),
        ("ratio.p95<0.5", "ratio", "p95", "<", 0.5),
        ("ratio.error_rate<=1", "ratio", "error_rate", "<=", 1),
        ("lost.time<1m", "lost", "time", "<", 60_000),
    ],
)
def test_a_threshold_is_read_as_it_is_meant(text, subject, figure, operator, bound):
    one = parse_threshold(text, SCENARIO)

    assert (one.text, one.subject, one.figure, one.operator) == (text, subject, figure, operator)
    assert one.bound == pytest.approx(bound)


@pytest.mark.parametrize(
    ("text", "what", "how"),
    [
        ("", "'' is no threshold", "such as degraded.p95<100ms"),
        ("p95<100ms", "is no threshold", "PHASE.FIGURE<VALUE"),
        ("degraded.p95", "is no threshold", "PHASE.FIGURE<VALUE"),
        ("degraded.p95<fast", "is no threshold", "PHASE.FIGURE<VALUE"),
        ("slow.p95<1s", "there is no phase slow", "one of full, degraded, restored, kill, restore, ratio, saved, lost"),
        ("degraded.speed>1", "degraded has no figure speed", "pages_per_s, p50, p95"),
        ("degraded.p(0)<1s", "p0 is no percentile", "p(99.9)"),
        ("degraded.p101<1s", "p101 is no percentile", "p(99.9)"),
        ("kill.p90<1s", "kill has no figure p90", "written, instances, shown.count"),
        ("saved.money>1", "saved has no figure money", "avatar_calls, third_party, bytes, cpu"),
        ("degraded.p95<10%", "degraded.p95 is a duration", "100ms or 1.5s"),
        ("degraded.error_rate<10ms", "is a share", "1% or 0.01"),
        ("ratio.p95<10ms", "is a multiple", "0.5"),
    ],
)
def test_what_is_no_threshold_is_refused_with_what_there_is(text, what, how):
    with pytest.raises(ValueError, match=r".+; write .+") as refused:
        parse_threshold(text, SCENARIO)

    said, _, fix = str(refused.value).partition("; write ")
    assert what in said
    assert how in fix


@given(st.text(max_size=40))
def test_nothing_that_is_typed_breaks_the_parser(text):
    with suppress(ValueError):
        parse_threshold(text, SCENARIO)


@pytest.mark.parametrize("name", sorted({"p95", "avg", "min", "max", *ALIASES}))
def test_every_name_that_is_offered_can_be_measured(name):
    one = verdict(f"full.{name}>=0", a_result())

    assert one.state is State.MET
    assert one.measured is not None


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("degraded.p95<100ms", State.MET),
        ("degraded.p95<1ms", State.NOT_MET),
        ("full.error_rate<1%", State.MET),
        ("degraded.avatar_calls==0", State.MET),
        ("degraded.shown.full==0", State.MET),
        ("ratio.p95<0.1", State.MET),
        ("ratio.avatar_calls_per_s==0", State.MET),
        ("kill.shown.max<100ms", State.MET),
        ("kill.shown>=1000", State.MET),
        ("restore.max<1s", State.NOT_MET),
        ("saved.avatar_calls>30000", State.MET),
        ("saved.cpu>1m", State.NOT_MET),
        ("lost.pages<100", State.NOT_MET),
        ("lost.time<=20s", State.MET),
    ],
)
def test_a_threshold_is_held_against_what_was_measured(text, state):
    one = verdict(text, a_result())

    assert one.state is state
    assert one.is_met is (state is State.MET)
    assert one.measured is not None


@pytest.mark.parametrize(
    ("result", "text", "why"),
    [
        (a_partial_result(), "degraded.p95<100s", "degraded was cut short"),
        (a_partial_result(), "restored.p95<100s", "restored never began"),
        (a_partial_result(), "ratio.p95<100", "degraded was cut short"),
        (a_partial_result(), "saved.avatar_calls>0", "degraded was cut short"),
        (a_partial_result(), "restore.max<100s", "there was none before it ended"),
        (a_blind_result(), "degraded.avatar_calls<1", "it was not observed in degraded"),
        (a_blind_result(), "saved.cpu>0", "it was not observed in both modes"),
        (a_blind_result(), "kill.p99<100s", "it was not observed"),
        (a_result(phases=(a_phase(Tag.FULL), a_phase(Tag.DEGRADED))), "full.p95<100s", "it was not observed in full"),
        (a_result(phases=(a_phase(Tag.FULL, 1.0), a_phase(Tag.DEGRADED))), "ratio.failed<9", "0 in full mode"),
    ],
)
def test_what_was_not_measured_is_not_met(result, text, why):
    one = verdict(text, result)

    assert one.state is State.NOT_MEASURABLE
    assert not one.is_met
    assert why in one.why


def test_what_not_every_browser_showed_has_no_last_one():
    kill, restore = a_result().flips
    missed = replace(kill, shown=960, shown_ms=percentiles_ms(((40.0, 950), (80.0, 10)), of=1000))
    result = a_result(flips=(missed, restore))

    assert missed.shown_ms == {"p50": 40, "p95": 40}
    assert verdict("kill.p95<100ms", result).is_met
    assert verdict("kill.p99<100s", result).why == "only 960 browsers showed it"
    assert percentiles_ms(((40.0, 950), (80.0, 50)), of=1000) == {"p50": 40, "p95": 40, "p99": 80, "max": 80}
    assert percentiles_ms((), of=1000) == percentiles_ms(()) == {}


def test_every_flip_has_to_meet_a_threshold():
    kill, restore = a_result().flips
    slower = replace(kill, began_s=80.0, shown_ms={**kill.shown_ms, "max": 700.0})
    result = a_result(flips=(kill, restore, slower))

    assert verdict("kill.max<100ms", result).measured == 700
    assert not verdict("kill.max==88.4", result).is_met
    assert verdict("kill.shown>=1000", result).is_met


def test_a_phase_goes_by_its_name_and_else_by_what_it_is_compared_as():
    slow = replace(SCENARIO.phases[0], name="avatars-slow")
    scenario = replace(SCENARIO, phases=(SCENARIO.phases[0], slow, SCENARIO.phases[1]))
    quick, late = a_phase(Tag.FULL, 10.0), a_phase(Tag.FULL, 900.0, name="avatars-slow")
    result = a_result(scenario=scenario, phases=(quick, late, a_phase(Tag.DEGRADED, 5.0)))

    assert verdict("full.p95<1s", result).measured == 10
    assert verdict("avatars-slow.p95<1s", result).measured == 900
    assert compare(result).full is late


@given(st.sampled_from(sorted(OPERATORS)), st.floats(min_value=0, max_value=1000), st.integers(1, 1000))
def test_a_verdict_is_the_comparison_that_was_written(operator, bound, latency_ms):
    result = a_result(phases=(a_phase(Tag.FULL, float(latency_ms)),))
    one = verdict(f"full.max{operator}{bound:f}", result)

    assert one.is_met == OPERATORS[operator](float(latency_ms), float(f"{bound:f}"))


def test_how_many_were_met_is_one_sentence():
    result = a_result()
    met, not_met = verdict("degraded.p95<100ms", result), verdict("degraded.p95<1ms", result)

    assert verdict_line([]) == ""
    assert verdict_line([met]) == "The threshold was met."
    assert verdict_line([met, met]) == "All 2 thresholds were met."
    assert verdict_line([not_met]) == "The threshold was not met."
    assert verdict_line([met, not_met]) == "1 of 2 thresholds were met."
