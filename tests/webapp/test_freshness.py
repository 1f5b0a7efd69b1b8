"""Where the flag data comes from."""

import pytest

from opsctl.core.instances import DataSource
from webapp.freshness import Freshness


def test_before_there_is_data_there_is_no_source():
    freshness = Freshness()

    freshness.on_stream(is_valid=False)

    assert (freshness.source, freshness.age_s) == (DataSource.NONE, None)


def test_data_on_an_intact_stream_is_live():
    freshness = Freshness()

    freshness.on_data()
    freshness.on_stream(is_valid=True)

    assert (freshness.source, freshness.age_s) == (DataSource.LIVE, 0.0)


def test_data_of_a_broken_stream_is_last_known_and_ages():
    freshness = Freshness()
    freshness.on_data()
    freshness.on_stream(is_valid=True)

    freshness.on_stream(is_valid=False)

    assert freshness.source is DataSource.LAST_KNOWN
    first = freshness.age_s
    assert 0 <= first <= freshness.age_s


def test_last_known_data_has_the_age_it_had_and_ages_on(now):
    freshness = Freshness()

    freshness.on_last_known(3600.0)
    freshness.on_stream(is_valid=False)

    now[0] += 5
    assert (freshness.source, freshness.age_s) == (DataSource.LAST_KNOWN, 3605.0)
    freshness.on_data()
    freshness.on_stream(is_valid=True)
    assert (freshness.source, freshness.age_s) == (DataSource.LIVE, 0.0)


def test_data_from_the_future_is_not_younger_than_now(now):
    freshness = Freshness()

    freshness.on_last_known(-7200.0)

    assert freshness.age_s == 0.0


@pytest.fixture
def now(monkeypatch):
    """A clock that is set by hand."""
    time = [1000.0]
    monkeypatch.setattr("webapp.freshness.time.monotonic", lambda: time[0])
    return time


def live():
    freshness = Freshness()
    freshness.on_data()
    freshness.on_stream(is_valid=True)
    return freshness


def test_once_it_is_checked_a_silent_stream_confirms_nothing(now):
    freshness = live()
    freshness.on_check(confirmed=True)

    now[0] += 8

    assert (freshness.source, freshness.age_s) == (DataSource.LIVE, 8.0)
    now[0] += 23
    assert (freshness.source, freshness.age_s) == (DataSource.LAST_KNOWN, 31.0)


def test_where_checks_are_made_the_data_ages_from_the_start(now):
    freshness = live()
    freshness.is_checked = True

    now[0] += 9

    assert (freshness.source, freshness.age_s) == (DataSource.LIVE, 9.0)


def test_a_check_that_fails_confirms_nothing_and_the_next_that_succeeds_does(now):
    freshness = live()

    now[0] += 31
    freshness.on_check(confirmed=False)
    assert (freshness.source, freshness.age_s) == (DataSource.LAST_KNOWN, 31.0)

    freshness.on_check(confirmed=True)
    assert (freshness.source, freshness.age_s) == (DataSource.LIVE, 0.0)


def test_a_check_does_not_make_a_broken_stream_live(now):
    freshness = live()
    freshness.on_stream(is_valid=False)

    now[0] += 5
    freshness.on_check(confirmed=True)

    assert (freshness.source, freshness.age_s) == (DataSource.LAST_KNOWN, 0.0)


def test_a_check_without_data_makes_no_data():
    freshness = Freshness()

    freshness.on_check(confirmed=True)

    assert (freshness.source, freshness.age_s) == (DataSource.NONE, None)


def test_in_a_forked_process_nothing_is_live_until_its_own_stream_is(now, monkeypatch):
    freshness = live()

    monkeypatch.setattr("webapp.freshness.os.getpid", lambda: -1)
    now[0] += 5
    assert (freshness.source, freshness.age_s) == (DataSource.LAST_KNOWN, 5.0)

    freshness.reset()
    assert freshness.source is DataSource.LAST_KNOWN
    freshness.on_stream(is_valid=True)
    assert freshness.source is DataSource.LIVE
