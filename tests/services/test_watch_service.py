"""Following a kill switch."""

from builders import REF, an_entry
from fakes import FakeClock, InMemoryFlags, ScriptedStream

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.watching import Until, WatchEvent, WatchKind
from opsctl.services.watch import WatchService

STATE = WatchEvent(WatchKind.STATE, 1.0, new=True)
KILLED = WatchEvent(WatchKind.CHANGE, 2.0, old=True, new=False)
RESTORED = WatchEvent(WatchKind.CHANGE, 3.0, old=False, new=True)


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
            return (an_entry("9", comment="late"),) if self.looks >= 3 else ()

    events = watched(ScriptedStream(STATE, KILLED), audit=Late())

    assert events[1].entry.comment == "late"


def test_a_change_without_entry_is_by_somebody_unknown():
    clock = FakeClock()

    events = watched(ScriptedStream(STATE, KILLED), audit=InMemoryFlags(), clock=clock)

    assert events[1].entry is None
    assert clock.monotonic_s() < 1


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
