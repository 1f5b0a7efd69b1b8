"""The scenarios that opsctl brings along."""

from dataclasses import replace

import pytest
from support.simulated import a_result

from opsctl.core.load.builtin import BUILT_IN, built_in, changed, on_running_feed, through_proxy
from opsctl.core.load.scenario import Avatars, Scenario, Tag
from opsctl.core.modes import Mode


def story(scenario):
    return [(phase.name, phase.mode.value, scenario.visitors_by_phase[phase.name]) for phase in scenario.phases]


def trouble(scenario):
    return {phase.name: phase.avatars for phase in scenario.phases if phase.avatars not in {None, healthy()}}


def healthy():
    return Avatars(latency_ms=200)


def test_compare_is_a_minute_of_three_phases_under_the_same_load():
    scenario = built_in("compare")

    assert story(scenario) == [("full", "full", 300), ("degraded", "degraded", 300), ("restored", "full", 300)]
    assert (scenario.seconds, scenario.sockets, trouble(scenario)) == (60, 1000, {})
    assert scenario.phases[0].avatars == healthy()


def test_a_provider_behind_a_proxy_is_healthy_as_it_is_and_fails_as_the_stand_in_would():
    told = through_proxy(built_in("avatar-down"), "https://avatars.example")

    assert [phase.avatars for phase in told.phases] == [
        Avatars(),
        Avatars(latency_ms=200, error_rate=1.0),
        Avatars(latency_ms=200, rate_limit_per_s=5.0),
        None,
        Avatars(),
        None,
    ]
    assert told.avatar_provider == "https://avatars.example"
    assert told.notes[-1].startswith("avatars come from https://avatars.example, through a proxy")


def test_what_ones_own_scenario_says_of_a_provider_comes_on_top_even_where_a_stand_in_has_the_same():
    own = replace(built_in("compare").phases[0], avatars=healthy())

    told = through_proxy(
        replace(built_in("compare"), phases=(own, *built_in("compare").phases[1:])), "https://a.example"
    )

    assert told.phases[0].avatars == healthy()


def test_a_spike_rises_tenfold_before_the_kill_and_falls_after_the_restore():
    assert story(built_in("spike", visitors=20)) == [
        ("calm", "full", 20),
        ("rise", "full", 200),
        ("peak", "full", 200),
        ("degraded", "degraded", 200),
        ("restored", "full", 200),
        ("fall", "full", 20),
    ]


@pytest.mark.parametrize(
    ("name", "troubles"),
    [
        ("avatar-slow", {"slow": Avatars(latency_ms=10_000), "hanging": Avatars(hang=True)}),
        (
            "avatar-down",
            {
                "failing": Avatars(latency_ms=200, error_rate=1),
                "rate-limited": Avatars(latency_ms=200, rate_limit_per_s=5),
            },
        ),
    ],
)
def test_the_avatar_api_recovers_before_the_restore(name, troubles):
    scenario = built_in(name)
    modes = [phase.mode for phase in scenario.phases]
    recovered = next(phase for phase in scenario.phases if phase.name == "recovered")

    assert trouble(scenario) == troubles
    assert (recovered.mode, recovered.avatars) == (Mode.DEGRADED, healthy())
    assert scenario.phases.index(recovered) == modes.index(Mode.DEGRADED) + 1
    assert scenario.phases[-1].tag is Tag.RESTORED


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_compares_full_degraded_and_restored_and_says_what_for(name):
    scenario = BUILT_IN[name].scenario

    assert {phase.tag for phase in scenario.phases} == set(Tag)
    assert 55 <= scenario.seconds <= 75
    assert scenario.name == name
    assert "\n" not in BUILT_IN[name].purpose


def test_duration_scales_every_phase_and_visitors_those_of_every_phase():
    scenario = built_in("spike", visitors=6, seconds=7, sockets=5, seed=3, think_s=(0.0, 0.1))

    assert [round(phase.seconds, 6) for phase in scenario.phases] == [1, 1.5, 1, 1.5, 1, 1]
    assert scenario.most_visitors == 60
    assert (scenario.sockets, scenario.seed, scenario.think_s) == (5, 3, (0.0, 0.1))


def test_that_each_page_asks_anew_is_said_where_it_does():
    anew, kept = built_in("compare"), built_in("compare", avatar_keep_s=600.0)

    assert (anew.avatar_keep_s, kept.avatar_keep_s) == (0, 600)
    assert ["asks the avatar API anew" in note for note in anew.notes] == [True]
    assert kept.notes == ()
    assert (on_running_feed(anew).avatar_keep_s, on_running_feed(anew).notes) == (None, ())


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("surge", {}, "there are compare, spike, avatar-slow, avatar-down"),
        ("spike", {"visitors": 20_000}, "visitors of rise: from 0 to 100,000"),
        ("compare", {"visitors": -1}, "visitors: from 0"),
        ("compare", {"seconds": 0}, "the duration of full"),
    ],
)
def test_what_cannot_be_run_says_why(name, options, why):
    with pytest.raises(ValueError, match=why):
        built_in(name, **options)


def test_visitors_that_come_only_later_are_not_multiplied():
    nobody_yet = replace(BUILT_IN["spike"].scenario, visitors=0)

    with pytest.raises(ValueError, match="begins without visitors"):
        changed(nobody_yet, visitors=10)
    assert changed(replace(BUILT_IN["compare"].scenario, visitors=0), visitors=10).most_visitors == 10


def test_what_is_compared_is_the_last_phase_of_those_with_the_most_visitors():
    scenario: Scenario = built_in("spike")
    whole = a_result()
    by_tag = {phase.tag: phase for phase in whole.phases}
    phases = tuple(replace(by_tag[phase.tag], name=phase.name, tag=phase.tag) for phase in scenario.phases)

    result = replace(whole, scenario=scenario, phases=phases)

    assert [result.tagged(tag).name for tag in Tag] == ["peak", "degraded", "restored"]
    assert replace(result, phases=phases[:2]).tagged(Tag.RESTORED) is None
