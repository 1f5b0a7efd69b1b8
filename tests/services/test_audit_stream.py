"""The audit log as a stream of changes."""

from itertools import islice

import pytest
from builders import REF, a_change, an_entry
from fakes import FakeClock, InMemoryFlags, ScriptedHistory

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.watching import WatchKind
from opsctl.services.audit_stream import AuditStream

GONE = OpsError(ErrorCode.UNREACHABLE, "gone")


class Scene:
    """A stream over fakes; the flag is on at version 7."""

    def __init__(self):
        self.clock = FakeClock()
        self.flags = InMemoryFlags(clock=self.clock)
        self.history = ScriptedHistory()
        stream = AuditStream(reader=self.flags, audit=self.flags, history=self.history, clock=self.clock)
        self._events = stream.follow(REF, start_timeout_s=1.0)

    def next(self):
        return next(event for event in islice(self._events, 50) if event is not None)

    def add(self, *changes):
        self.history.changes += changes
        self.flags.entries += [change.entry for change in changes]


def test_it_begins_with_what_the_provider_says():
    state = Scene().next()

    assert (state.kind, state.new, state.version) == (WatchKind.STATE, True, 7)


def test_each_change_comes_once_in_order_with_its_entry():
    scene = Scene()
    scene.next()

    scene.add(a_change(8, at_ms=2, comment="spike"), a_change(9, at_ms=3, is_on=True))
    killed, restored = scene.next(), scene.next()
    scene.add(a_change(10, at_ms=4))

    assert (killed.version, killed.new, killed.entry.comment, killed.at_s) == (8, False, "spike", 0.002)
    assert (restored.version, restored.new) == (9, True)
    assert scene.next().version == 10


def test_what_else_is_done_to_the_flag_is_told_too_and_once():
    scene = Scene()
    scene.flags.entries.append(an_entry("old", what="scheduled changes to the flag"))
    scene.next()

    scene.flags.entries.append(an_entry("new", what="scheduled changes to the flag", at_ms=1))
    other = scene.next()
    scene.add(a_change(8, at_ms=5, is_on=True, was_on=True))

    assert (other.kind, other.version, other.entry.id) == (WatchKind.OTHER, None, "new")
    assert (scene.next().kind) is WatchKind.OTHER


def test_a_log_that_cannot_be_read_is_a_gap_and_nothing_is_lost():
    scene = Scene()
    scene.next()
    scene.history.fail = [GONE, GONE]
    scene.add(a_change(8))

    lost, resumed, change = scene.next(), scene.next(), scene.next()

    assert (lost.kind, resumed.kind, change.version) == (WatchKind.LOST, WatchKind.RESUMED, 8)
    assert resumed.gap_s == pytest.approx(2.0)


def test_a_provider_that_does_not_answer_at_the_start_is_an_error():
    scene = Scene()
    scene.flags.fail_reads(GONE)

    with pytest.raises(OpsError):
        scene.next()
