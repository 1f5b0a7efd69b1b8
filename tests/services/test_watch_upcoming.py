"""What turns a kill switch on by itself, while it is watched."""

from dataclasses import replace

from builders import REF
from fakes import FakeClock, InMemoryFlags, InMemorySchedules, ScriptedStream

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.scheduling import ScheduledChange
from opsctl.core.watching import WatchEvent, WatchKind
from opsctl.services.watch import WatchService

NOW_S = FakeClock().now_s()
OFF = WatchEvent(WatchKind.STATE, NOW_S, new=False)
KILLED = WatchEvent(WatchKind.CHANGE, NOW_S, old=True, new=False)
RESTORED = WatchEvent(WatchKind.CHANGE, NOW_S, old=False, new=True)


def a_change(change_id="a", after_s=3600, *, kinds=("turnFlagOn",), is_ours=True):
    return ScheduledChange(change_id, int((NOW_S + after_s) * 1000), 1, kinds, is_ours=is_ours)


class Scene:
    """A watch over fakes, whose script may change the schedule and let time pass."""

    def __init__(self, *changes):
        self.clock = FakeClock()
        self.schedules = InMemorySchedules(*changes, clock=self.clock)

    def hold(self, *changes):
        return lambda: setattr(self.schedules, "changes", list(changes))

    def later(self, seconds):
        return lambda: self.clock.sleep(seconds)

    def watch(self, *script):
        service = WatchService(
            stream=ScriptedStream(*script), audit=InMemoryFlags(), clock=self.clock, schedules=self.schedules
        )
        events = service.watch(REF, start_timeout_s=1.0)
        return [(event.kind, event.due_ms) for event in events if event.kind not in {WatchKind.STATE, WatchKind.CHANGE}]


def said(change, kind=WatchKind.SCHEDULED):
    return (kind, change.at_ms)


def test_it_is_said_at_the_start_when_it_is_off():
    change = a_change()

    assert Scene(change).watch(OFF) == [said(change)]


def test_nothing_is_said_while_it_is_on():
    assert Scene(a_change()).watch(RESTORED, None, None) == []


def test_only_what_turns_it_on_is_said():
    assert Scene(a_change(kinds=("turnFlagOff",)), a_change("b", kinds=("addTargets",))).watch(OFF) == []


def test_what_is_scheduled_a_moment_after_the_kill_is_said_soon_and_once():
    scene, change = Scene(), a_change()

    said_then = scene.watch(KILLED, scene.hold(change), None, scene.later(1.0), None, scene.later(60), None, None)

    assert said_then == [said(change)]


def test_what_is_withdrawn_is_said():
    change = a_change()
    scene = Scene(change)

    said_then = scene.watch(OFF, scene.hold(), scene.later(1.0), None)

    assert said_then == [said(change), said(change, WatchKind.UNSCHEDULED)]


def test_what_is_moved_is_said():
    change = a_change()
    moved = replace(change, at_ms=change.at_ms + 60_000)
    scene = Scene(change)

    said_then = scene.watch(OFF, scene.hold(moved), scene.later(1.0), None)

    assert said_then == [said(change), said(change, WatchKind.UNSCHEDULED), said(moved)]


def test_what_has_come_due_is_not_said_to_be_withdrawn():
    change = a_change(after_s=3)
    scene = Scene(change)

    assert scene.watch(OFF, scene.hold(), scene.later(3.0), None) == [said(change)]


def test_a_kill_by_somebody_else_has_it_said_again():
    """The schedule would undo that kill, too."""
    change = a_change()

    assert Scene(change).watch(KILLED, RESTORED, KILLED) == [said(change), said(change)]


def test_it_is_looked_at_less_and_less_often():
    scene = Scene()
    looks = []
    scene.schedules.list_scheduled = lambda _ref: looks.append(scene.clock.monotonic_s()) or ()

    scene.watch(OFF, *(step for _ in range(480) for step in (scene.later(0.25), None)))

    assert looks[:4] == [0.0, 1.0, 3.0, 7.0]
    assert looks[-1] - looks[-2] == 30.0


def test_a_schedule_that_cannot_be_read_does_not_end_the_watch_and_is_looked_at_again():
    change = a_change()
    scene = Scene(change)
    scene.schedules.fail_list = [OpsError(ErrorCode.FORBIDDEN, "no")]

    assert scene.watch(OFF, scene.later(1.0), None) == [said(change)]
