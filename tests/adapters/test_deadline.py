"""Bounding calls that cannot be bounded by themselves."""

import threading

import pytest

from opsctl.adapters.deadline import call_within


def test_a_call_in_time_returns_what_it_returns():
    assert call_within(10, lambda: "answer") == "answer"


def test_a_call_that_fails_raises_what_it_raises():
    with pytest.raises(ZeroDivisionError):
        call_within(10, lambda: 1 / 0)


def test_a_call_that_takes_too_long_is_left_behind():
    release = threading.Event()

    with pytest.raises(TimeoutError):
        call_within(0.05, release.wait)

    release.set()
