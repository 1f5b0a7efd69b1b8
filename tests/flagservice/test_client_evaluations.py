"""Evaluation for client-side SDKs, in process: equal contexts share it, and it leaves room for other requests."""

import time
from dataclasses import replace
from itertools import count

import gevent
import pytest
from ldclient import Context

from opsctl.flagservice.auditing import Author
from opsctl.flagservice.client_side.evaluation import Evaluations
from opsctl.flagservice.client_side.streams import ClientStreams, flag_events
from opsctl.flagservice.credentials import load_credentials
from opsctl.flagservice.seed import KILL_SWITCH
from opsctl.flagservice.store import Store

CHANNEL = ("default", "test")


@pytest.fixture
def store(tmp_path):
    ticks = count(1_790_000_000_000)
    credentials = load_credentials(tmp_path / "credentials.json")
    store = Store.open(tmp_path / "flags.db", credentials, lambda: next(ticks), lambda _: None)
    yield store
    store.close()


def switch_off(store):
    def plan(flag):
        config = flag.environments["test"]
        return replace(flag, environments={**flag.environments, "test": replace(config, on=not config.on)})

    store.change_flag("default", KILL_SWITCH, plan, Author(token=next(iter(store.tokens()))))


def test_equal_contexts_share_an_evaluation_until_the_data_change(store):
    evaluations = Evaluations(store)
    sandy, same, other = (evaluations.context({"kind": "user", "key": key}) for key in ("sandy", "sandy", "lou"))

    first = evaluations.evaluate(CHANNEL, sandy)
    assert evaluations.evaluate(CHANNEL, same) is first
    assert evaluations.evaluate(CHANNEL, other) is not first
    switch_off(store)
    after = evaluations.evaluate(CHANNEL, same)

    assert after[KILL_SWITCH]["value"] is not first[KILL_SWITCH]["value"]


def test_contexts_that_differ_in_type_only_share_nothing(store):
    evaluations = Evaluations(store)
    one, true = (Context.builder("sandy").set("size", value).build() for value in (1, True))

    assert evaluations.evaluate(CHANNEL, one) is not evaluations.evaluate(CHANNEL, true)


def test_what_is_remembered_is_bounded(store):
    evaluations = Evaluations(store)
    first = evaluations.evaluate(CHANNEL, Context.create("0"))
    for number in range(1, 100):
        evaluations.evaluate(CHANNEL, Context.create(str(number)))

    assert evaluations.evaluate(CHANNEL, Context.create("0")) is not first


def test_a_timer_fires_while_many_streams_evaluate_one_change():
    streams = ClientStreams()
    evaluated = []

    def evaluate():
        evaluated.append(time.monotonic())
        deadline = time.monotonic() + 0.003
        while time.monotonic() < deadline:
            pass
        return {}

    def read():
        for _ in flag_events(streams.wakes(CHANNEL, 60), evaluate):
            pass

    readers = [gevent.spawn(read) for _ in range(100)]
    with gevent.Timeout(20):
        while len(evaluated) < 100:
            gevent.sleep(0.01)
    evaluated.clear()
    streams.changed(CHANNEL)
    gevent.sleep(0.001)
    done_by_then = len(evaluated)
    with gevent.Timeout(20):
        while len(evaluated) < 100:
            gevent.sleep(0.01)
        streams.close()
        gevent.joinall(readers)

    assert done_by_then < 20
