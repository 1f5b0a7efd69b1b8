"""Full against degraded: what is compared, what was saved, and what must not be claimed."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.simulated import SCENARIO, a_blind_result, a_partial_result, a_phase, a_result

from opsctl.core.load.builtin import through_proxy
from opsctl.core.load.comparison import avatars_in, compare
from opsctl.core.load.data import result_data, series_data
from opsctl.core.load.figures import FIGURES, Unit, avatar_calls_per_page
from opsctl.core.load.headline import headline, partial_line
from opsctl.core.load.results import Flip, Generator
from opsctl.core.load.scenario import Avatars, Scenario, Tag
from opsctl.core.load.wording import load_text, show, show_bytes, show_ratio, show_share
from opsctl.core.modes import Mode


def rows_of(result):
    return {row.figure.name: row for row in compare(result).rows}


def test_each_figure_stands_beside_the_other_mode_s_with_its_ratio():
    full = a_phase(Tag.FULL, *[400.0] * 100, failures=["503"] * 25, avatar_calls=600, cpu=1.0, memory_mb=200.0)
    degraded = a_phase(Tag.DEGRADED, *[10.0] * 200, avatar_calls=0, avatar_errors=0, cpu=0.5, memory_mb=200.0)

    rows = rows_of(a_result(phases=(full, degraded)))

    assert (rows["p95"].full, rows["p95"].degraded, rows["p95"].ratio) == (400, 10, 0.025)
    assert (rows["pages_per_s"].full, rows["pages_per_s"].degraded) == (10, 20)
    assert (rows["error_rate"].full, rows["error_rate"].degraded) == (0.2, 0)
    assert (rows["avatar_calls_per_s"].full, rows["avatar_calls_per_s"].degraded) == (60, 0)
    assert (rows["cpu_per_page"].full, rows["cpu_per_page"].degraded) == (100, 25)
    assert rows["p95"].is_better
    assert rows["memory"].is_better is None
    assert rows["p95"].restored is None


def test_what_was_not_observed_is_not_zero():
    rows = rows_of(a_blind_result())

    for name in ("avatar_calls_per_s", "avatar_error_rate", "cpu", "cpu_per_page", "memory"):
        assert (rows[name].full, rows[name].degraded, rows[name].ratio) == (None, None, None)
        assert show(rows[name].full, rows[name].figure.unit) == "-"


def test_a_phase_without_an_answer_has_no_latency_and_no_error_rate():
    empty = a_phase(Tag.DEGRADED)

    observed = {name: figure.of(empty) for name, figure in FIGURES.items()}

    assert observed["p95"] is observed["max"] is observed["min"] is observed["avg"] is None
    assert observed["error_rate"] is observed["bytes_per_page"] is None
    assert observed["pages_per_s"] == 0


def test_savings_are_what_as_many_pages_would_have_cost_in_full_mode():
    full = a_phase(Tag.FULL, *[400.0] * 100, size=3000, avatar_calls=600, cpu=1.0)
    degraded = a_phase(Tag.DEGRADED, *[10.0] * 200, size=1000, avatar_calls=0, cpu=0.5)

    saved = compare(a_result(phases=(full, degraded))).saved

    assert saved.avatar_calls == 6 * 200
    assert saved.third_party_ms == 1200 * 200
    assert saved.sent_bytes == 2000 * 200
    assert saved.cpu_ms == (100 - 25) * 200


@pytest.mark.parametrize("avatars", [None, Avatars(hang=True)])
def test_nobody_knows_how_long_a_third_party_would_have_taken_that_hangs_or_is_not_the_scenario_s(avatars):
    scenario = replace(SCENARIO, phases=(replace(SCENARIO.phases[0], avatars=avatars), *SCENARIO.phases[1:]))

    saved = compare(a_result(scenario=scenario)).saved

    assert saved.third_party_ms is None
    assert saved.avatar_calls > 0


def test_the_avatar_api_does_in_a_phase_what_was_said_of_it_last():
    slow = Avatars(latency_ms=900)
    scenario = replace(SCENARIO, phases=(*SCENARIO.phases[:2], replace(SCENARIO.phases[2], avatars=slow)))

    assert avatars_in(scenario, "degraded") == Avatars(latency_ms=200)
    assert avatars_in(scenario, "restored") == slow


def test_people_lost_every_page_that_was_shown_without_avatars_also_during_the_flips():
    result = a_result()

    lost = compare(result).lost

    assert (
        lost.pages == sum(one.shown.get("degraded", 0) for one in result.seconds) > result.phases[1].shown["degraded"]
    )
    assert lost.browsers == 1000
    assert lost.degraded_s == 20


def test_visitors_that_think_bound_the_pages_and_it_is_said():
    notes = " ".join(compare(a_result()).notes)

    assert "300 of them ask for 300 pages/s at most, however fast the feed is" in notes
    assert "the visitors were its limit" in notes
    assert "Compare CPU per page" in notes


def test_a_feed_that_keeps_avatars_is_said_where_that_is_known():
    def notes(keep_s):
        return " ".join(compare(a_result(scenario=replace(SCENARIO, avatar_keep_s=keep_s))).notes)

    assert "the feed kept an avatar for 600 s" in notes(600.0)
    assert "kept an avatar" not in notes(None) + notes(0.0)


def test_browsers_that_were_not_there_are_said_with_why_and_not_claimed():
    full, *others = a_result().phases
    result = a_result(
        phases=(replace(full, sockets=640), *others), generator=Generator(lost="connection refused (360)")
    )

    assert "640 of 1,000 browsers were connected: connection refused (360)" in compare(result).notes
    assert load_text(result) == "300 visitors, 640 of 1,000 browsers connected"
    assert load_text(a_result()) == "300 visitors, 1,000 connected browsers"
    assert load_text(a_result(phases=(), seconds=())) == "300 visitors, 0 of 1,000 browsers connected"


def test_calls_are_told_by_the_time_between_the_two_looks_at_them():
    longer = a_phase(Tag.FULL, *[400.0] * 100, avatar_calls=660, sampled_s=11.0)

    row = rows_of(a_result(phases=(longer, a_phase(Tag.DEGRADED, 10.0, avatar_calls=0))))["avatar_calls_per_s"]

    assert row.full == 60
    assert avatar_calls_per_page(longer) == 6


def test_visitors_that_do_not_think_are_bound_by_the_feed():
    result = a_result(scenario=replace(SCENARIO, think_s=(0.0, 0.0)))

    notes = " ".join(compare(result).notes)

    assert "visitors do not think" in notes
    assert "at most" not in notes


def test_what_makes_the_modes_incomparable_is_said():
    full, degraded, _ = a_result().phases
    result = a_result(
        phases=(full, replace(degraded, visitors=3000, shown={"degraded": 10, "full": 2}, avatar_served=500)),
        flips=(Flip(to=Mode.DEGRADED, began_s=20.0, trouble="worker-1 does not answer"),),
    )

    notes = compare(result).notes

    assert "kill: worker-1 does not answer" in notes
    assert "the kill was not confirmed by everyone" in notes
    assert "in degraded 2 of 12 pages did not show degraded mode" in notes
    assert any(note.startswith("the load was not the same: 300 visitors") for note in notes)
    assert "in degraded the feed counted 0 avatar calls, the avatar API itself 500" in notes


def test_what_a_proxy_did_to_the_avatar_calls_is_told_apart_from_what_it_passed_on():
    full, degraded, restored = a_result().phases
    failed = replace(full, avatar_calls=100, avatar_served=120, avatar_passed_on=20)
    passed = replace(restored, avatar_passed_on=restored.avatar_served)
    result = a_result(phases=(failed, degraded, passed), scenario=through_proxy(SCENARIO, "https://avatars.example"))

    comparison = compare(result)

    assert "in full the feed counted 100 avatar calls, the proxy 120" in comparison.notes
    assert (
        "in full 120 avatar calls reached the proxy: it passed on 20, and failed or held up the others"
        in comparison.notes
    )
    assert not any("reached the proxy" in note for note in comparison.notes if note.startswith("in restored"))
    assert comparison.saved.third_party_ms is None


def test_the_sentence_says_what_degraded_mode_was_like_against_full_mode():
    result = a_result()

    assert headline(result, compare(result)) == (
        "In degraded mode 95 of 100 pages were there within 20 ms, in full mode within 720 ms, 36 times as long; the"
        " avatar API was not called, before 1,271 times a second; the kill showed in 1,000 of 1,000 browsers, the last"
        " after 88 ms."
    )


def test_the_sentence_claims_nothing_of_what_was_not_seen():
    blind = a_blind_result()
    sentence = headline(blind, compare(blind))

    assert "avatar" not in sentence
    assert "browsers" not in sentence
    assert "95 of 100 pages" in sentence


def test_a_run_that_ended_early_is_called_partial_and_says_what_is_missing():
    partial = a_partial_result()

    assert partial_line(partial) == "Partial: interrupted by Ctrl-C; degraded cut short, restored never began."
    assert headline(partial, compare(partial)).startswith("In degraded mode (cut short) ")
    assert any(note.startswith("degraded was cut short after 5.0 s") for note in compare(partial).notes)


def test_a_run_without_a_degraded_phase_compares_nothing():
    only_full = a_result(phases=a_result().phases[:1], flips=())
    comparison = compare(only_full)

    assert headline(only_full, comparison) == "Nothing can be compared: no phase in degraded mode ever began."
    assert comparison.saved is comparison.lost is None


def test_browsers_that_the_kill_did_not_reach_stay_in_the_sentence():
    kill, restore = a_result().flips
    result = a_result(flips=(replace(kill, shown=990, is_confirmed=False), restore))

    assert "the kill showed in 990 of 1,000 browsers" in headline(result, compare(result))


@pytest.mark.parametrize(
    ("full", "degraded", "text"),
    [
        (340.0, 10.0, "÷ 34"),
        (10.0, 14.0, "\u00d7 1.4"),
        (100.0, 103.0, "same"),
        (0.0, 0.0, "same"),
        (5.0, 0.0, "none"),
        (0.0, 5.0, "+"),
        (None, 5.0, "-"),
        (5.0, None, "-"),
    ],
)
def test_a_ratio_reads_as_what_became_of_the_figure(full, degraded, text):
    assert show_ratio(full, degraded) == text


@given(st.floats(min_value=0, max_value=1))
def test_a_share_that_is_not_nothing_never_reads_as_nothing(share):
    text = show_share(share)

    assert (text.strip("0.%") == "") == (share == 0)
    assert text.startswith("100") == (share == 1)


@given(st.integers(min_value=-(10**12), max_value=10**12))
def test_a_size_is_told_in_at_most_three_digits_before_the_point(size):
    number = show_bytes(size).lstrip("-").split()[0].replace(",", "")

    assert float(number) <= 1000


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (4.25, Unit.MS, "4.2 ms"),
        (1240, Unit.MS, "1,240 ms"),
        (3_600_000, Unit.MS, "60 min"),
        (1266.4, Unit.PER_S, "1,266"),
        (0.4, Unit.PER_S, "0.4"),
        (31_000, Unit.BYTES, "31.0 kB"),
        (212.4, Unit.MB, "212 MB"),
        (0.025, Unit.RATIO, "0.025"),
    ],
)
def test_figures_read_with_their_units(value, unit, text):
    assert show(value, unit) == text


def test_a_scenario_for_the_tests_is_one_that_can_run():
    assert isinstance(SCENARIO, Scenario)


def test_a_result_is_json_with_null_for_what_was_not_observed():
    data = json.loads(json.dumps(result_data(a_blind_result(), ()) | series_data(a_blind_result()), allow_nan=False))

    rows = {row["figure"]: row for row in data["comparison"]["rows"]}
    assert rows["cpu"] == {
        "figure": "cpu",
        "unit": "cores",
        "full": None,
        "degraded": None,
        "restored": None,
        "ratio": None,
    }
    assert data["comparison"]["saved"]["avatar_calls"] is None
    assert data["phases"][0]["figures"]["avatar_calls"] is None
    assert data["seconds"][0]["visitors"] is None
    assert data["flips"][0]["shown"]["max_ms"] is None
