"""`watch`: how each event reads."""

import json

import pytest
from builders import KEY, an_entry
from fakes import FakeClock, ScriptedStream
from support.local_time import local_time

from opsctl.core.scheduling import ScheduledChange
from opsctl.core.watch_choices import WatchSource
from opsctl.core.watching import PageView, WatchEvent, WatchKind

NOW_S = FakeClock().now_s()


@pytest.fixture(autouse=True)
def _utc():
    with local_time("UTC"):
        yield


def change(**more):
    return WatchEvent(WatchKind.CHANGE, NOW_S, **{"old": True, "new": False, "version": 8, **more})


def page(**more):
    return PageView(**{"reason": "OFF", "source": "live", "age_s": 1.0, **more})


LINES = [
    (WatchEvent(WatchKind.STATE, NOW_S, new=True, version=7), f"{KEY}  is true  full  version 7"),
    (
        change(entry=an_entry(who="Sandy", comment="spike")),
        f'{KEY}  true → false  degraded  version 8  by: Sandy  "spike"',
    ),
    (change(), f"{KEY}  true → false  degraded  version 8  by: unknown"),
    (change(is_missed=True), f"{KEY}  true → false  degraded  version 8  missed then  by: unknown"),
    (
        WatchEvent(
            WatchKind.OTHER, NOW_S, version=9, entry=an_entry(what="changed the rules of the flag", who="Sandy")
        ),
        f"{KEY}  changed the rules of the flag  version 9  by: Sandy",
    ),
    (
        WatchEvent(WatchKind.MISSING, NOW_S, from_version=3, version=7),
        "the audit log does not tell all that was changed between version 3 and version 7",
    ),
    (
        WatchEvent(WatchKind.MISSING, NOW_S, from_version=9, version=7),
        "version 9 was never reached: the flag is at version 7",
    ),
    (
        WatchEvent(WatchKind.UNSCHEDULED, NOW_S, due_ms=int(NOW_S * 1000) + 60_000),
        f"{KEY}  will not be turned on at 14:14:20 UTC any more",
    ),
    (WatchEvent(WatchKind.RESUMED, NOW_S, new=True, gap_s=12.0), "stream back after 12 s"),
    (WatchEvent(WatchKind.STATE, NOW_S, new=True, version=7, page=page()), f"{KEY}  full  version 7  live data"),
    (
        change(page=page(source="last-known", age_s=90.0), entry=an_entry(who="Sandy")),
        f"{KEY}  → degraded  version 8  last-known data, 2 min old  by: Sandy",
    ),
    (
        change(page=page(reason="PINNED", pin=1, is_pinned=True)),
        f"{KEY}  → degraded  version 8  pinned by hand (break-glass), live data",
    ),
    (
        change(page=page(reason="CONDITION")),
        f"{KEY}  → degraded  version 8  a restore is held back: the objective is not met, live data",
    ),
    (
        change(page=page(reason="EXPECTED_KILL", source=None)),
        f"{KEY}  → degraded  version 8  told of a kill that its data does not show yet  by: unknown",
    ),
]


@pytest.mark.parametrize(("event", "line"), LINES)
def test_each_event_is_a_line(opsctl, wired, event, line):
    wired.stream = ScriptedStream(event)

    assert opsctl("watch", "--quiet").out == f"14:13:20.000  {line}\n"


def test_what_turns_it_on_by_itself_is_a_line(opsctl, wired):
    at_ms = int(NOW_S * 1000) + 60_000
    wired.schedules.changes = [
        ScheduledChange("a", at_ms, 0, ("turnFlagOn",), is_ours=True),
        ScheduledChange("b", at_ms + 1000, 0, ("turnFlagOn",)),
    ]
    wired.stream = ScriptedStream(WatchEvent(WatchKind.STATE, NOW_S, new=False, version=7))

    ours, theirs = opsctl("watch", "--quiet").out.splitlines()[1:]

    assert ours.endswith(f"{KEY}  will be turned on at 14:14:20 UTC by opsctl kill --for")
    assert theirs.endswith("at 14:14:21 UTC by a scheduled change that opsctl did not make")


def test_in_json_every_object_has_the_same_fields(opsctl, wired):
    at_ms = int(NOW_S * 1000) + 60_000
    wired.schedules.changes = [ScheduledChange("a", at_ms, 0, ("turnFlagOn",), is_ours=True)]
    wired.stream = ScriptedStream(*(event for event, _ in LINES))

    objects = [json.loads(line) for line in opsctl("watch", "--json").out.splitlines()]

    assert {tuple(one) for one in objects} == {tuple(objects[0])}
    assert objects[0]["version"] == 7
    assert next(one for one in objects if one["scheduled"])["scheduled"] == {
        "at": "2026-09-21T14:14:20.000Z",
        "by_opsctl": True,
    }
    assert objects[-1]["page"] == {
        "reason": "EXPECTED_KILL",
        "pin": 0,
        "pinned": False,
        "source": None,
        "age_s": 1.0,
    }


def test_the_stream_is_watched_unless_another_source_is_named(opsctl, wired):
    opsctl("watch")
    assert wired.watched[0] is WatchSource.STREAM

    opsctl("watch", "--source", "browser")
    assert wired.watched == (WatchSource.BROWSER, "http://127.0.0.1:5000")

    opsctl("watch", "--source", "browser", "--target", "http://feed.example:8080/")
    assert wired.watched[1].startswith("http://feed.example:8080")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--target", "http://feed.example"), "--target needs --source browser"),
        (("--source", "browser", "--target", "ftp://x"), "--target: "),
        (("--source", "radio"), "'radio' is not one of"),
        (("--since", "x"), "'--since'"),
        (("--since", "-1"), "'--since'"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(opsctl, options, message):
    assert message in opsctl("watch", *options, expect=2).err


def test_on_a_terminal_a_long_line_is_folded_below_its_time_and_elsewhere_it_is_one(opsctl, wired):
    why = "checkout p99 above 2 s, and the payment provider says that it is not them"
    wired.stream = ScriptedStream(change(entry=an_entry(who="Sandy", comment=why)))

    shown = opsctl("watch", width=80).out.splitlines()[1:]
    piped = opsctl("watch").out.splitlines()[1:]

    assert max(map(len, shown)) <= 80
    assert " ".join(line.strip() for line in shown).split() == piped[0].split()
    assert len(piped) == 1
    assert all(line.startswith(" " * 14) for line in shown[1:])


def test_a_watch_that_saw_nothing_claims_no_mode_at_its_end(opsctl, wired):
    wired.stream = ScriptedStream(WatchEvent(WatchKind.END, NOW_S))

    line = opsctl("watch").out.splitlines()[1]

    assert line.endswith(f"{KEY}  nothing was seen  end of watch")
