"""Finding and following instances over real unix sockets."""

import os
import socket
import threading
import time

import pytest
from builders import a_report
from support.control_sockets import FakeInstance
from support.waiting import DEADLINE_S, eventually

from opsctl.adapters.datadir import exclusive_data_dir, served_since_s
from opsctl.adapters.instance_sockets import ControlSockets
from opsctl.adapters.instances import FoundInstances
from opsctl.core.errors import OpsError
from opsctl.core.modes import Mode
from opsctl.core.propagation import Sighting
from opsctl.core.rundir import run_dir


@pytest.fixture
def sockets(tmp_path):
    return run_dir(tmp_path)


@pytest.fixture
def instances(tmp_path):
    return FoundInstances([ControlSockets(tmp_path)], answer_timeout_s=0.3)


def names(sightings):
    return [sighting.instance for sighting in sightings]


def left_behind(sockets, name="worker-9", *, age_s=0.0):
    sockets.mkdir(parents=True, exist_ok=True)
    path = sockets / f"{name}.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
    os.utime(path, (time.time() - age_s, time.time() - age_s))
    return path


def observers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("opsctl-follow")]


def test_without_a_run_directory_there_are_no_instances(instances):
    assert instances.list_sightings() == ()
    with instances.observe() as observation:
        assert observation.sightings() == ()


def test_every_instance_is_asked(sockets, instances):
    FakeInstance(sockets, "worker-0", a_report("worker-0"))
    FakeInstance(sockets, "worker-1", a_report("worker-1", mode=Mode.DEGRADED))

    first, second = instances.list_sightings()

    assert (first.report.mode, second.report.mode) == (Mode.FULL, Mode.DEGRADED)


def test_an_instance_that_accepts_and_does_not_answer_is_named(sockets, instances):
    FakeInstance(sockets, "worker-2", is_mute=True)

    (sighting,) = instances.list_sightings()

    assert (sighting.instance, sighting.report) == ("worker-2", None)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnot json!",
        b"garbage\r\n\r\n",
        b"",
    ],
)
def test_an_answer_that_is_no_report_is_no_answer(sockets, instances, raw):
    FakeInstance(sockets, "worker-0", raw=raw)

    assert instances.list_sightings()[0].report is None
    with instances.observe() as observation:
        assert observation.sightings()[0].report is None


def test_a_socket_that_nobody_listens_on_is_no_instance(sockets, instances):
    left_behind(sockets)

    assert instances.list_sightings() == ()
    with instances.observe() as observation:
        assert observation.sightings() == ()


def test_a_socket_left_behind_long_ago_is_removed_and_a_young_one_is_not(sockets, instances):
    old, young = left_behind(sockets, "worker-8", age_s=3600), left_behind(sockets, "worker-9")

    instances.list_sightings()

    assert not old.exists()
    assert young.exists()


def test_an_instance_that_serve_is_about_to_start_again_is_missing_and_not_absent(tmp_path, sockets, instances):
    """The worker was killed: its socket refuses, and the supervisor waits before the next attempt."""
    with exclusive_data_dir(tmp_path):
        path = left_behind(sockets, "worker-0")

        assert instances.list_sightings() == (Sighting("worker-0", is_gone=True),)
        with instances.observe() as observation:
            assert observation.sightings() == (Sighting("worker-0", is_gone=True),)
            path.unlink()
            FakeInstance(sockets, "worker-0", a_report("worker-0", version=8))

            eventually(lambda: observation.sightings()[0].report is not None, what="its report once it is back")


def test_an_instance_without_a_socket_is_missing_while_serve_runs_and_none_afterwards(tmp_path, instances):
    with exclusive_data_dir(tmp_path):
        assert names(instances.list_sightings()) == ["worker-0"]
        observation = instances.observe().__enter__()
        assert names(observation.sightings()) == ["worker-0"]

    eventually(lambda: observation.sightings() == (), what="that nobody is expected any more")
    observation.__exit__(None, None, None)
    assert instances.list_sightings() == ()


def test_a_socket_older_than_the_serve_that_runs_is_left_behind(tmp_path, sockets, instances):
    old = left_behind(sockets, "worker-7", age_s=3600)

    with exclusive_data_dir(tmp_path):
        assert names(instances.list_sightings()) == ["worker-0"]

    assert not old.exists()


def test_asking_whether_serve_runs_does_not_keep_one_from_starting(tmp_path):
    with exclusive_data_dir(tmp_path):
        pass
    asking = threading.Event()
    asker = threading.Thread(target=lambda: [served_since_s(tmp_path) for _ in iter(asking.is_set, True)], daemon=True)
    asker.start()

    for _ in range(50):
        with exclusive_data_dir(tmp_path):
            assert served_since_s(tmp_path) is not None

    asking.set()
    asker.join(DEADLINE_S)


def test_a_second_serve_on_the_same_data_is_refused(tmp_path):
    with (
        exclusive_data_dir(tmp_path),
        pytest.raises(OpsError, match="another opsctl serve"),
        exclusive_data_dir(tmp_path),
    ):
        pass


def test_an_observation_starts_with_where_everyone_stands(sockets, instances):
    FakeInstance(sockets, "worker-0", a_report("worker-0", version=7))

    with instances.observe() as observation:
        (sighting,) = observation.sightings()

    assert sighting.report.epoch.version == 7
    assert abs(sighting.accepted_at_s - time.monotonic()) < 20


def test_news_wake_whoever_waits(sockets, instances):
    instance = FakeInstance(sockets, "worker-0", a_report("worker-0", version=7))

    with instances.observe() as observation:
        observation.wait_for_news(5)
        instance.push(a_report("worker-0", version=8, mode=Mode.DEGRADED, seen_ms=12.0))

        eventually(
            lambda: observation.wait_for_news(1) and observation.sightings()[0].report.epoch.version == 8,
            what="the news",
        )


def test_heartbeats_that_say_nothing_new_are_no_news(sockets, instances):
    FakeInstance(sockets, "worker-0", a_report("worker-0"))

    with instances.observe() as observation:
        observation.wait_for_news(5)

        assert not observation.wait_for_news(1.2)


def test_a_silent_instance_delays_the_start_by_half_a_second_and_is_named(sockets, instances):
    FakeInstance(sockets, "worker-0", is_mute=True)
    FakeInstance(sockets, "worker-1", a_report("worker-1"))
    started_s = time.monotonic()

    with instances.observe() as observation:
        assert time.monotonic() - started_s < 10
        silent, speaking = observation.sightings()

    assert (silent.report, speaking.instance) == (None, "worker-1")


def test_an_instance_that_goes_away_is_said_to_be_gone(sockets, instances):
    instance = FakeInstance(sockets, "worker-0", a_report("worker-0"))

    with instances.observe() as observation:
        instance.hang_up()

        eventually(lambda: observation.sightings()[0].is_gone, what="that it is gone")


def test_an_instance_that_comes_back_is_followed_again(sockets, instances):
    instance = FakeInstance(sockets, "worker-0", a_report("worker-0", version=7))

    with instances.observe() as observation:
        instance.hang_up()
        instance.path.unlink()
        FakeInstance(sockets, "worker-0", a_report("worker-0", version=8))

        eventually(
            lambda: not observation.sightings()[0].is_gone and observation.sightings()[0].report.epoch.version == 8,
            what="its new report",
        )


def test_no_thread_stays_after_an_observation(sockets, instances):
    FakeInstance(sockets, "worker-0", a_report("worker-0"))
    FakeInstance(sockets, "worker-1", is_mute=True)

    with instances.observe():
        assert len(observers()) == 2

    eventually(lambda: not observers(), what="the end of the threads")


def test_other_files_in_the_run_directory_are_left_alone(sockets, instances):
    sockets.mkdir(parents=True)
    (sockets / "supervisor.json").write_text("{}")

    assert names(instances.list_sightings()) == []
    assert (sockets / "supervisor.json").exists()
