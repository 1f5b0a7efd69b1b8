"""`status` says when the switch was last rehearsed, and what came of it."""

from support.rehearsals import a_rehearsal

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.rehearsal import Objective, Rehearsed

MISSED = Objective(text="degraded.avatar_calls==0", is_met=False, said="12")
DAYS_AGO_MS = 1_790_000_000_000 - 3 * 86_400_000


def lines(result):
    after = result.out.splitlines()
    first = next(number for number, line in enumerate(after) if line.startswith("rehearsed"))
    return after[first : first + 2]


def test_a_switch_that_nobody_rehearsed_says_never(opsctl):
    assert lines(opsctl("status"))[0] == "rehearsed    never"


def test_the_last_rehearsal_is_told_with_its_verdict_its_feed_and_its_report(opsctl, wired):
    wired.kept_rehearsals.known = Rehearsed(last=a_rehearsal(at_ms=DAYS_AGO_MS))

    assert lines(opsctl("status"))[0] == (
        "rehearsed    3 d ago: passed   failure slow   http://127.0.0.1:5000   report /data/rehearsals/1/report.html"
    )


def test_one_that_failed_says_what_did_not_hold(opsctl, wired):
    wired.kept_rehearsals.known = Rehearsed(last=a_rehearsal(objectives=(MISSED,), target=""))

    assert "1 h ago: failed: degraded.avatar_calls==0 (12)   " in lines(opsctl("status"))[0]


def test_one_that_had_trouble_says_which(opsctl, wired):
    wired.kept_rehearsals.known = Rehearsed(last=a_rehearsal(trouble="worker-1 did not follow"))

    assert "1 h ago: failed: worker-1 did not follow   " in lines(opsctl("status"))[0]


def test_one_on_a_throw_away_stack_is_none_of_this_switch(opsctl, wired):
    wired.kept_rehearsals.known = Rehearsed(elsewhere=a_rehearsal(target=""))

    assert lines(opsctl("status"))[0] == "rehearsed    never   on a throw-away stack 1 h ago: passed"


def test_one_that_was_broken_off_does_not_hide_the_last_one(opsctl, wired):
    broken_off = a_rehearsal(is_broken_off=True, trouble="interrupted", report="", at_ms=1_790_000_000_000 - 5000)
    wired.kept_rehearsals.known = Rehearsed(last=a_rehearsal(), broken_off=broken_off)

    last, broken = lines(opsctl("status"))

    assert last.startswith("rehearsed    1 h ago: passed")
    assert broken == "             broken off 5 s ago: interrupted"


def test_what_cannot_be_read_is_not_called_never(opsctl, wired):
    wired.kept_rehearsals.fails = OpsError(ErrorCode.FAILED, "what was kept cannot be read")

    assert lines(opsctl("status"))[0] == "rehearsed    not known: what was kept cannot be read"
    assert opsctl("status", "--json").json["rehearsed"]["error"]["code"] == "failed"


def test_programs_get_all_of_it(opsctl, wired):
    wired.kept_rehearsals.known = Rehearsed(last=a_rehearsal(), elsewhere=a_rehearsal(objectives=(MISSED,), target=""))

    rehearsed = opsctl("status", "--json").json["rehearsed"]

    assert rehearsed["last"]["passed"]
    assert rehearsed["last"]["url"] == "http://127.0.0.1:5000"
    assert rehearsed["broken_off"] is None
    assert rehearsed["on_throw_away_stack"] == {
        "at_ms": 1_789_996_400_000,
        "passed": False,
        "failure": "slow",
        "url": None,
        "objectives": [{"expression": "degraded.avatar_calls==0", "is_met": False, "measured": "12"}],
        "trouble": None,
        "report": "/data/rehearsals/1/report.html",
    }
