"""Following a kill switch."""

from dataclasses import replace

import pytest
from builders import REF, an_entry
from fakes import FakeClock, InMemoryFlags, ScriptedStream

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.watch_choices import Until
from opsctl.core.watching import WatchEvent, WatchKind
from opsctl.services.watch import WatchService

NOW_S = FakeClock().now_s()
STATE = WatchEvent(WatchKind.STATE, NOW_S - 1, new=True)
KILLED = WatchEvent(WatchKind.CHANGE, NOW_S + 0.2, old=True, new=False)
RESTORED = WatchEvent(WatchKind.CHANGE, NOW_S + 0.4, old=False, new=True)


def entry_at(seconds, who="Sandy", what="turned off the flag"):
    """An entry that was made that many seconds after `NOW_S`."""
    return an_entry(f"{who} {what} {seconds}", who=who, what=what, at_ms=int((NOW_S + seconds) * 1000))


def watched(stream, *, audit=None, clock=None, **options):
    service = WatchService(stream=stream, audit=audit, clock=clock or FakeClock())
    return list(service.watch(REF, start_timeout_s=1.0, **options))


def test_changes_are_shown_in_order_and_none_is_added():
    events = watched(ScriptedStream(STATE, None, KILLED, RESTORED))

    assert [(event.kind, event.new) for event in events] == [
        (WatchKind.STATE, True),
        (WatchKind.CHANGE, False),
        (WatchKind.CHANGE, True),
    ]


def test_until_killed_ends_with_the_kill():
    events = watched(ScriptedStream(STATE, KILLED, RESTORED), until=Until.KILLED)

    assert [event.kind for event in events] == [WatchKind.STATE, WatchKind.CHANGE, WatchKind.END]
    assert events[-1].new is False


def test_until_restored_ends_at_once_when_it_is_already():
    events = watched(ScriptedStream(STATE, KILLED), until=Until.RESTORED)

    assert [event.kind for event in events] == [WatchKind.STATE, WatchKind.END]


def test_a_timeout_ends_it_with_the_value_of_that_moment():
    clock = FakeClock()
    stream = ScriptedStream(STATE, None, lambda: clock.sleep(6), None, KILLED)

    events = watched(stream, clock=clock, until=Until.KILLED, timeout_s=5.0)

    assert [event.kind for event in events] == [WatchKind.STATE, WatchKind.END]
    assert events[-1].new is True


def test_each_change_gets_its_own_entry_of_the_audit_log():
    flags = InMemoryFlags()
    flags.entries = [an_entry("0", what="created the flag")]

    def twice():
        flags.turn(REF, on=False, comment="spike")
        flags.turn(REF, on=True, comment="over")

    events = watched(ScriptedStream(STATE, twice, KILLED, RESTORED), audit=flags)

    assert [event.entry.comment for event in events[1:]] == ["spike", "over"]


def test_an_entry_that_comes_a_moment_later_is_waited_for():
    class Late(InMemoryFlags):
        looks = 0

        def list_changes(self, ref, *, limit=1):
            self.looks += 1
            return (an_entry("9", comment="late", at_ms=int(NOW_S * 1000)),) if self.looks >= 3 else ()

    events = watched(ScriptedStream(STATE, KILLED), audit=Late())

    assert events[1].entry.comment == "late"


def test_a_change_without_entry_is_by_somebody_unknown():
    clock = FakeClock()

    events = watched(ScriptedStream(STATE, KILLED), audit=InMemoryFlags(), clock=clock)

    assert events[1].entry is None
    assert clock.monotonic_s() < 1


def test_somebody_who_changed_something_else_is_not_named():
    flags = InMemoryFlags()

    def elsewhere():
        flags.entries.append(entry_at(0.1, "Alice", "changed the description of the flag"))

    events = watched(ScriptedStream(STATE, elsewhere, KILLED), audit=flags)

    assert events[1].entry is None


def test_an_entry_that_came_too_late_for_its_own_change_is_not_taken_for_a_later_one():
    flags = InMemoryFlags()
    killed_again = replace(KILLED, at_s=NOW_S + 1)

    def late():
        flags.entries += [entry_at(0.1, "Bob"), entry_at(0.3, "Carol", "turned on the flag")]

    events = watched(ScriptedStream(STATE, KILLED, late, RESTORED, killed_again), audit=flags)

    assert [event.entry and event.entry.who for event in events[1:]] == [None, "Carol", None]


def test_of_two_who_may_have_done_it_neither_is_named():
    flags = InMemoryFlags()

    def both():
        flags.entries += [entry_at(0.0, "Alice"), entry_at(0.1, "Bob")]

    assert watched(ScriptedStream(STATE, both, KILLED), audit=flags)[1].entry is None


def test_an_old_entry_that_shows_up_late_is_not_taken_for_a_change_now():
    flags = InMemoryFlags()

    events = watched(ScriptedStream(STATE, lambda: flags.entries.append(entry_at(-600)), KILLED), audit=flags)

    assert events[1].entry is None


def test_what_was_in_the_log_before_the_stream_began_is_left_out():
    flags = InMemoryFlags()
    flags.entries = [entry_at(-1, "Bob")]

    assert watched(ScriptedStream(STATE, KILLED), audit=flags)[1].entry is None


def test_a_change_right_after_the_state_was_read_has_its_entry():
    """It is in the log before the state is shown."""
    flags = InMemoryFlags()

    events = watched(ScriptedStream(lambda: flags.entries.append(entry_at(0)), STATE, KILLED), audit=flags)

    assert events[1].entry.who == "Sandy"


def test_of_the_changes_in_a_gap_the_last_one_made_the_value():
    flags = InMemoryFlags()
    lost, resumed = WatchEvent(WatchKind.LOST, NOW_S + 1, new=True), WatchEvent(WatchKind.RESUMED, NOW_S + 90, new=True)

    def meanwhile():
        flags.entries += [entry_at(20, "Alice"), entry_at(40, "Bob", "turned on the flag"), entry_at(60, "Carol")]

    events = watched(ScriptedStream(STATE, lost, meanwhile, resumed, replace(KILLED, at_s=NOW_S + 90)), audit=flags)

    assert events[-1].entry.who == "Carol"


def test_long_after_a_gap_only_what_was_done_now_counts():
    flags = InMemoryFlags()
    lost, resumed = WatchEvent(WatchKind.LOST, NOW_S + 1, new=True), WatchEvent(WatchKind.RESUMED, NOW_S + 3, new=True)

    events = watched(
        ScriptedStream(
            STATE, lost, lambda: flags.entries.append(entry_at(2)), resumed, replace(KILLED, at_s=NOW_S + 90)
        ),
        audit=flags,
    )

    assert events[-1].entry is None


@pytest.mark.parametrize("value", ["true", None, 1])
def test_a_value_that_is_neither_on_nor_off_is_nobodys(value):
    flags = InMemoryFlags()
    change = WatchEvent(WatchKind.CHANGE, NOW_S, old=True, new=value)

    events = watched(ScriptedStream(STATE, lambda: flags.entries.append(entry_at(0)), change), audit=flags)

    assert events[1].entry is None


def test_an_audit_log_that_fails_does_not_end_the_watch():
    class Failing(InMemoryFlags):
        def list_changes(self, ref, *, limit=1):
            raise OpsError(ErrorCode.UNREACHABLE, "gone")

    assert len(watched(ScriptedStream(STATE, KILLED), audit=Failing())) == 2


def test_gaps_are_shown():
    lost = WatchEvent(WatchKind.LOST, 2.0, new=True)
    resumed = WatchEvent(WatchKind.RESUMED, 5.2, new=True, gap_s=3.2)

    assert watched(ScriptedStream(STATE, lost, resumed))[1:] == [lost, resumed]


def test_a_wrongly_typed_value_is_killed_and_never_restored():
    assert Until.KILLED.is_reached_by("true")
    assert not Until.RESTORED.is_reached_by("true")
    assert not Until.RESTORED.is_reached_by(1)
