"""Scenarios, and what is counted of a load."""

import json

import pytest

from opsctl.core.load.results import PhaseResult
from opsctl.core.load.scenario import Phase, Scenario, Tag
from opsctl.core.load.tally import Slot, Tallies, Tally
from opsctl.core.modes import Mode

FULL = Phase(name="full", seconds=10, mode=Mode.FULL, tag=Tag.FULL)
KILLED = Phase(name="degraded", seconds=20, mode=Mode.DEGRADED, tag=Tag.DEGRADED, visitors=3000)


def test_a_scenario_lasts_as_long_as_its_phases_and_knows_its_peak():
    scenario = Scenario(name="one", phases=(FULL, KILLED), visitors=300)

    assert scenario.seconds == 30
    assert scenario.most_visitors == 3000


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"phases": ()}, "at least one phase"),
        ({"phases": (FULL, FULL)}, "a name of its own"),
        ({"phases": (KILLED, FULL)}, "nothing to kill"),
        ({"phases": (FULL,)}, "nothing to compare"),
        ({"visitors": -1}, "visitors: from 0"),
        ({"sockets": 1_000_000}, "sockets: from 0"),
        ({"think_s": (2.0, 1.0)}, "think"),
    ],
)
def test_a_scenario_that_cannot_run_says_why(changes, why):
    with pytest.raises(ValueError, match=why):
        Scenario(**{"name": "bad", "phases": (FULL, KILLED), **changes})


def tallied(phase, *latencies_ms, second=0, failure=None):
    tallies = Tallies()
    for latency_ms in latencies_ms:
        tallies.at(Slot(phase, second, "full")).add(latency_ms, 1000, failure)
    return tallies


def test_tallies_of_several_processes_add_up():
    whole = tallied(0, 10, 20)
    whole.merge(tallied(0, 30))
    whole.merge(tallied(1, 5))

    first = whole.of_phases(0)
    assert (first.requests, first.sent_bytes, first.latency.max_ms) == (3, 3000, 30)
    assert whole.of_phases(0, 1).requests == 4


def test_tallies_arrive_as_they_were_sent():
    sent = tallied(0, 10, 20)
    sent.merge(tallied(1, 7, second=4, failure="503"))

    assert Tallies.from_wire(json.loads(json.dumps(sent.to_wire()))) == sent


@pytest.mark.parametrize("value", [None, [1], [{}], [{"phase": 0}], {"a": 1}])
def test_what_is_no_tally_is_refused(value):
    with pytest.raises(ValueError, match=r"tally|histogram"):
        Tallies.from_wire(value)


def test_what_failed_counts_as_a_request_without_a_latency():
    tally = Tally()
    tally.add(5, 100)
    tally.add(900, 0, "timed out")

    assert (tally.requests, tally.failed, tally.latency.max_ms) == (2, 1, 5)


def test_a_phase_tells_rates_by_its_own_length():
    pages = tallied(0, *[10] * 40).of_phases(0)
    phase = PhaseResult(
        name="full", tag=Tag.FULL, mode=Mode.FULL, from_s=2, to_s=12, pages=pages, shown={"full": 40},
        visitors=3, sockets=0, avatar_calls=20, avatar_errors=0,
    )  # fmt: skip

    assert (phase.pages_per_s, phase.avatar_calls_per_s, phase.error_rate, phase.bytes_per_page) == (4, 2, 0, 1000)
