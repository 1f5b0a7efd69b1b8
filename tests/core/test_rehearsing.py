"""What a rehearsal runs, what has to hold in it, and what is kept of it."""

from dataclasses import replace

import pytest
from builders import REF
from support.simulated import a_result

from opsctl.core.errors import ErrorCode
from opsctl.core.load.failures import Failure
from opsctl.core.load.judging import judge
from opsctl.core.load.rehearsing import OBJECTIVES, objectives, rehearsal_of, to_keep
from opsctl.core.load.scenario import Avatars
from opsctl.core.load.steps import avatars_text
from opsctl.core.load.thresholds import parse_threshold
from opsctl.core.rehearsal import Rehearsal


def a_scenario(failure=Failure.SLOW, *, sockets=None):
    return rehearsal_of(failure, visitors=None, sockets=sockets, seconds=None, seed=7)


def texts(*given, sockets=None, sees_instances=True):
    found = objectives(given, a_scenario(sockets=sockets), sees_instances=sees_instances)
    return [one.text for one in found]


@pytest.mark.parametrize("failure", Failure)
def test_the_usual_objectives_are_about_every_rehearsal(failure):
    found = objectives((), a_scenario(failure), sees_instances=True)

    assert tuple(one.text for one in found) == OBJECTIVES


def test_an_objective_takes_the_place_of_the_usual_one_about_its_figure_and_others_are_added():
    found = texts("kill.p99<500ms", "kill.shown.p99>1ms", "restored.p95<2s")

    assert found == [*OBJECTIVES[1:], "kill.p99<500ms", "kill.shown.p99>1ms", "restored.p95<2s"]


def test_what_cannot_be_observed_is_not_asked_for_unless_somebody_does():
    assert "kill.shown.p99<1s" not in texts(sockets=0)
    assert "degraded.avatar_calls==0" not in texts(sees_instances=False)
    assert "degraded.avatar_calls==0" in texts("degraded.avatar_calls==0", sees_instances=False)


def test_one_that_says_nothing_about_a_rehearsal_is_refused():
    with pytest.raises(ValueError, match="there is no phase peak in it"):
        texts("peak.p95<1s")


def test_what_is_kept_says_what_was_measured_and_is_read_again():
    result = a_result()
    verdicts = judge([parse_threshold("degraded.p95<1ms", result.scenario)], result)

    kept = to_keep(result, verdicts, ref=REF, target="http://feed", failure=Failure.DOWN, report="/r/report.html")

    assert [(one.text, one.is_met) for one in kept.objectives] == [("degraded.p95<1ms", False)]
    assert kept.missed == kept.objectives
    assert Rehearsal.from_wire(kept.to_wire()) == kept
    assert (kept.has_passed, kept.is_broken_off) == (False, False)


@pytest.mark.parametrize(
    ("ended_by", "is_broken_off"),
    [(ErrorCode.INTERRUPTED, True), (ErrorCode.SUPERSEDED, True), (ErrorCode.NOT_CONFIRMED, False), (None, False)],
)
def test_only_what_was_ended_from_outside_counts_as_broken_off(ended_by, is_broken_off):
    result = replace(a_result(), ended_by=ended_by, interrupted="why" if ended_by else "", left_as="")

    kept = to_keep(result, (), ref=REF, target="", failure=Failure.SLOW, report="")

    assert (kept.is_broken_off, kept.trouble) == (is_broken_off, "why" if ended_by else "")


@pytest.mark.parametrize(
    ("avatars", "text"),
    [
        (Avatars(), "answers at once"),
        (Avatars(latency_ms=200, jitter_ms=100), "takes 200 ms to 300 ms"),
        (Avatars(latency_ms=200, error_rate=1), "takes 200 ms and fails 100% of the calls"),
        (Avatars(rate_limit_per_s=5), "answers at once and refuses above 5 calls/s"),
        (Avatars(latency_ms=200, hang=True), "answers nothing"),
    ],
)
def test_what_the_avatar_api_does_reads_as_people_say_it(avatars, text):
    assert avatars_text(avatars) == text
