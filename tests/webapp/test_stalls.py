"""What a process does that stood still."""

import threading

from support.waiting import DEADLINE_S, eventually

from webapp import stalls
from webapp.stalls import GuardedFromStalls, StallGuard


def stood_still(guard):
    guard._beat_at -= 60


def test_a_process_that_runs_passes_requests_on_without_asking_anybody():
    asked = []
    guard = StallGuard(lambda: asked.append(1))

    for _ in range(100):
        guard.pass_when_current()

    assert asked == []


def test_after_it_stood_still_every_request_waits_and_one_asks():
    may_answer, asked, passed = threading.Event(), [], []

    def catch_up():
        asked.append(1)
        assert may_answer.wait(DEADLINE_S)

    guard = StallGuard(catch_up)
    app = GuardedFromStalls(lambda _environ, _start: passed.append(1) or [], guard)
    stood_still(guard)
    requests = [threading.Thread(target=app, args=({}, None)) for _ in range(5)]
    for request in requests:
        request.start()
    eventually(lambda: asked, what="the question")

    assert passed == []
    may_answer.set()
    for request in requests:
        request.join(DEADLINE_S)
    assert (asked, passed) == ([1], [1] * 5)


def test_a_question_that_fails_holds_nobody_up():
    guard = StallGuard(lambda: 1 / 0)
    stood_still(guard)

    guard.pass_when_current()
    guard.pass_when_current()


def test_it_notices_without_any_request(monkeypatch):
    monkeypatch.setattr(stalls, "_BEAT_S", 0.01)
    caught_up = threading.Event()
    guard = StallGuard(caught_up.set)
    guard.start()
    stood_still(guard)

    assert caught_up.wait(DEADLINE_S)
    guard.close()
