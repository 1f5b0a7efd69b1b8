"""Watching with real processes: through the stream, a page of the feed, and the audit log; across gaps, and resumed."""

import json
import signal
import subprocess
import sys

import pytest
import urllib3
from support.provider import Provider
from support.stack import FLAG
from support.waiting import DEADLINE_S, eventually

from opsctl.core.scheduling import utc_ms


class Watch:
    """One `opsctl watch --json` in a process of its own; each line is read as it comes."""

    def __init__(self, start, *arguments):
        self.process = start("watch", "--json", *arguments)

    def next(self, *kinds):
        """Return the next event of one of these kinds, or the very next one."""
        while True:
            event = json.loads(self.process.stdout.readline())
            if not kinds or event["event"] in kinds:
                return event

    def rest(self):
        return [json.loads(line) for line in self.process.stdout]

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.fixture
def provider(tmp_path):
    made = Provider(tmp_path)
    yield made
    made.close()


@pytest.fixture
def watch(provider):
    watches = []

    def start(*arguments):
        watches.append(Watch(provider.start, *arguments))
        return watches[-1]

    yield start
    for one in watches:
        one.close()


@pytest.fixture
def watch_feed(stack):
    """Watch the feed of a whole stack as a page sees it."""
    watches = []

    def start(*arguments):
        def process(*words):
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "opsctl", *words, "--source", "browser", "--target", stack.url],
                env=stack.environ,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )

        watches.append(Watch(process, *arguments))
        return watches[-1]

    yield start
    for one in watches:
        one.close()


def versions(events):
    return [event["version"] for event in events if event["event"] == "change"]


def test_each_change_has_its_version_and_who_and_why(provider, watch):
    seen = watch()
    state = seen.next()

    provider.opsctl("kill", "--no-wait", "--yes", "--reason", "spike")
    killed = seen.next()

    assert (state["event"], state["version"], state["new"]) == ("state", 1, True)
    assert (killed["event"], killed["version"], killed["mode"], killed["missed"]) == ("change", 2, "degraded", False)
    assert (killed["change"]["who"], killed["change"]["comment"]) == ("token opsctl writer", "spike")


def test_what_was_changed_while_the_connection_was_cut_is_told_with_who_and_why(provider, watch):
    seen = watch()
    seen.next()
    provider.proxy.refuse()
    seen.next("lost")

    provider.service.turn(on=False, comment="spike")
    provider.service.turn(on=True, comment="over")
    provider.service.turn(on=False, comment="again")
    provider.proxy.accept()
    resumed = seen.next("resumed")
    missed = [seen.next("change") for _ in range(3)]
    provider.service.turn(on=True, comment="really over")
    live = seen.next("change")

    assert resumed["gap_s"] > 0
    assert versions([*missed, live]) == [2, 3, 4, 5]
    assert [(one["missed"], one["change"]["comment"]) for one in [*missed, live]] == [
        (True, "spike"),
        (True, "over"),
        (True, "again"),
        (False, "really over"),
    ]


def test_a_watch_resumes_after_a_version_without_duplicates_and_holes(provider, watch):
    for number in range(30):
        provider.service.turn(on=number % 2 == 1, comment=f"change {number}")

    seen = watch("--since", "5")
    replayed = [seen.next() for _ in range(26)]
    state = seen.next("state")
    provider.service.turn(on=False)
    live = seen.next("change")

    assert versions(replayed) == list(range(6, 32))
    assert all(event["missed"] for event in replayed)
    assert (state["version"], live["version"]) == (31, 32)


def test_a_log_that_cannot_be_read_is_said_to_tell_nothing(provider, watch):
    provider.service.turn(on=False)
    provider.proxy.reply(403, path="auditlog")

    first, second = (event for seen in [watch("--since", "1")] for event in (seen.next(), seen.next()))

    assert (first["event"], first["from_version"], first["version"]) == ("missing", 1, 2)
    assert second["event"] == "state"


def test_what_will_turn_it_on_by_itself_is_said_and_that_it_will_not(provider, watch):
    seen = watch()
    seen.next()

    until = provider.opsctl("kill", "--for", "1h", "--no-wait", "--yes", "--json").json["until"]
    scheduled = seen.next("scheduled")
    provider.opsctl("kill", "--no-wait", "--yes")
    unscheduled = seen.next("unscheduled")

    assert scheduled["scheduled"]["at"] == unscheduled["scheduled"]["at"] == utc_ms(until["at_ms"])


def test_a_schedule_that_is_there_is_said_when_the_watch_begins(provider, watch):
    until = provider.opsctl("kill", "--for", "1h", "--no-wait", "--yes", "--json").json["until"]

    scheduled = watch().next("scheduled")

    assert scheduled["scheduled"] == {"at": utc_ms(until["at_ms"]), "by_opsctl": True}


def test_through_the_audit_log_every_entry_is_told_and_no_sdk_key_is_needed(provider, watch):
    seen = watch("--source", "audit")
    state = seen.next()

    provider.opsctl("kill", "--for", "1h", "--no-wait", "--yes", "--reason", "spike")
    killed, scheduled = seen.next("change"), seen.next("other")

    assert (state["version"], killed["version"], killed["change"]["comment"]) == (1, 2, "spike")
    assert scheduled["change"]["what"] == "scheduled changes to the flag"


def test_through_the_audit_log_a_gap_loses_nothing(provider, watch):
    seen = watch("--source", "audit")
    seen.next()
    provider.proxy.refuse()
    seen.next("lost")

    provider.service.turn(on=False)
    provider.service.turn(on=True)
    provider.proxy.accept()

    assert seen.next()["event"] == "resumed"
    assert versions([seen.next(), seen.next()]) == [2, 3]


@pytest.mark.parametrize("source", ["stream", "audit"])
@pytest.mark.parametrize(("until", "timeout", "exit_code"), [("restored", "60s", 0), ("killed", "5s", 1)])
def test_until_is_over_at_once_where_it_is_so_already_and_1_where_it_is_never(
    provider, watch, source, until, timeout, exit_code
):
    seen = watch("--source", source, "--until", until, "--timeout", timeout)

    assert seen.process.wait(DEADLINE_S) == exit_code
    assert [event["event"] for event in seen.rest()] == ["state", "end"]


def test_a_reader_that_goes_away_ends_it_quietly_although_nothing_happens(provider):
    seen = Watch(provider.start)
    seen.next()

    seen.process.stdout.close()

    assert seen.process.wait(DEADLINE_S) == 0
    assert seen.process.stderr.read() == ""
    seen.process.stderr.close()


def test_a_page_tells_its_mode_its_source_and_the_age_of_its_data(restored, watch_feed):
    seen = watch_feed()
    state = seen.next()

    restored.opsctl("kill", "--yes", "--reason", "spike")
    killed = seen.next("change")

    assert (state["mode"], state["page"]["source"], state["page"]["pinned"]) == ("full", "live", False)
    assert state["page"]["age_s"] is not None
    assert (killed["mode"], killed["page"]["reason"], killed["page"]["source"]) == ("degraded", "OFF", "live")
    assert (killed["version"], killed["change"]["comment"]) == (state["version"] + 1, "spike")


def test_a_page_confirms_what_it_is_told_as_any_browser(restored, watch_feed):
    seen = watch_feed()
    seen.next()

    killed = restored.opsctl("kill", "--yes", "--json").json

    assert killed["browsers"]["connected"] == killed["browsers"]["confirmed"] >= 1


def test_a_page_tells_of_a_pin_although_the_flag_says_otherwise(restored, watch_feed):
    seen = watch_feed()
    seen.next()

    restored.opsctl("kill", "--break-glass", "--yes", "--reason", "provider down", expect=8)
    try:
        pinned = seen.next("change")
    finally:
        restored.opsctl("reconcile", "--discard", "--yes")
    released = seen.next("change")

    assert (pinned["mode"], pinned["page"]["pinned"], pinned["page"]["reason"]) == ("degraded", True, "PINNED")
    assert pinned["change"] is None
    assert (released["mode"], released["page"]["pinned"]) == ("full", False)


def test_a_page_whose_instance_was_killed_says_so_and_connects_again(restored, watch_feed):
    seen = watch_feed()
    seen.next()
    (instance,) = restored.opsctl("status", "--json").json["instances"]

    subprocess.run(["kill", f"-{signal.SIGKILL.value}", str(instance["pid"])], check=True)

    assert seen.next()["event"] == "lost"
    assert seen.next("resumed")["gap_s"] > 0


def test_a_feed_that_is_not_there_is_said(stack):
    result = stack.opsctl(
        "watch", "--source", "browser", "--target", "http://127.0.0.1:9", "--timeout", "20s", expect=5
    )

    assert "accepts no Socket.IO connection" in result.err


def test_a_feed_of_another_flag_is_said(stack):
    result = stack.opsctl("watch", "another", "--source", "browser", "--target", stack.url, expect=1)

    assert f"does not hang on the flag another but on {FLAG}" in result.err


def test_the_state_of_a_page_is_that_of_the_feed(restored, watch_feed):
    page = watch_feed().next()["page"]

    feed = urllib3.request("GET", f"{restored.url}/api/mode").json()
    assert (page["reason"], page["source"]) == (feed["reason"], feed["source"])
    eventually(lambda: feed["mode"] == "full", what="full mode")
