"""Who is found on the bus: a real Valkey server, scripted instances."""

import json
import os
import socket
import ssl
import time

import pytest
from builders import REF, a_report
from support.control_servers import FakeRemote, answer, report_answer
from support.waiting import eventually

from opsctl.adapters.instance_bus import RegisteredInstances
from opsctl.adapters.instances import FoundInstances
from opsctl.core.registry import Registration
from opsctl.daemon.bus import Bus
from opsctl.settings import Secret

TOKEN = Secret("0123456789abcdef" * 2)
OTHER_TOKEN = Secret("fedcba9876543210" * 2)
HERE = socket.gethostname()


@pytest.fixture
def memory(tmp_path):
    return tmp_path / "instances-seen.json"


@pytest.fixture
def operator(valkey, memory):
    """Returns a function that makes what an operator's command has; each has no memory of its own but the file."""

    def operator(*, token=TOKEN):
        source = RegisteredInstances(
            valkey.setting,
            token,
            trust=ssl.create_default_context,
            serves=lambda one: one.may_serve(REF, ""),
            memory=memory,
        )
        return FoundInstances([source], answer_timeout_s=5.0)

    return operator


@pytest.fixture
def register(valkey):
    """Returns a function that registers an instance, with the answers of a running one behind it."""
    running = []

    def register(instance="worker-0", *, token=TOKEN, url=None, host=HERE, environment=REF.environment):
        run_id = f"run-of-{instance}"
        if url is None:
            remote = FakeRemote(report_answer(a_report(instance, host=host, run_id=run_id)))
            running.append(remote)
            url = remote.url
        registration = Registration(
            name=f"{host}:00:{instance}", host=host, instance=instance, url=url, run_id=run_id,
            project=REF.project, environment=environment, flag=REF.key, sdk_key_digest="",
        )  # fmt: skip
        bus = Bus(valkey.setting, token, timeout_s=20)
        bus.register(registration)
        bus.close()
        return registration

    def stop(registration):
        for remote in running:
            if remote.url == registration.url:
                remote.__exit__()

    register.stop = stop
    yield register
    for remote in running:
        remote.__exit__()


def said(sightings):
    return {one.instance: one.problem if one.report is None else "answers" for one in sightings}


def test_everyone_who_is_registered_for_this_flag_is_asked(operator, register):
    register("worker-0")
    register("worker-1")
    register("worker-2", environment="staging", url="https://staging:9101")

    assert said(operator().list_sightings()) == {f"{HERE}/worker-0": "answers", f"{HERE}/worker-1": "answers"}


def test_one_that_is_registered_and_does_not_answer_is_named(operator, register):
    register("worker-0", url="http://127.0.0.1:9")

    assert said(operator().list_sightings()) == {f"{HERE}/worker-0": "refuses connections: nobody listens there"}


@pytest.mark.parametrize(
    ("url", "host", "problem"),
    [
        ("", HERE, "it has no OPSCTL_CONTROL_LISTEN"),
        ("http://127.0.0.1:9101", "web-2", "listens for its own machine alone"),
        ("https://localhost:9101", "web-2", "listens for its own machine alone"),
        ("http://10.0.0.1:9101", "web-2", "must not be sent to"),
        ("https://user:pass@web-2:9101", "web-2", "must not be sent to"),
        ("file:///etc/passwd", "web-2", "must not be sent to"),
    ],
)
def test_the_token_is_sent_nowhere_that_it_must_not_be(operator, register, url, host, problem):
    register("worker-0", url=url, host=host)

    (sighting,) = operator().list_sightings()

    assert sighting.instance == f"{host}/worker-0"
    assert problem in sighting.problem


def test_a_stranger_who_registers_gets_no_token_and_is_named(operator, register):
    with FakeRemote(report_answer(a_report("worker-0"))) as stranger:
        register("worker-0", token=OTHER_TOKEN, url=stranger.url)

        (sighting,) = operator().list_sightings()

    assert "with another OPSCTL_CONTROL_TOKEN" in sighting.problem
    assert stranger.heads == []


def test_without_a_token_whoever_is_there_is_named_and_nobody_is_asked(operator, register, memory):
    register("worker-0")
    operator().list_sightings()
    before = memory.read_bytes()

    (sighting,) = operator(token=None).list_sightings()

    assert "there is no OPSCTL_CONTROL_TOKEN here" in sighting.problem
    assert memory.read_bytes() == before


def test_without_a_token_and_without_instances_there_is_nothing_to_say(operator):
    assert operator(token=None).list_sightings() == ()


def test_one_that_the_bus_forgot_is_found_again_by_memory(operator, register, valkey, memory):
    register("worker-0")
    assert len(operator().list_sightings()) == 1
    assert memory.stat().st_mode & 0o777 == 0o600
    with valkey.client() as raw:
        raw.flushall()

    assert said(operator().list_sightings()) == {f"{HERE}/worker-0": "answers"}


def test_one_that_is_gone_from_the_bus_and_does_not_answer_is_forgotten(operator, register, valkey, memory):
    registration = register("worker-0", url="http://127.0.0.1:9")
    memory.write_text(json.dumps([registration.to_wire()]))
    with valkey.client() as raw:
        raw.flushall()

    assert operator().list_sightings() == ()
    assert json.loads(memory.read_text()) == []


def test_instances_of_another_environment_are_remembered_for_who_asks_for_them(operator, register, memory):
    elsewhere = register("worker-2", environment="staging", url="https://staging:9101")
    memory.write_text(json.dumps([elsewhere.to_wire()]))
    register("worker-0")

    operator().list_sightings()

    assert {one["instance"] for one in json.loads(memory.read_text())} == {"worker-0", "worker-2"}


@pytest.mark.parametrize(
    ("answers", "problem"),
    [(None, ""), (answer("401 Unauthorized", Connection="close"), "refuses the control token"), (b"garbage", "")],
)
def test_one_that_is_there_is_not_forgotten_when_its_registration_runs_out(
    operator, register, valkey, memory, answers, problem
):
    """It hangs, perhaps, and will go on."""
    with FakeRemote(answers) as strange, valkey.client() as raw:
        memory.write_text(json.dumps([register("worker-0", url=strange.url).to_wire()]))
        raw.flushall()

        assert said(operator().list_sightings()) == {f"{HERE}/worker-0": problem}


def test_one_that_comes_back_at_another_address_is_not_missed_at_the_old_one(operator, register, valkey):
    first = register("worker-0")
    with operator().observe() as observation:
        eventually(lambda: said(observation.sightings()) == {f"{HERE}/worker-0": "answers"}, what="the first")
        register.stop(first)
        register("worker-0")

        eventually(
            lambda: (
                [one.is_gone for one in observation.sightings()] == [False]
                and observation.sightings()[0].report is not None
            ),
            what="the second alone",
        )


@pytest.mark.parametrize("content", ["", "{", "[]", '[{"name": 1}]', "[" * 100_000])
def test_a_memory_that_cannot_be_read_is_none(operator, register, memory, content):
    memory.write_text(content)
    register("worker-0")

    assert len(operator().list_sightings()) == 1


def test_what_was_seen_long_ago_is_not_remembered(operator, register, valkey, memory):
    memory.write_text(json.dumps([register("worker-0").to_wire()]))
    os.utime(memory, (time.time() - 7200, time.time() - 7200))
    with valkey.client() as raw:
        raw.flushall()

    assert operator().list_sightings() == ()


def test_a_bus_that_hangs_is_named_and_those_that_were_seen_are_asked(operator, register, valkey):
    register("worker-0")
    operator().list_sightings()
    valkey.hang()
    try:
        sightings = operator().list_sightings()
        with operator().observe() as observation:
            seen = eventually(
                lambda: [one for one in observation.sightings() if one.report is None] and observation.sightings(),
                what="that it is named",
            )
    finally:
        valkey.resume()

    for found in (said(sightings), {one.instance: one.problem for one in seen}):
        assert f"the bus at {valkey.url}" in found
    assert said(sightings)[f"{HERE}/worker-0"] == "answers"


def test_a_bus_that_refuses_is_named_with_what_it_says(operator, valkey):
    with valkey.client() as raw:
        raw.set("opsctl:instances", "another application's")

    (sighting,) = operator().list_sightings()

    assert sighting.instance == f"the bus at {valkey.url}"
    assert sighting.problem.startswith("cannot be used (")
    assert "WRONGTYPE" in sighting.problem


def test_nothing_is_complete_before_the_bus_has_answered(operator, valkey):
    valkey.hang()
    try:
        with operator().observe() as observation:
            assert [one.instance for one in observation.sightings()] == [f"the bus at {valkey.url}"]
            valkey.resume()
            eventually(lambda: observation.sightings() == (), what="that it has answered")
    finally:
        valkey.resume()


def test_one_that_registers_while_it_is_waited_for_is_followed_too(operator, register):
    with operator().observe() as observation:
        register("worker-0", url="http://127.0.0.1:9")

        eventually(lambda: said(observation.sightings()), what="the newcomer")
