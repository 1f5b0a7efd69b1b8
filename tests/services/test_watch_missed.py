"""Following a kill switch from a version on, and across gaps: each change once, in order, or plainly missing."""

import pytest
from builders import REF, a_change
from fakes import FakeClock, InMemoryFlags, ScriptedHistory, ScriptedStream
from hypothesis import given
from hypothesis import strategies as st

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.watch_choices import Until
from opsctl.core.watching import PageView, WatchEvent, WatchKind, is_whole
from opsctl.services.watch import WatchService

NOW_S = FakeClock().now_s()
NOW_MS = int(NOW_S * 1000)


def state(version, *, on=True):
    return WatchEvent(WatchKind.STATE, NOW_S, new=on, version=version)


def change(version, *, on):
    return WatchEvent(WatchKind.CHANGE, NOW_S + version, old=not on, new=on, version=version)


def resumed(version, *, on=True):
    return WatchEvent(WatchKind.RESUMED, NOW_S + 90, new=on, gap_s=90.0, version=version)


LOST = WatchEvent(WatchKind.LOST, NOW_S, new=True)


def watched(*script, history=None, clock=None, **options):
    service = WatchService(
        stream=ScriptedStream(*script),
        audit=InMemoryFlags(),
        clock=clock or FakeClock(),
        history=history,
    )
    return list(service.watch(REF, start_timeout_s=1.0, **options))


def told(events):
    """What was told: the kind and the version, with a star where it was missed."""
    return [f"{event.kind} {event.version}{'*' if event.is_missed else ''}" for event in events]


def test_since_a_version_what_was_changed_comes_first_with_who_and_why():
    history = ScriptedHistory(a_change(8, comment="spike", who="Sandy"), a_change(9, is_on=True))

    events = watched(state(9), change(10, on=False), history=history, since=7)

    assert told(events) == ["change 8*", "change 9*", "state 9", "change 10"]
    assert (events[0].old, events[0].new, events[0].entry.who, events[0].entry.comment) == (
        True,
        False,
        "Sandy",
        "spike",
    )


def test_who_made_a_change_is_known_by_its_version_also_where_two_did_something_at_that_time():
    history = ScriptedHistory(
        a_change(8, who="Alice", at_ms=NOW_MS),
        a_change(9, is_on=True, who="Bob", at_ms=NOW_MS),
        a_change(10, who="Carol", at_ms=NOW_MS),
    )

    events = watched(state(7), change(8, on=False), change(9, on=True), change(10, on=False), history=history)

    assert [event.entry.who for event in events[1:]] == ["Alice", "Bob", "Carol"]


def test_a_version_that_the_log_has_otherwise_is_nobodys():
    events = watched(state(7), change(8, on=False), history=ScriptedHistory(a_change(8, is_on=True)))

    assert events[1].entry is None


def test_since_the_present_version_nothing_is_told_again():
    assert told(watched(state(9), history=ScriptedHistory(a_change(9)), since=9)) == ["state 9"]


def test_a_change_that_is_no_switch_is_told_as_another():
    history = ScriptedHistory(a_change(8, is_on=True, was_on=True, what="changed the default rule of the flag"))

    events = watched(state(8), history=history, since=7)

    assert told(events) == ["other 8*", "state 8"]


def test_a_log_that_does_not_reach_back_is_said_plainly():
    events = watched(state(9), history=ScriptedHistory(a_change(9, is_on=True)), since=3)

    assert told(events) == ["missing 8", "change 9*", "state 9"]
    assert (events[0].from_version, events[0].version) == (3, 8)


def test_a_hole_in_the_log_is_said_where_it_is():
    history = ScriptedHistory(a_change(4), a_change(9, is_on=True))

    assert told(watched(state(9), history=history, since=3)) == ["change 4*", "missing 8", "change 9*", "state 9"]


def test_a_version_that_was_never_reached_is_said_plainly():
    events = watched(state(7), change(8, on=False), since=9)

    assert told(events) == ["missing 7", "state 7", "change 8"]
    assert events[0].from_version == 9


def test_without_a_log_all_is_missing():
    assert told(watched(state(9), since=3)) == ["missing 9", "state 9"]


def test_a_log_that_fails_is_one_that_does_not_tell():
    history = ScriptedHistory(a_change(9))
    history.fail = [OpsError(ErrorCode.UNREACHABLE, "gone")] * 3

    assert told(watched(state(9), history=history, since=8)) == ["missing 9", "state 9"]


def test_a_log_that_is_a_moment_behind_is_waited_for():
    history = ScriptedHistory(a_change(8), a_change(9, is_on=True), late=(9,))

    assert told(watched(state(9), history=history, since=7)) == ["change 8*", "change 9*", "state 9"]


def test_a_log_that_is_ahead_of_the_stream_is_not_told_twice():
    history = ScriptedHistory(a_change(8), a_change(9, is_on=True))

    events = watched(state(8, on=False), change(9, on=True), history=history, since=7)

    assert told(events) == ["change 8*", "state 8", "change 9"]


def test_what_was_changed_in_a_gap_is_told_once_the_stream_is_back():
    history = ScriptedHistory(a_change(8), a_change(9, is_on=True), a_change(10))

    events = watched(state(7), LOST, resumed(10), change(10, on=False), change(11, on=True), history=history)

    assert told(events)[1:] == ["lost None", "resumed 10", "change 8*", "change 9*", "change 10*", "change 11"]


def test_a_gap_in_which_it_was_killed_and_restored_is_told_although_the_value_is_the_same():
    history = ScriptedHistory(a_change(8), a_change(9, is_on=True))

    assert told(watched(state(7), LOST, resumed(9), history=history))[3:] == ["change 8*", "change 9*"]


def test_a_gap_without_a_change_has_none():
    assert told(watched(state(7), LOST, resumed(7), history=ScriptedHistory()))[1:] == ["lost None", "resumed 7"]


def test_without_a_log_the_last_change_in_a_gap_shows_and_the_others_are_missing():
    events = watched(state(7), LOST, resumed(10), change(10, on=False))

    assert told(events)[2:] == ["resumed 10", "missing 10", "change 10"]


def test_until_goes_by_what_is_and_not_by_what_was():
    history = ScriptedHistory(a_change(8), a_change(9, is_on=True))

    events = watched(state(9), change(10, on=False), history=history, since=7, until=Until.KILLED)

    assert told(events) == ["change 8*", "change 9*", "state 9", "change 10", "end 10"]


@given(st.lists(st.booleans(), max_size=8), st.integers(0, 8), st.integers(0, 8))
def test_every_version_is_told_once_and_in_order(switches, gap_from, since):
    """Whatever was seen live, in the gap or before: no version is told twice, none is left out."""
    last = 1 + len(switches)
    history = ScriptedHistory(*(a_change(2 + index, is_on=on) for index, on in enumerate(switches)))
    lost_at = min(gap_from + 1, last)
    live = [change(version, on=switches[version - 2]) for version in range(2, lost_at + 1)]
    back = [LOST, resumed(last), *([change(last, on=switches[-1])] if last > lost_at else [])]

    events = watched(state(1), *live, *back, history=history, since=min(since, 1))

    versions = [event.version for event in events if event.kind in {WatchKind.CHANGE, WatchKind.OTHER}]
    assert versions == list(range(2, last + 1))


def test_nobody_who_wants_more_ends_it_quietly():
    wanted = iter([True, False])

    events = watched(state(7), None, change(8, on=False), is_wanted=lambda: next(wanted))

    assert told(events) == ["state 7"]


def test_a_pin_is_nobodys_entry_of_the_audit_log_and_is_told_at_the_same_version():
    clock = FakeClock()
    pinned = PageView("PINNED", pin=1, is_pinned=True, source="live", age_s=0.0)
    event = WatchEvent(WatchKind.CHANGE, NOW_S, old=True, new=False, version=7, page=pinned)

    events = watched(state(7), event, clock=clock)

    assert events[1] == event
    assert clock.monotonic_s() == 0


def test_the_release_of_a_pin_is_nobodys_entry_as_the_version_stays():
    pinned = PageView("PINNED", pin=1, is_pinned=True, source="live", age_s=0.0)
    released = PageView("FALLTHROUGH", pin=2, source="live", age_s=0.0)
    pin = WatchEvent(WatchKind.CHANGE, NOW_S, old=True, new=False, version=8, page=pinned)
    release = WatchEvent(WatchKind.CHANGE, NOW_S, old=False, new=True, version=8, page=released)

    events = watched(state(7), pin, release, history=ScriptedHistory(a_change(8, is_on=True)))

    assert events[2] == release


def test_a_page_that_stays_degraded_in_a_restore_for_a_part_names_who_made_that_version():
    page = PageView("FALLTHROUGH", source="live", age_s=0.0)
    step = WatchEvent(WatchKind.CHANGE, NOW_S, old=False, new=False, version=8, page=page)

    events = watched(state(7, on=False), step, history=ScriptedHistory(a_change(8, is_on=True)))

    assert events[1].entry == a_change(8, is_on=True).entry


@pytest.mark.parametrize(
    ("changes", "whole"),
    [([8, 9], True), ([8], False), ([9], False), ([], False), ([7, 8, 9], True)],
)
def test_whole_is_what_leaves_no_version_out(changes, whole):
    assert is_whole([a_change(version) for version in changes], 7, 9) is whole
