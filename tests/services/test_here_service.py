"""Waiting in this process, and restoring when the time is over."""

from dataclasses import replace

import pytest
from builders import REF, a_flag, a_report, an_entry
from fakes import FakeClock, InMemoryFlags, InMemoryTimedRecords, ScriptedInstances

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.latency import Histogram
from opsctl.core.modes import Mode
from opsctl.core.objectives import Objective
from opsctl.core.propagation import Sighting
from opsctl.core.timed import TimedRecord, Waiting
from opsctl.core.traffic import Traffic
from opsctl.services.here import HereRequest, HereService
from opsctl.services.switch import SwitchService

KILLED = 8


class Feed(ScriptedInstances):
    """One instance that answers 100 requests a second, of which `failing(second)` is the share that fails."""

    def __init__(self, clock, flags, failing=lambda _second: 0.0, *, silent=lambda _second: False):
        super().__init__(clock, ())
        self._flags = flags
        self._failing = failing
        self._silent = silent

    def list_sightings(self):
        return self.sightings()

    def sightings(self):
        if self._silent(self._clock.monotonic_s()):
            return (Sighting("worker-0"),)
        targeting = self._flags.flags[REF.key].targeting["test"]
        mode = Mode.FULL if targeting.on else Mode.DEGRADED
        seconds = int(self._clock.monotonic_s())
        errors = sum(round(100 * self._failing(second)) for second in range(seconds))
        traffic = Traffic(100 * seconds, errors, Histogram())
        return (Sighting("worker-0", a_report(version=targeting.version, mode=mode, traffic=traffic)),)


class Scene:
    """The service on fakes: a flag that was killed at version 8."""

    def __init__(self, **feed):
        self.clock = FakeClock()
        self.flags = InMemoryFlags(a_flag().killed().at_version(KILLED).build(), clock=self.clock)
        self.records = InMemoryTimedRecords()
        self.ticks = []
        self.instances = Feed(self.clock, self.flags, **feed)
        switch = SwitchService(reader=self.flags, writer=self.flags, instances=self.instances, clock=self.clock)
        self.service = HereService(
            switch=switch, audit=self.flags, instances=self.instances, records=self.records, clock=self.clock
        )

    def run(self, *, on_tick=lambda _tick: None, **more):
        request = HereRequest(
            ref=REF,
            version=KILLED,
            for_s=60.0,
            objective=Objective(),
            reason="1 min are over: spike",
            incident="INC-1",
            timeout_s=10.0,
            patience_s=None,
        )

        def tick(one):
            self.ticks.append(one)
            on_tick(one)

        return self.service.restore_after(replace(request, **more), tick)

    @property
    def is_on(self):
        return self.flags.flags[REF.key].targeting["test"].on


def test_it_is_restored_when_the_time_is_over_and_not_before():
    scene = Scene()

    def still_off(_tick):
        assert not scene.is_on

    receipt = scene.run(on_tick=still_off)

    assert (scene.is_on, receipt.version) == (True, 9)
    assert 60 <= scene.clock.monotonic_s() < 61
    assert [round(tick.left_s) for tick in scene.ticks] == list(range(60, 0, -1))


def test_the_comment_says_that_the_time_was_over_and_why_it_was_killed():
    scene = Scene()

    scene.run()

    assert scene.flags.writes == [(REF, True, "1 min are over: spike (INC-1)")]


def test_it_is_not_restored_into_a_breach_but_after_a_whole_window_without_one():
    scene = Scene(failing=lambda second: 0.5 if second < 90 else 0.0)

    scene.run()

    assert scene.is_on
    assert scene.clock.monotonic_s() >= 90 + 30
    assert "of the requests failed" in next(tick.obstacle for tick in scene.ticks if not tick.left_s)


def test_what_went_wrong_long_before_the_end_does_not_matter():
    scene = Scene(failing=lambda second: 1.0 if second < 20 else 0.0)

    scene.run()

    assert scene.clock.monotonic_s() < 61


def test_an_instance_that_does_not_answer_is_waited_for():
    scene = Scene(silent=lambda second: 50 < second < 70)

    scene.run()

    assert scene.is_on
    assert "worker-0 does not answer" in [tick.obstacle for tick in scene.ticks]
    assert scene.clock.monotonic_s() >= 70


def test_patience_ends_with_the_flag_left_off():
    scene = Scene(failing=lambda _second: 0.5)

    with pytest.raises(OpsError) as raised:
        scene.run(patience_s=20.0)

    assert raised.value.code is ErrorCode.OBJECTIVE_NOT_MET
    assert "is left off: worker-0: 50.0% of the requests failed" in raised.value.message
    assert not scene.is_on
    assert scene.clock.monotonic_s() == pytest.approx(80, abs=1.5)


def test_a_kill_by_somebody_else_meanwhile_is_not_undone():
    scene = Scene()

    def meanwhile(tick):
        if tick.left_s == 30:
            scene.flags.set(REF, on=True)
            scene.flags.set(REF, on=False)
            scene.flags.entries.append(an_entry("9", who="Sandy"))

    with pytest.raises(OpsError) as raised:
        scene.run(on_tick=meanwhile)

    assert raised.value.code is ErrorCode.SUPERSEDED
    assert raised.value.message == f"{REF.key} is left off: Sandy changed it meanwhile (version 8 → 10)"
    assert not scene.is_on


def test_a_command_that_makes_the_kill_last_ends_the_wait():
    scene = Scene()

    def meanwhile(tick):
        if tick.left_s == 30:
            scene.records.write(REF, TimedRecord())

    with pytest.raises(OpsError) as raised:
        scene.run(on_tick=meanwhile)

    assert raised.value.code is ErrorCode.SUPERSEDED
    assert scene.clock.monotonic_s() < 40


def test_one_that_somebody_restored_meanwhile_is_only_verified():
    scene = Scene()

    def meanwhile(tick):
        if tick.left_s == 30:
            scene.flags.set(REF, on=True)

    assert scene.run(on_tick=meanwhile).written_ms is None


def test_a_provider_that_cannot_be_reached_is_asked_until_it_answers():
    scene = Scene()
    gone = OpsError(ErrorCode.UNREACHABLE, "LaunchDarkly cannot be reached: connection refused")
    scene.flags.fail_reads(gone, gone, gone)

    scene.run()

    assert scene.is_on
    assert sum("cannot be reached" in tick.obstacle for tick in scene.ticks) == 3


def test_a_provider_that_refuses_ends_it():
    scene = Scene()
    scene.flags.fail_reads(OpsError(ErrorCode.FORBIDDEN, "no"))

    with pytest.raises(OpsError) as raised:
        scene.run()

    assert raised.value.code is ErrorCode.FORBIDDEN


def test_others_see_that_it_waits_and_for_how_long_but_not_longer():
    scene = Scene()
    seen = []

    scene.run(on_tick=lambda _tick: seen.append(scene.records.read(REF).waiting))

    assert seen[0].until_ms == int(FakeClock().now_s() * 1000) + 60_000
    assert scene.records.read(REF) == TimedRecord()


def test_stopped_it_leaves_the_flag_off_and_waits_no_longer():
    scene = Scene()

    def stop(tick):
        if tick.left_s == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scene.run(on_tick=stop)

    assert not scene.is_on
    assert scene.records.read(REF).waiting is None


def test_what_another_process_wrote_is_not_taken_away():
    scene = Scene()
    theirs = TimedRecord(waiting=Waiting(token="theirs", pid=1, until_ms=3))

    with pytest.raises(OpsError):
        scene.run(on_tick=lambda _tick: scene.records.write(REF, theirs))

    assert scene.records.read(REF) == theirs


def test_a_record_that_cannot_be_kept_stops_nothing():
    scene = Scene()
    scene.records.write = lambda _ref, _record: None

    scene.run()

    assert scene.is_on
