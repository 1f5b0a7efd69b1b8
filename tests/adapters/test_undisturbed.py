"""Signals that come at a bad moment."""

import os
import signal

import pytest

from opsctl.adapters.undisturbed import noticing, undisturbed


def interrupt(number=signal.SIGINT):
    os.kill(os.getpid(), number)


def test_a_signal_that_somebody_kept_off_is_noticed():
    with noticing() as came:
        with undisturbed() as kept_off:
            interrupt()
        assert kept_off == [signal.SIGINT]

    assert came == [signal.SIGINT]


def test_a_signal_that_raises_is_noticed_too():
    with noticing() as came, pytest.raises(KeyboardInterrupt):
        interrupt()

    assert came == [signal.SIGINT]


def test_where_none_came_there_is_none():
    with noticing() as came:
        pass

    assert came == []


def test_no_other_signal_counts_and_afterwards_nothing_is_noticed():
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    try:
        with noticing() as came:
            interrupt(signal.SIGALRM)
        with undisturbed():
            interrupt()
    finally:
        signal.signal(signal.SIGALRM, before)

    assert came == []
    assert signal.set_wakeup_fd(-1) == -1
