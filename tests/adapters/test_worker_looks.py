"""The feed's workers under load: what they counted, and what they use."""

import os
import socket

import pytest
from builders import a_report

from opsctl.adapters.worker_looks import InstanceWorkers
from opsctl.core.propagation import Sighting
from opsctl.core.traffic import Traffic

FLAG = "show-avatars-and-reccs"


class Told:
    """Instances that say what a test has them say."""

    def __init__(self):
        self.reports = {}

    def list_sightings(self):
        return tuple(Sighting(name, report) for name, report in self.reports.items())


@pytest.fixture
def told():
    return Told()


def a_worker(name, *, requests=100, run_id="first", open_s=2.0, **others):
    fields = {"flag": FLAG, "host": socket.gethostname(), "pid": os.getpid(), "run_id": run_id, "avatar_open_s": open_s}
    return a_report(name, traffic=Traffic(requests=requests), **{**fields, **others})


def test_workers_are_counted_together(told):
    told.reports = {"one": a_worker("one", open_s=2.0), "two": a_worker("two", requests=50, run_id="other", open_s=4.0)}

    look = InstanceWorkers(told, FLAG).look()

    assert (look.requests, look.avatar_open_s) == (150, 3.0)
    assert look.cpu_s_of[os.getpid()] == look.cpu_s > 0
    assert look.machine.whole_s > look.machine.busy_s > 0


def test_a_worker_too_busy_to_answer_is_still_seen_to_use_its_core(told):
    workers = InstanceWorkers(told, FLAG)
    told.reports = {"one": a_worker("one")}
    before = workers.look()
    told.reports = {"one": None}

    look = workers.look()

    assert not look.is_counted
    assert look.cpu_s >= before.cpu_s > 0
    assert look.memory_mb > 0
    assert look.runs == before.runs


def test_after_a_restart_it_is_another_run(told):
    workers = InstanceWorkers(told, FLAG)
    told.reports = {"one": a_worker("one")}
    before = workers.look()
    told.reports = {"one": a_worker("one", run_id="second")}

    assert not workers.look().is_counted
    after = workers.look()
    assert after.is_counted
    assert after.runs != before.runs


def test_what_workers_of_another_machine_use_is_not_known(told):
    told.reports = {"one": a_worker("one", host="elsewhere")}

    look = InstanceWorkers(told, FLAG).look()

    assert look.is_counted
    assert (look.cpu_s, look.cpu_s_of, look.memory_mb) == (None, {}, None)


def test_of_an_older_worker_nobody_knows_how_long_its_breaker_was_open(told):
    told.reports = {"one": a_worker("one", open_s=None)}

    assert InstanceWorkers(told, FLAG).look().avatar_open_s is None
