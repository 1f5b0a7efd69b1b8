"""How the comparisons put together what their browsers say of a change."""

import pytest
from bench.fleet import Followed, followed
from bench.processes import NotMeasuredError


def change(version, browsers, last_ns, went_back=0):
    return {"event": "change", "epoch": [version, 0], "browsers": browsers, "last_ns": last_ns, "went_back": went_back}


def told(*said):
    return iter([*said, None]).__next__


def test_a_change_that_is_said_in_pieces_is_one():
    assert followed(told(change(5, 60, 100), change(5, 40, 300)), 5, 100) == Followed(100, 300, 0)


def test_what_comes_late_of_the_change_before_does_not_count():
    assert followed(told(change(4, 30, 900), change(5, 100, 300)), 5, 100) == Followed(100, 300, 0)


def test_browsers_that_were_lost_are_not_waited_for_and_not_counted():
    lost = {"event": "lost", "browsers": 97, "lost": 3, "why": {}}

    assert followed(told(lost, change(5, 97, 300)), 5, 100) == Followed(97, 300, 0)


def test_those_who_did_not_follow_are_missing():
    assert followed(told(change(5, 98, 300, went_back=1)), 5, 100) == Followed(98, 300, 1)


@pytest.mark.parametrize("said", [[], [change(4, 100, 1)], [{"event": "end", "message": "its process ended"}]])
def test_a_change_that_nobody_showed_was_not_measured(said):
    with pytest.raises(NotMeasuredError):
        followed(told(*said), 5, 100)
