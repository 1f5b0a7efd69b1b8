"""What the feed sees of the SDK's flag data."""

import pytest
from feed_parts import logged
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
    assert [record.levelname for record in logged(caplog)] == ["ERROR"] * 3
    assert "ignoring version 5 of kill: had version 7 before" in caplog.text


def test_each_write_that_counts_is_counted():
    store = stored(a_flag(7))
    before = store.changes

    store.upsert(FEATURES, a_flag(7))
    store.upsert(FEATURES, a_flag(6))
    assert store.changes == before
    store.upsert(SEGMENTS, {"key": "beta", "version": 1})
    store.delete(SEGMENTS, "beta", 2)
    assert store.changes == before + 2


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


def data(*flags, segments=()):
    return {FEATURES: {one["key"]: one for one in flags}, SEGMENTS: {one["key"]: one for one in segments}}


def test_many_older_items_are_one_line_in_the_log(caplog):
    store = stored(*(a_flag(7, key=f"flag-{number}") for number in range(5)))

    store.init(data(*(a_flag(5, key=f"flag-{number}") for number in range(5))))

    assert (store.ignored, len(logged(caplog))) == (5, 1)
    assert "ignoring version 5 of flag-0 (and 4 more like it)" in caplog.text


def test_a_flag_that_was_deleted_and_made_anew_is_followed_whatever_its_version(caplog):
    store = stored(a_flag(7, salt="first"), a_flag(3, key="other"))
    store.upsert(FEATURES, a_flag(1, salt="second", on=False))

    assert (store.flag("kill").version, store.get(FEATURES, "kill")["on"]) == (1, False)
    assert store.flag("other").version == 3
    assert store.get(FEATURES, "other") is not None

    store.init(data(a_flag(1, salt="third")))
    assert (store.get(FEATURES, "kill")["on"], store.flag_keys()) == (True, ("kill",))
    store.delete(FEATURES, "kill", 2)
    store.upsert(FEATURES, a_flag(1, salt="third"))
    assert store.flag("kill") is None
    store.upsert(FEATURES, a_flag(1, salt="fourth"))
    assert store.flag("kill").version == 1
    assert "ignoring version 1 of kill: had version 2 before" in caplog.text


def test_what_is_loaded_outranks_what_is_older_and_counts_as_data():
    store = ObservedStore()
    store.load(data(a_flag(7, on=False)))

    assert (store.initialized, store.flag("kill").version, store.is_deaf("kill")) == (True, 7, False)
    store.init(data(a_flag(6)))
    assert store.get(FEATURES, "kill")["on"] is False


def test_a_deletion_survives_being_saved_and_loaded():
    before = stored(a_flag(7), a_flag(2, key="other"))
    before.delete(FEATURES, "kill", 8)

    after = ObservedStore()
    after.load(before.snapshot())
    after.init(data(a_flag(7), a_flag(2, key="other")))

    assert (after.flag("kill"), after.get(FEATURES, "kill"), after.flag_keys()) == (None, None, ("other",))


def test_a_flag_that_was_left_out_stays_gone_after_a_restart_until_it_is_as_new():
    before = stored(a_flag(7, salt="s"))
    before.init(data())

    after = ObservedStore()
    after.load(before.snapshot())
    after.init(data(a_flag(6, salt="s")))
    assert after.flag("kill") is None

    after.init(data(a_flag(7, salt="s")))
    assert after.flag("kill").version == 7


def test_a_snapshot_is_what_was_sent():
    flag, segment = a_flag(7, salt="s", unknown={"to": "us"}), {"key": "beta", "version": 4, "included": ["noor"]}

    assert ObservedStore().snapshot() == data()
    store = ObservedStore()
    store.init(data(flag, segments=[segment]))
    assert store.snapshot() == data(flag, segments=[segment])


def test_what_was_fetched_is_deaf_until_the_stream_brings_it():
    store = stored(a_flag(7))
    told = []
    store.listen(told.append)

    assert store.fetched(data(a_flag(8, on=False))) is True
    assert (store.flag("kill").version, store.is_deaf("kill"), store.has_unheard, told) == (8, True, True, [None])

    store.upsert(FEATURES, a_flag(8, on=False))
    assert (store.is_deaf("kill"), store.has_unheard, told) == (False, False, [None, "kill"])


@pytest.mark.parametrize("version", [8, 9])
def test_a_complete_data_set_ends_the_deafness_too(version):
    store = stored(a_flag(7))
    store.fetched(data(a_flag(8), a_flag(1, key="other")))

    store.init(data(a_flag(version)))

    assert store.has_unheard is False


def test_a_stream_that_brings_older_data_than_was_fetched_is_still_deaf_and_no_error(caplog):
    store = stored(a_flag(7))
    store.fetched(data(a_flag(9, on=False)))

    store.upsert(FEATURES, a_flag(8))
    store.init(data(a_flag(8)))

    assert (store.flag("kill").version, store.is_deaf("kill"), store.ignored) == (9, True, 0)
    assert logged(caplog) == []


def test_fetching_what_is_held_changes_nothing_and_is_not_told():
    store = stored(a_flag(7))
    told = []
    store.listen(told.append)

    assert store.fetched(data(a_flag(7))) is False
    assert store.fetched(data(a_flag(6))) is False

    assert (told, store.has_unheard, store.flag("kill").version) == ([], False, 7)


def test_a_fetched_set_that_is_newer_throughout_replaces_everything():
    store = stored(a_flag(7), a_flag(1, key="gone"))

    store.fetched(data(a_flag(8)))

    assert store.flag_keys() == ("kill",)


def test_a_fetched_set_that_lags_behind_takes_nothing_away():
    store = stored(a_flag(7), a_flag(5, key="ahead"), a_flag(1, key="new"))

    store.fetched(data(a_flag(8), a_flag(4, key="ahead")))

    assert {key: store.flag(key).version for key in store.flag_keys()} == {"kill": 8, "ahead": 5, "new": 1}


def test_a_fetched_flag_that_is_another_one_is_left_to_the_stream():
    store = stored(a_flag(7, salt="new"))

    store.fetched(data(a_flag(9, salt="old"), a_flag(1, key="other")))

    assert (store.flag("kill").version, store.flag("other").version) == (7, 1)


def test_what_is_fetched_before_there_was_any_data_is_data():
    store = ObservedStore()

    assert store.fetched(data(a_flag(7))) is True

    assert (store.initialized, store.is_deaf("kill")) == (True, True)


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
