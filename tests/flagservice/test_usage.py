"""What the events of SDKs are put to: flag statuses, counts of evaluations, contexts that were seen."""

import itertools
import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flag_values import NOW_MS, a_config, a_flag

from opsctl.flagservice.credentials import load_credentials
from opsctl.flagservice.events import EventCounter
from opsctl.flagservice.flag_status import flag_status, latest_use
from opsctl.flagservice.model import Clause, Prerequisite, Rollout, Rule, Serve, Target, WeightedVariation
from opsctl.flagservice.service import FlagService
from opsctl.flagservice.store import Store
from opsctl.flagservice.usage import Usage
from opsctl.flagservice.usage_events import contexts_in, evaluations_in
from opsctl.flagservice.usage_model import FlagUse

NUMBERS = itertools.count(1)
CHANNEL = ("default", "test")
FLAG = "show-avatars-and-reccs"
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS


class Installation:
    """A store with usage, and a clock that stands still until it is set."""

    def __init__(self, folder):
        self.folder = folder
        self.now_ms = NOW_MS - NOW_MS % DAY_MS
        self.open()

    def open(self):
        credentials = load_credentials(self.folder / "credentials.json")
        self.store = Store.open(self.folder / "flags.db", credentials, lambda: self.now_ms, lambda _: None)
        self.usage = Usage(self.store)
        self.environment_id = self.store.environment(*CHANNEL).id

    def reopen(self):
        self.usage.flush()
        self.store.close()
        self.open()

    def counts(self, since_ms, until_ms=None):
        return self.usage.evaluations(self.environment_id, FLAG, since_ms, until_ms or self.now_ms)


@pytest.fixture
def here(tmp_path):
    installation = Installation(tmp_path)
    yield installation
    installation.store.close()


def summary(*counters, flag=FLAG, default=False):
    return {"kind": "summary", "features": {flag: {"default": default, "counters": list(counters)}}}


def counter(count, variation=0):
    return {"count": count, "variation": variation, "version": 1, "value": True}


def test_counts_are_by_variation_and_the_fallback_value_is_one_of_them(here):
    here.usage.record(CHANNEL, [summary(counter(2), counter(3, 1)), summary({"count": 4, "version": 1})])

    assert here.counts(here.now_ms - HOUR_MS) == {here.now_ms: {0: 2, 1: 3, None: 4}}


def test_short_spans_are_in_minutes_longer_ones_in_hours_and_days(here):
    for _ in range(3):
        here.usage.record(CHANNEL, [summary(counter(1))])
        here.now_ms += 40 * MINUTE_MS

    begin = here.now_ms - 120 * MINUTE_MS
    assert list(here.counts(begin + 1)) == [begin + step * MINUTE_MS for step in (0, 40, 80)]
    assert here.counts(begin) == {begin: {0: 2}, begin + HOUR_MS: {0: 1}}
    assert here.counts(begin - 3 * DAY_MS) == {begin: {0: 3}}


def test_counts_that_are_too_old_are_dropped_and_the_rest_outlives_a_restart(here):
    here.usage.record(CHANNEL, [summary(counter(5))])
    began_ms = here.now_ms
    here.now_ms += 3 * DAY_MS

    here.reopen()

    assert here.counts(began_ms, began_ms + MINUTE_MS) == {}
    assert here.counts(began_ms, began_ms + HOUR_MS * 3) == {}
    assert here.counts(began_ms) == {began_ms: {0: 5}}
    assert here.usage.flag_use(here.environment_id, FLAG) == FlagUse(began_ms, default=False)
    here.now_ms += 71 * DAY_MS
    here.reopen()
    assert here.counts(began_ms) == {}


@pytest.mark.parametrize(
    "event",
    [
        None,
        "summary",
        {"kind": "summary"},
        {"kind": "summary", "features": []},
        {"kind": "summary", "features": {FLAG: 1}},
        summary(
            1, None, {"count": "1"}, {"count": True}, {"count": -1}, {"count": 1.5}, {"count": 1, "variation": "0"}
        ),
        summary({"count": 3, "unknown": True}),
        summary(counter(1), flag="no-such-flag"),
        {"kind": "feature", "key": FLAG, "value": True, "version": 1, "variation": 0},
    ],
)
def test_what_tells_of_no_evaluation_of_a_flag_that_exists_is_passed_over(here, event):
    here.usage.record(CHANNEL, [event])

    assert here.usage.flag_use(here.environment_id, FLAG) is None
    assert here.counts(0) == {}


def test_a_fallback_value_that_is_too_large_is_not_kept(here):
    here.usage.record(CHANNEL, [summary(counter(1), default="x" * 5000)])

    assert here.usage.flag_use(here.environment_id, FLAG).default is None


def test_only_the_last_thousand_contexts_are_kept_over_restarts_too(here):
    users = [{"kind": "index", "context": {"kind": "user", "key": f"{number:04}"}} for number in range(1010)]
    here.usage.record(CHANNEL, users)
    here.usage.record(CHANNEL, users[:1])

    for _ in range(2):
        keys = [one.key for one in here.usage.contexts(here.environment_id)]
        assert (len(keys), keys[0], keys[1]) == (1000, "0000", "0011")
        here.reopen()


def test_contexts_of_every_shape_are_read():
    multi = {"kind": "multi", "user": {"key": "u"}, "org": {"key": "o", "name": "O"}}

    assert list(contexts_in({"kind": "index", "context": {"kind": "user", "key": "u", "a": 1}})) == [
        ("user", "u", {"kind": "user", "key": "u", "a": 1})
    ]
    assert [found[:2] for found in contexts_in({"kind": "identify", "context": multi})] == [("user", "u"), ("org", "o")]
    assert [found[:2] for found in contexts_in({"kind": "index", "user": {"key": "u"}})] == [("user", "u")]
    for nothing in (None, {}, {"context": 1}, {"context": {"kind": "user"}}, {"context": {"kind": "user", "key": 1}}):
        assert list(contexts_in(nothing)) == []
    assert list(evaluations_in({"kind": "summary", "features": {"f": {}}})) == []


def test_a_disk_that_refuses_costs_nothing_but_time(here, caplog):
    here.usage.record(CHANNEL, [summary(counter(1))])
    here.store.ledger.connection.execute("PRAGMA query_only=ON")

    here.usage.flush()
    assert "will be tried again" in caplog.text
    here.store.ledger.connection.execute("PRAGMA query_only=OFF")
    here.reopen()

    assert here.counts(0) == {here.now_ms: {0: 1}}


def test_a_count_stays_at_the_highest_number_that_can_be_written(here):
    many = [counter(2**53 - 1)] * 1025
    for _ in range(2):
        here.usage.record(CHANNEL, [summary(*many)])
        here.reopen()

        assert here.counts(0) == {here.now_ms: {0: 2**63 - 1}}


def test_a_row_that_cannot_be_written_is_dropped_and_costs_no_other(here, caplog):
    fine, poisoned = ({"kind": "index", "context": {"kind": "user", "key": key}} for key in ("fine", "\ud800"))
    here.usage.record(CHANNEL, [summary(counter(1), default="\ud800"), poisoned, fine])

    here.usage.flush()
    assert caplog.text.count("is dropped") == 2
    here.usage.flush()
    assert caplog.text.count("is dropped") == 2

    for _ in range(2):
        assert [one.key for one in here.usage.contexts(here.environment_id)] == ["fine"]
        assert here.usage.flag_use(here.environment_id, FLAG) is None
        assert here.counts(0) == {here.now_ms: {0: 1}}
        here.reopen()


def test_a_row_that_the_database_refuses_is_dropped_and_costs_no_other(here, caplog):
    here.store.ledger.connection.execute(
        "CREATE TRIGGER refusal BEFORE INSERT ON flag_uses BEGIN SELECT RAISE(ABORT, 'refused'); END"
    )
    here.usage.record(CHANNEL, [summary(counter(1))])

    here.reopen()

    assert "is dropped" in caplog.text
    assert here.usage.flag_use(here.environment_id, FLAG) is None
    assert here.counts(0) == {here.now_ms: {0: 1}}


def test_a_flush_that_is_due_never_fails_the_events_that_came_with_it(here):
    events = EventCounter(here.usage)
    for key in ("\ud800", "fine"):
        here.usage.record(CHANNEL, [{"kind": "index", "context": {"kind": "user", "key": key}}])
    here.now_ms += MINUTE_MS

    events.accept(CHANNEL, json.dumps([summary(counter(1))]).encode(), encoding="", payload_id="1")

    assert events.counts(CHANNEL) == {"summary": 1}
    assert [one.key for one in here.usage.contexts(here.environment_id)] == ["fine"]


def test_the_database_is_closed_though_the_last_flush_fails(tmp_path, monkeypatch):
    credentials = load_credentials(tmp_path / "credentials.json")
    service = FlagService(tmp_path / "flags.db", credentials, now_ms=lambda: NOW_MS, heartbeat_s=1)
    connections = []

    def fail(usage):
        connections.append(usage._connection)
        raise MemoryError

    monkeypatch.setattr(Usage, "flush", fail)
    service.start()
    with pytest.raises(MemoryError):
        service.close()

    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connections[0].execute("SELECT 1")


def accept(counter_of_events, *events, channel=CHANNEL, payload_id=None):
    counter_of_events.accept(channel, json.dumps(events).encode(), encoding="", payload_id=payload_id)


def test_kinds_that_no_sdk_sends_are_counted_together(here):
    events = EventCounter(here.usage)

    accept(events, *({"kind": f"made-up-{number}"} for number in range(500)), {}, {"kind": ["index"]}, {"kind": None})
    accept(events, {"kind": "index"}, {"kind": "migration_op"}, {"kind": "click"}, "no event")

    assert events.counts(CHANNEL) == {"other": 503, "index": 1, "migration_op": 1, "click": 1}


def test_a_payload_that_failed_counts_when_it_is_sent_again(here, monkeypatch):
    events = EventCounter(here.usage)
    with monkeypatch.context() as broken:
        broken.setattr(Usage, "record", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            accept(events, summary(counter(3)), payload_id="1")

    for _ in range(2):
        accept(events, summary(counter(3)), payload_id="1")

    assert events.counts(CHANNEL) == {"summary": 1}
    assert here.counts(0) == {here.now_ms: {0: 3}}


def test_the_id_of_a_payload_counts_in_its_environment_only(here):
    events = EventCounter(here.usage)
    for environment in ("test", "production"):
        accept(events, {"kind": "index"}, channel=("default", environment), payload_id="1")

    assert events.counts(("default", "production")) == events.counts(CHANNEL) == {"index": 1}


@pytest.mark.parametrize(("length", "counted"), [(100, 1), (101, 2)])
def test_an_id_that_is_too_long_is_not_remembered(here, length, counted):
    events = EventCounter(here.usage)
    for _ in range(2):
        accept(events, {"kind": "index"}, payload_id="x" * length)

    assert events.counts(CHANNEL) == {"index": counted}


def used(ago_ms):
    return FlagUse(NOW_MS - ago_ms)


def settled(**changes):
    config = a_config(last_modified_ms=NOW_MS - WEEK_MS, **changes)
    return replace(a_flag(created_ms=NOW_MS - 10 * WEEK_MS), environments={"test": config})


ROLLOUT = Serve(rollout=Rollout((WeightedVariation(0, 50_000), WeightedVariation(1, 50_000))))


@pytest.mark.parametrize(
    ("flag", "use", "status"),
    [
        (a_flag(), None, "new"),
        (a_flag(created_ms=NOW_MS - WEEK_MS), None, "inactive"),
        (a_flag(), used(0), "active"),
        (settled(), used(0), "launched"),
        (settled(), used(WEEK_MS - 1), "launched"),
        (settled(), used(WEEK_MS), "inactive"),
        (settled(on=False), used(0), "active"),
        (settled(fallthrough=ROLLOUT), used(0), "active"),
        (settled(targets=(Target(0, ("a",)),)), used(0), "launched"),
        (settled(targets=(Target(1, ("a",)),)), used(0), "active"),
        (settled(rules=(Rule("r", (Clause("c", "a", "in", (1,)),), Serve(1)),)), used(0), "active"),
        (settled(prerequisites=(Prerequisite("other", 0),)), used(0), "active"),
    ],
)
def test_the_status_of_a_flag(flag, use, status):
    assert flag_status(flag, "test", use, NOW_MS) == status


def test_a_flag_made_again_does_not_inherit_the_use_of_the_one_before():
    assert latest_use(a_flag(), used(1)) is None
    assert latest_use(a_flag(), used(0)) == used(0)


@pytest.mark.acceptance
class TestThroughTheRestClient:
    @pytest.fixture
    def key(self, shared_flag_service):
        key = f"used-{next(NUMBERS)}"
        body = {"key": key, "name": key, "isFlagOn": True}
        assert shared_flag_service.request("POST", "flags/default", body).status == 201
        return key

    @pytest.fixture
    def report(self, shared_flag_service):
        def report(*events):
            body = json.dumps(events).encode()
            headers = {"Authorization": shared_flag_service.sdk_key()}
            assert shared_flag_service.fetch("POST", "/bulk", body, headers).status == 202

        return report

    def test_a_flag_is_new_until_it_is_requested(self, rest, key, report):
        api = rest("FeatureFlagsApi", role="reader")
        assert api.get_feature_flag_status("default", "test", key).name == "new"

        report(summary(counter(1), flag=key, default="none"))

        status = api.get_feature_flag_status("default", "test", key)
        assert (status.name, status.default) == ("active", "none")
        assert abs(status.last_requested - datetime.now(UTC)) < timedelta(minutes=5)
        across = api.get_feature_flag_status_across_environments("default", key)
        assert {one: status.name for one, status in across.environments.items()} == {
            "test": "active",
            "production": "new",
        }
        assert across.key == key
        only = api.get_feature_flag_status_across_environments("default", key, env="production")
        assert list(only.environments) == ["production"]
        listed = api.get_feature_flag_statuses("default", "test").items
        assert [one.name for one in listed if one.links["parent"].href.endswith(f"/{key}")] == ["active"]

    def test_evaluations_are_counted(self, rest, key, report):
        report(summary(counter(2), counter(1, 1), flag=key))

        usage = rest("AccountUsageBetaApi").get_evaluations_usage("default", "test", key)

        assert [(one["variation"], one["value"]) for one in usage.metadata] == [(0, True), (1, False)]
        assert [(point["0"], point["1"]) for point in usage.series] == [(2, 1)]

    def test_contexts_are_found_in_pages(self, rest, key, report, shared_flag_service):
        report(*({"kind": "index", "context": {"kind": f"k-{key}", "key": f"c{number}"}} for number in range(5)))
        api = rest("ContextsApi", role="reader")
        import launchdarkly_api as ld

        wanted = ld.ContextSearch(filter=f'kind equals "k-{key}"', limit=3)
        first = api.search_contexts("default", "test", wanted)
        rest_of_it = api.search_contexts("default", "test", wanted, continuation_token=first.continuation_token)

        assert [one.context["key"] for one in (*first.items, *rest_of_it.items)] == [
            f"c{number}" for number in range(5)
        ]
        assert (first.total_count, rest_of_it.continuation_token) == (5, None)
        assert api.get_contexts("default", "test", f"k-{key}", "c1").items[0].context["key"] == "c1"
        assert api.get_contexts("default", "test", f"k-{key}", "nobody").items == []
        assert f"k-{key}" in {one.key for one in api.get_context_kinds_by_project_key("default").items}
        for refused in (
            '{"filter": "colour equals red"}',
            '{"sort": "ts"}',
            '{"limit": 51}',
            '{"continuationToken": "é"}',
        ):
            path = "projects/default/environments/test/contexts/search"
            assert shared_flag_service.request("POST", path, json.loads(refused)).status == 400

    def test_flags_are_evaluated_for_a_context_without_counting_it(self, rest, key):
        answer = rest("ContextsApi", role="reader").evaluate_context_instance(
            "default", "test", {"kind": "user", "key": "sandy"}, filter=f"query equals {key}"
        )

        assert [(one.key, one.value, one.reason.kind) for one in answer.items] == [(key, True, "FALLTHROUGH")]
        assert rest("FeatureFlagsApi").get_feature_flag_status("default", "test", key).name == "new"

    def test_what_is_not_there_is_a_404(self, shared_flag_service, key):
        for path in (
            "flag-status/default/nothing",
            f"flag-status/default/{key}?env=nowhere",
            "flag-statuses/default/nowhere",
            "flag-statuses/default/test/nothing",
            "usage/evaluations/default/test/nothing",
            "projects/nothing/context-kinds",
        ):
            assert shared_flag_service.request("GET", path).status == 404
