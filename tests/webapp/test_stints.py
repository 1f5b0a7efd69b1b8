"""One greenlet's time, and the turns of everybody else."""

import os
from types import SimpleNamespace

import gevent
import pytest

from webapp.stints import Stint, let_others_run


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


def test_what_has_arrived_is_dealt_with_in_one_rest(pipe):
    reading, writing = pipe
    seen = []
    arriving = gevent.get_hub().loop.io(reading, 1)
    arriving.start(lambda: seen.append(os.read(reading, 1)))
    os.write(writing, b"x")

    let_others_run()
    arriving.close()

    assert seen == [b"x"]


def test_whoever_is_ready_has_a_turn_in_one_rest():
    seen = []
    for number in range(100):
        gevent.spawn(seen.append, number)

    let_others_run()

    assert seen == list(range(100))


def test_a_stint_is_over_after_its_time_and_a_rest_begins_another(monkeypatch):
    clock = SimpleNamespace(now_s=100.0)
    monkeypatch.setattr("webapp.stints.time", SimpleNamespace(thread_time=lambda: clock.now_s))
    stint = Stint(0.01)

    was_over = stint.is_over
    clock.now_s += 0.02
    is_over = stint.is_over
    stint.rest()

    assert (was_over, is_over, stint.is_over) == (False, True, False)
