"""The same instance seen in several places."""

from dataclasses import dataclass

from builders import a_report

from opsctl.adapters.sightings import told_apart
from opsctl.core.propagation import Sighting


@dataclass
class Place:
    place: str
    identity: str = ""


def seen(place, name="web-1/worker-0", *, run_id=None, is_gone=False, identity=""):
    report = None if run_id is None else a_report(name, run_id=run_id)
    return Place(place, identity), Sighting(name, report, is_gone=is_gone)


def names(*places):
    return [sighting.instance for sighting in told_apart(places)]


def test_one_that_answers_in_two_places_counts_once():
    assert names(seen("a", "worker-0", run_id="1"), seen("b", run_id="1")) == ["worker-0"]


def test_one_that_answers_anywhere_is_not_silent():
    apart = told_apart([seen("bus", identity="1"), seen("socket", "worker-0", run_id="1")])

    assert [(one.instance, one.report is not None) for one in apart] == [("worker-0", True)]


def test_one_that_is_gone_here_and_answers_there_is_there():
    apart = told_apart([seen("a", run_id="1", is_gone=True), seen("b", run_id="1")])

    assert [one.is_gone for one in apart] == [False]


def test_different_ones_of_one_name_are_told_apart_by_their_places():
    first, second = told_apart([seen("10.0.0.1:9101", run_id="1"), seen("10.0.0.2:9101", run_id="2")])

    assert (first.instance, second.instance) == ("web-1/worker-0 at 10.0.0.1:9101", "web-1/worker-0 at 10.0.0.2:9101")
    assert first.report.instance == first.instance


def test_those_that_nothing_is_known_of_are_not_taken_for_one():
    assert len(names(seen("a", "https://a"), seen("b", "https://b"))) == 2
    assert len(names(seen("a", "old", run_id=""), seen("b", "older", run_id=""))) == 2


def test_they_stay_in_the_order_they_were_found_in():
    assert names(seen("a", "c"), seen("b", "a", run_id="1"), seen("c", "b"), (Place("d"), None)) == ["c", "a", "b"]
