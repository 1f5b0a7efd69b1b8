"""Adding up who follows a change."""

from dataclasses import replace

import pytest
from builders import REF, a_report, a_sighting
from hypothesis import given
from hypothesis import strategies as st

from opsctl.core.instances import DataSource, Hold
from opsctl.core.latency import Histogram
from opsctl.core.modes import Mode
from opsctl.core.pins import Pin
from opsctl.core.propagation import Expectation, Propagation, Sighting, summarise
from opsctl.core.shares import parse_share

KILLED_AT_8 = Expectation(REF, 8, Mode.DEGRADED)


def test_an_instance_at_the_version_in_the_mode_confirms():
    seen = summarise([a_sighting(version=8, mode=Mode.DEGRADED)], KILLED_AT_8, base_s=0.0)

    assert (seen.instances, seen.instances_confirmed, seen.is_complete) == (1, 1, True)


@pytest.mark.parametrize(
    "report",
    [
        {"version": 7, "mode": Mode.FULL},
        {"version": 7, "mode": Mode.DEGRADED},
        {"version": 8, "mode": Mode.FULL},
        {"version": 8, "mode": None},
    ],
)
def test_an_instance_at_an_older_version_or_in_another_mode_does_not(report):
    seen = summarise([a_sighting("worker-3", **report)], KILLED_AT_8, base_s=0.0)

    assert not seen.is_complete
    assert seen.stragglers[0].startswith("worker-3 still serves version")


def test_a_newer_version_in_the_wanted_mode_confirms_too():
    assert summarise([a_sighting(version=11, mode=Mode.DEGRADED)], KILLED_AT_8, base_s=0.0).is_complete


def test_a_newer_version_in_the_other_mode_contradicts():
    seen = summarise([a_sighting(version=9, mode=Mode.FULL)], KILLED_AT_8, base_s=0.0)

    assert seen.is_contradicted
    assert not seen.is_complete


def test_without_an_expected_mode_the_version_alone_counts():
    expectation = Expectation(REF, 8, None)

    assert summarise([a_sighting(version=8, mode=None)], expectation, base_s=0.0).is_complete


def test_instances_of_another_flag_or_environment_are_counted_apart():
    sightings = [a_sighting("worker-0", flag="other"), a_sighting("worker-1", environment="production")]

    seen = summarise(sightings, KILLED_AT_8, base_s=0.0)

    assert (seen.instances, seen.is_complete) == (0, True)
    assert seen.elsewhere == ("worker-0 serves the flag other", "worker-1 serves another environment: production")


def test_an_instance_with_the_key_of_this_environment_counts_whatever_it_calls_it():
    expectation = replace(KILLED_AT_8, sdk_key_digest="aaaa")
    sighting = a_sighting(version=8, mode=Mode.DEGRADED, environment="staging", sdk_key_digest="aaaa")

    assert summarise([sighting], expectation, base_s=0.0).instances_confirmed == 1


def test_an_instance_with_another_key_does_not_count_although_it_gives_its_environment_the_same_name():
    """It may follow another provider altogether, at a higher version, and be in the wanted mode by chance."""
    expectation = replace(KILLED_AT_8, sdk_key_digest="aaaa")

    seen = summarise([a_sighting(version=900, mode=Mode.DEGRADED, sdk_key_digest="bbbb")], expectation, base_s=0.0)

    assert not seen.is_complete
    assert not seen.is_contradicted
    assert seen.stragglers == ("worker-0 may serve another environment: its SDK key is not the one known for test",)


def test_an_instance_with_another_key_counts_once_it_is_seen_following():
    """An environment may have several SDK keys."""
    expectation = replace(KILLED_AT_8, sdk_key_digest="aaaa")
    sighting = a_sighting(version=8, mode=Mode.DEGRADED, sdk_key_digest="bbbb", seen_ms=60)

    assert summarise([sighting], expectation, base_s=0.0).is_complete


@pytest.mark.parametrize(
    ("known", "said"), [("", ""), ("", "bbbb"), ("aaaa", "")], ids=["neither", "instance's only", "provider's only"]
)
def test_without_both_keys_the_names_decide(known, said):
    expectation = replace(KILLED_AT_8, sdk_key_digest=known)
    here = a_sighting("worker-0", version=8, mode=Mode.DEGRADED, project="default", sdk_key_digest=said)
    other_project = a_sighting("worker-1", project="shop", sdk_key_digest=said)

    seen = summarise([here, other_project], expectation, base_s=0.0)

    assert (seen.instances, seen.is_complete) == (1, True)
    assert seen.elsewhere == ("worker-1 serves another project: shop",)


def test_a_silent_instance_is_named():
    seen = summarise([Sighting("worker-2")], KILLED_AT_8, base_s=0.0)

    assert seen.stragglers == ("worker-2 does not answer",)
    assert not seen.is_complete


def test_an_instance_that_went_away_does_not_confirm_whatever_it_said_before():
    seen = summarise([a_sighting(version=8, mode=Mode.DEGRADED, is_gone=True)], KILLED_AT_8, base_s=0.0)

    assert seen.stragglers == ("worker-0 stopped answering at version 8",)


def test_times_count_from_the_start_of_the_write():
    sighting = a_sighting(
        version=8, mode=Mode.DEGRADED, connected=1, latencies=[188], seen_ms=163.0, accepted_at_s=10.0
    )

    seen = summarise([sighting], KILLED_AT_8, base_s=10.1)

    assert seen.last_instance_ms == pytest.approx(63)
    assert seen.latency.percentile(50) == pytest.approx(88, abs=3)
    assert seen.latency.max_ms == pytest.approx(88)


def test_browsers_that_did_not_confirm_are_named():
    waiting = ("browser 3f9a · Chrome · Sandy", "browser 77aa · Firefox · Noor", "c", "d", "e")
    sighting = a_sighting(version=8, mode=Mode.DEGRADED, connected=10, confirmed=5, waiting=waiting)

    seen = summarise([sighting], KILLED_AT_8, base_s=0.0)

    assert (seen.browsers, seen.browsers_confirmed) == (10, 5)
    assert seen.stragglers == (
        (
            "worker-0: 5 browsers not confirmed: browser 3f9a · Chrome · Sandy, browser 77aa · Firefox · Noor, c"
            " and 2 more"
        ),
    )


def test_browsers_of_an_instance_that_lags_are_not_confirmed():
    seen = summarise([a_sighting(version=7, connected=4, confirmed=4)], KILLED_AT_8, base_s=0.0)

    assert (seen.browsers, seen.browsers_confirmed) == (4, 0)


def test_more_confirmations_than_connections_are_not_believed():
    seen = summarise([a_sighting(version=8, mode=Mode.DEGRADED, connected=2, confirmed=9)], KILLED_AT_8, base_s=0.0)

    assert seen.browsers_confirmed == 2


def test_a_lagging_instance_says_what_it_serves_and_from_where():
    sighting = Sighting("worker-1", a_report("worker-1", version=6, source=DataSource.LAST_KNOWN))

    assert summarise([sighting], KILLED_AT_8, base_s=0.0).stragglers == (
        "worker-1 still serves version 6 (full, last-known data)",
    )


@given(st.lists(st.tuples(st.integers(0, 12), st.sampled_from([*Mode, None]), st.integers(0, 9), st.integers(0, 9))))
def test_nothing_is_complete_unless_everyone_follows(facts):
    sightings = [
        a_sighting(f"worker-{number}", version=version, mode=mode, connected=connected, confirmed=confirmed)
        for number, (version, mode, connected, confirmed) in enumerate(facts)
    ]

    seen = summarise(sightings, KILLED_AT_8, base_s=0.0)

    everyone = all(
        version >= 8 and mode is Mode.DEGRADED and confirmed >= connected
        for version, mode, connected, confirmed in facts
    )
    laggards_without_browsers = all(
        version >= 8 and mode is Mode.DEGRADED for version, mode, _connected, _confirmed in facts
    )
    assert seen.is_complete is (everyone and laggards_without_browsers)
    assert seen.is_complete is not bool(seen.stragglers)


@given(st.lists(st.floats(0, 100_000), max_size=50), st.floats(-1000, 1000))
def test_shifting_a_histogram_keeps_every_latency_and_never_goes_below_zero(latencies, by_ms):
    histogram = Histogram()
    for latency_ms in latencies:
        histogram.add(latency_ms)

    shifted = histogram.shifted(by_ms)

    assert shifted.count == histogram.count
    assert shifted.max_ms >= 0
    assert all(value_ms >= 0 for value_ms in shifted.counts)


def test_nobody_at_all_is_complete_and_shows_no_figures():
    assert summarise([], KILLED_AT_8, base_s=0.0) == Propagation()


@pytest.mark.parametrize(("confirmed", "complete"), [(98, False), (99, True), (100, True)])
def test_where_a_share_of_the_browsers_is_enough_the_rest_is_named_and_stops_nothing(confirmed, complete):
    expectation = replace(KILLED_AT_8, browsers=parse_share("99%"))
    sighting = a_sighting(version=8, mode=Mode.DEGRADED, connected=100, confirmed=confirmed)

    seen = summarise([sighting], expectation, base_s=0.0)

    assert seen.is_complete is complete
    assert bool(seen.stragglers) is (confirmed < 100)


def test_no_share_of_the_browsers_makes_up_for_an_instance():
    expectation = replace(KILLED_AT_8, browsers=parse_share("none"))

    assert not summarise([a_sighting(version=7, connected=4)], expectation, base_s=0.0).is_complete


A_PIN = Pin(
    number=3, is_set=True, project="default", environment="test", flag=REF.key, by="sandy", at_s=0.0, reason="no API"
)


@pytest.mark.parametrize("expected", [Mode.FULL, None])
@pytest.mark.parametrize(
    ("holding", "says"),
    [
        ({"pin": A_PIN}, "worker-0 is pinned to degraded by break-glass of sandy: no API"),
        ({"hold": Hold.CONDITION}, "worker-0 stays degraded at version 9: it does not meet the objective"),
    ],
)
def test_an_instance_that_is_held_degraded_does_not_confirm_a_restore_and_says_why(expected, holding, says):
    sighting = a_sighting(version=9, mode=Mode.DEGRADED, **holding)

    seen = summarise([sighting], Expectation(REF, 9, expected), base_s=0.0)

    assert (seen.is_complete, seen.stragglers) == (False, (says,))


@pytest.mark.parametrize("holding", [{"pin": A_PIN}, {"hold": Hold.EXPECTED, "is_deaf": True}])
def test_an_instance_that_is_held_degraded_confirms_a_kill(holding):
    assert summarise([a_sighting(version=8, mode=Mode.DEGRADED, **holding)], KILLED_AT_8, base_s=0.0).is_complete


def test_those_that_only_know_because_they_were_told_are_named():
    told = a_sighting("worker-2", version=8, mode=Mode.DEGRADED, is_deaf=True)
    heard = a_sighting("worker-0", version=8, mode=Mode.DEGRADED)
    lagging = a_sighting("worker-1", version=7, is_deaf=True)

    assert summarise([heard, lagging, told], KILLED_AT_8, base_s=0.0).deaf == ("worker-2",)


def test_each_instance_is_told_of_one_by_one():
    followed = a_sighting("worker-0", version=8, mode=Mode.DEGRADED, seen_ms=70.0)
    was_there = a_sighting("worker-1", version=8, mode=Mode.DEGRADED)
    lagging = a_sighting("worker-2", version=7)

    seen = summarise([followed, was_there, lagging, Sighting("worker-3")], KILLED_AT_8, base_s=0.01)

    assert [(one.instance, one.is_confirmed) for one in seen.followers] == [
        ("worker-0", True), ("worker-1", True), ("worker-2", False), ("worker-3", False),
    ]  # fmt: skip
    assert seen.followers[0].followed_ms == pytest.approx(60)
    assert [one.followed_ms for one in seen.followers[1:]] == [None, None, None]
    assert seen.followers[3].report is None
