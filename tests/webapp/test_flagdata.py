"""What the feed sees of the SDK's flag data."""

import pytest
from ldclient.versioned_data_kind import FEATURES, SEGMENTS

from webapp.flagdata import FlagData, ObservedStore


def a_flag(version, **more):
    flag = {"key": "kill", "version": version, "on": True, "variations": [True, False], "offVariation": 1}
    return {**flag, "fallthrough": {"variation": 0}, **more}


def stored(*flags):
    store = ObservedStore()
    store.init({FEATURES: {flag["key"]: flag for flag in flags}, SEGMENTS: {}})
    return store


def test_the_version_of_a_flag_can_be_read():
    assert stored(a_flag(7)).flag("kill") == FlagData(version=7, depends_on_visitor=False)


def test_a_flag_that_is_not_there_is_none():
    assert stored().flag("kill") is None


def test_every_write_of_a_flag_is_told():
    store = ObservedStore()
    told = []
    store.listen(told.append)

    store.init({FEATURES: {}, SEGMENTS: {}})
    store.upsert(FEATURES, a_flag(2))
    store.upsert(SEGMENTS, {"key": "beta", "version": 1})
    store.delete(FEATURES, "kill", 3)

    assert told == [None, "kill", "kill"]


def test_an_older_flag_in_a_complete_data_set_loses():
    store = stored(a_flag(7, on=False))

    store.init({FEATURES: {"kill": a_flag(5)}, SEGMENTS: {}})

    assert store.flag("kill").version == 7
    assert store.get(FEATURES, "kill")["on"] is False


def test_older_data_is_counted_and_logged_however_it_comes(caplog):
    store = stored(a_flag(7))

    store.init({FEATURES: {"kill": a_flag(5)}, SEGMENTS: {}})
    store.upsert(FEATURES, a_flag(6))
    store.delete(FEATURES, "kill", 4)
    store.upsert(FEATURES, a_flag(7))

    assert store.ignored == 3
    assert [record.levelname for record in caplog.records] == ["ERROR"] * 3
    assert "ignoring version 5 of kill: had version 7 before" in caplog.text


def test_data_that_was_being_written_during_a_fork_is_dropped():
    store = stored(a_flag(7))
    store.writing.acquire()

    store.resume()

    assert (store.initialized, store.flag("kill"), store.writing.locked()) == (False, None, False)


def test_an_older_flag_does_not_come_back_after_its_deletion():
    store = stored(a_flag(7))
    store.delete(FEATURES, "kill", 8)

    store.init({FEATURES: {"kill": a_flag(7)}, SEGMENTS: {}})
    store.upsert(FEATURES, a_flag(8))

    assert store.flag("kill") is None


def test_a_flag_that_is_left_out_of_a_complete_data_set_is_gone_and_can_come_back():
    store = stored(a_flag(7))
    store.init({FEATURES: {}, SEGMENTS: {}})
    assert store.flag("kill") is None

    store.init({FEATURES: {"kill": a_flag(7)}, SEGMENTS: {}})

    assert store.flag("kill").version == 7


def test_an_older_patch_loses():
    store = stored(a_flag(7))

    store.upsert(FEATURES, a_flag(6, on=False))

    assert store.get(FEATURES, "kill")["on"] is True


@pytest.mark.parametrize(
    ("more", "depends"),
    [
        ({}, False),
        ({"targets": [{"variation": 1, "values": []}]}, False),
        ({"targets": [{"variation": 1, "values": ["sandy"]}]}, True),
        ({"contextTargets": [{"contextKind": "device", "variation": 1, "values": ["d"]}]}, True),
        ({"rules": [{"id": "r", "variation": 1, "clauses": []}]}, True),
        ({"prerequisites": [{"key": "other", "variation": 0}]}, True),
        ({"fallthrough": {"rollout": {"variations": [{"variation": 0, "weight": 100000}]}}}, True),
        ({"rules": [{"id": "r", "variation": 1, "clauses": []}], "on": False}, False),
    ],
)
def test_whether_a_flag_depends_on_the_visitor(more, depends):
    assert stored(a_flag(1, **more)).flag("kill").depends_on_visitor is depends
