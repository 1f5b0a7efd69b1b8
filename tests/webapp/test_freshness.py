"""Where the flag data comes from."""

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
