"""What a smoke run does when a step fails."""

from contextlib import contextmanager

import pytest

from opsctl.core.epochs import Epoch
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import FlagRef
from opsctl.core.modes import Mode
from opsctl.core.propagation import Propagation
from opsctl.core.switch import Change, Outcome, Receipt, SwitchPlan
from opsctl.core.visits import ClientState, FeedState, PageSeen
from opsctl.services.smoke import Smoke

REF = FlagRef("default", "test", "show-avatars-and-reccs")


class Clock:
    def __init__(self):
        self.now_s = 0.0

    def monotonic_s(self):
        self.now_s += 0.5
        return self.now_s

    def sleep(self, seconds):
        self.now_s += seconds


class Feed:
    """A feed that follows its switch, as long as it is told to."""

    def __init__(self, mode=Mode.FULL, *, follows=True):
        self.mode, self.version, self.follows = mode, 1, follows
        self.changes = []
        self.written = 1
        self.degraded_page = PageSeen(Mode.DEGRADED, 0, shows_recommendations=False)
        self.outcome = Outcome.CONFIRMED
        self.seen = Propagation(instances=1, instances_confirmed=1)

    def page(self):
        return PageSeen(Mode.FULL, 12, shows_recommendations=True) if self.mode is Mode.FULL else self.degraded_page

    def state(self):
        return FeedState(Epoch(self.version), self.mode, (REF.key,))

    @contextmanager
    def connected(self):
        yield self

    def wait_for(self, mode, *, at_least, timeout_s):
        if self.mode is not mode or self.version < at_least:
            raise OpsError(ErrorCode.NOT_CONFIRMED, "a connected client was not told")
        return ClientState(Epoch(self.version), mode)

    def flip(self, change):
        self.changes.append(change)
        self.version += 1
        if self.follows:
            self.mode = Mode.FULL if change.turns_on else Mode.DEGRADED
        plan = SwitchPlan(REF, change, self.version - 1, True, self.mode, "")
        return Receipt(plan, self.outcome, self.version, propagation=self.seen)


def smoke(feed, *, expects_instances=True):
    steps = []
    report = Smoke(
        url="http://127.0.0.1:5000",
        flag=REF.key,
        feed=feed,
        flip=feed.flip,
        written_version=lambda: feed.written,
        clock=Clock(),
        timeout_s=1,
        expects_avatars=True,
        expects_instances=expects_instances,
        on_step=steps.append,
    ).run()
    assert tuple(steps) == report.steps
    return report


def test_a_feed_that_follows_passes():
    feed = Feed()

    report = smoke(feed)

    assert report.passed
    assert feed.changes == [Change.KILL, Change.RESTORE]
    assert report.seconds >= 0.5 * len(report.steps)


def test_a_client_that_does_not_follow_fails_and_the_kill_is_taken_back():
    feed = Feed(follows=False)

    report = smoke(feed)

    assert [step.claim for step in report.failures] == ["the connected client degrades"]
    assert report.steps[-1].claim == "the kill is taken back"
    assert feed.changes == [Change.KILL, Change.RESTORE]


def test_a_kill_that_not_everyone_confirmed_fails_and_is_taken_back():
    feed = Feed()
    feed.outcome = Outcome.PENDING

    report = smoke(feed)

    assert report.failures[0].claim == "a kill is confirmed by all"
    assert feed.changes == [Change.KILL, Change.RESTORE]


def test_a_kill_that_no_instance_was_there_to_confirm_fails_and_is_taken_back():
    feed = Feed()
    feed.outcome, feed.seen = Outcome.NO_INSTANCES, Propagation()

    report = smoke(feed)

    assert report.failures[0].claim == "a kill is confirmed by all"
    assert "no instance was there to confirm" in report.failures[0].failure.message
    assert feed.changes == [Change.KILL, Change.RESTORE]


def test_of_a_feed_elsewhere_the_client_and_the_page_are_the_proof_and_no_more_is_claimed():
    feed = Feed()
    feed.outcome, feed.seen = Outcome.NO_INSTANCES, Propagation()

    report = smoke(feed, expects_instances=False)

    assert report.passed
    assert not any("confirmed" in step.claim for step in report.steps)
    assert [step.observed for step in report.steps if step.claim == "a kill is written"] == [
        "version 2; no instance is on this machine: the client and the page are the proof"
    ]


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        (PageSeen(Mode.FULL, 0, shows_recommendations=False), "it is full"),
        (PageSeen(Mode.DEGRADED, 3, shows_recommendations=False), "3 third-party images"),
        (PageSeen(Mode.DEGRADED, 0, shows_recommendations=True), "personal recommendations"),
    ],
)
def test_a_degraded_page_must_be_wholly_degraded(page, complaint):
    feed = Feed()
    feed.degraded_page = page

    report = smoke(feed)

    assert report.failures[0].claim == "the page degrades"
    assert complaint in report.failures[0].failure.message
    assert feed.mode is Mode.FULL


def test_a_feed_that_is_degraded_already_is_not_touched():
    feed = Feed(Mode.DEGRADED)

    report = smoke(feed)

    assert [step.claim for step in report.steps] == ["the feed answers and is full"]
    assert not report.passed
    assert feed.changes == []


def test_a_feed_that_follows_another_provider_is_not_killed():
    feed = Feed()
    feed.written = 14

    report = smoke(feed)

    assert report.failures[0].claim == "it follows the flag that is to be killed"
    assert "is at version 14 here" in report.failures[0].failure.message
    assert feed.changes == []
