"""Kills that end by themselves."""

from dataclasses import replace

import pytest
from builders import REF, a_sighting
from fakes import FakeClock, InMemorySchedules, InMemoryTimedRecords, ScriptedInstances

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.objectives import Condition, Objective
from opsctl.core.propagation import Sighting
from opsctl.core.scheduling import ScheduledChange, mark_of
from opsctl.core.timed import TimedRecord, Waiting
from opsctl.services.timed import TimedService

NOW_MS = int(FakeClock().now_s() * 1000)
OBJECTIVE = Objective(max_error_rate=0.02)
FORBIDDEN = OpsError(ErrorCode.FORBIDDEN, "LaunchDarkly does not let this token do that (HTTP 403)")


def lost(retry_after_s=0.1):
    return OpsError(ErrorCode.UNREACHABLE, "broke the connection off", retry_after_s=retry_after_s)


def a_change(change_id="a", at_ms=NOW_MS + 600_000, *, kinds=("turnFlagOn",), is_ours=True):
    return ScheduledChange(change_id, at_ms, NOW_MS, kinds, is_ours=is_ours)


class Scene:
    """The service on fakes."""

    def __init__(self, *changes, ahead=0.0, sightings=(), record=TimedRecord()):  # noqa: B008 - it is frozen
        self.clock = FakeClock()
        self.schedules = InMemorySchedules(*changes, clock=self.clock, ahead=ahead)
        self.records = InMemoryTimedRecords(record)
        self.instances = ScriptedInstances(self.clock, sightings)
        self.notes = []
        self.service = TimedService(
            schedules=self.schedules,
            records=self.records,
            instances=self.instances,
            clock=self.clock,
            note=self.notes.append,
        )

    def arrange(self, for_s=1800.0, **more):
        options = {"version": 8, "comment": "spike (INC-1)", "objective": OBJECTIVE, "timeout_s": 10.0, **more}
        return self.service.arrange(REF, for_s=for_s, **options)

    def clear(self):
        return self.service.clear(REF, timeout_s=10.0)

    @property
    def scheduled(self):
        return [one.id for one in self.schedules.changes]


def test_the_provider_turns_it_on_when_the_time_is_over():
    scene = Scene()

    arranged = scene.arrange(for_s=1800)

    assert arranged.change.at_ms == NOW_MS + 1_800_000
    assert scene.scheduled == [arranged.change.id]
    assert scene.schedules.comments == [f"spike (INC-1) {mark_of(NOW_MS + 1_800_000)}"]


def test_the_time_is_counted_on_the_providers_clock_where_this_machines_is_off():
    arranged = Scene(ahead=-86_400.0).arrange(for_s=1800)

    assert (arranged.ahead_s, arranged.change.at_ms) == (-86_400.0, NOW_MS - 86_400_000 + 1_800_000)


def test_a_second_one_moves_the_time_and_only_one_is_left():
    scene = Scene()
    first = scene.arrange(for_s=1800)

    second = scene.arrange(for_s=60)

    assert scene.scheduled == [second.change.id]
    assert second.cleared.withdrawn == (first.change,)


def test_the_old_one_is_withdrawn_only_after_the_new_one_is_there():
    scene = Scene(a_change("old"))
    scene.schedules.fail_schedule = [FORBIDDEN]

    with pytest.raises(OpsError):
        scene.arrange()

    assert scene.scheduled == ["old"]


@pytest.mark.parametrize(
    "code", [ErrorCode.FORBIDDEN, ErrorCode.BAD_CONFIG, ErrorCode.APPROVAL_REQUIRED, ErrorCode.FAILED]
)
def test_a_provider_without_schedules_refuses(code):
    scene = Scene()
    scene.schedules.fail_list = [OpsError(code, "no scheduled changes in this plan", hint="ask")]

    with pytest.raises(OpsError) as raised:
        scene.arrange()

    assert (raised.value.code, raised.value.hint) == (ErrorCode.REFUSED, "ask")


def test_a_lost_answer_is_asked_again_and_said():
    scene = Scene()
    scene.schedules.fail_schedule = [lost()]

    scene.arrange()

    assert len(scene.scheduled) == 1
    assert "trying again in" in scene.notes[0]


def test_one_that_was_made_although_its_answer_was_lost_is_not_made_twice():
    scene = Scene()
    scene.schedules.fail_schedule, scene.schedules.although_done = [lost()], True

    arranged = scene.arrange()

    assert (scene.scheduled, scene.notes) == ([arranged.change.id], [])


def test_a_provider_that_does_not_answer_is_unreachable_within_the_time():
    scene = Scene()
    scene.schedules.fail_list = [lost(1.0) for _ in range(20)]

    with pytest.raises(OpsError) as raised:
        scene.arrange(timeout_s=3.0)

    assert raised.value.code is ErrorCode.UNREACHABLE
    assert scene.clock.monotonic_s() <= 3.0


def test_one_that_is_accepted_and_then_not_there_is_said():
    scene = Scene()
    scene.schedules.schedule_restore = lambda *_, **__: a_change()

    with pytest.raises(OpsError, match="does not have it on its schedule"):
        scene.arrange()


def test_instances_are_told_to_hold_it_back_in_a_breach():
    scene = Scene(sightings=(a_sighting("worker-0"), a_sighting("worker-1")))

    guard = scene.arrange(for_s=1800).guard

    assert (guard.instances, guard.unguarded, guard.objective) == (("worker-0", "worker-1"), (), OBJECTIVE)
    assert scene.instances.told == [
        Condition(
            flag=REF.key,
            from_version=8,
            objective=OBJECTIVE,
            window_s=30.0,
            project=REF.project,
            environment=REF.environment,
        )
    ]


def test_an_instance_that_does_not_take_it_in_is_named():
    scene = Scene()
    scene.instances.tell = lambda _message, *, timeout_s: (a_sighting("worker-0"), Sighting("worker-1"))

    assert scene.arrange().guard.unguarded == ("worker-1",)


def test_an_instance_of_another_environment_is_none_of_its_business():
    scene = Scene(sightings=(a_sighting("worker-0"), a_sighting("worker-1", environment="production")))
    scene.instances.tell = lambda _message, *, timeout_s: (a_sighting("worker-0"), Sighting("worker-1"))

    assert scene.arrange().guard.unguarded == ()


def test_the_window_is_no_longer_than_the_kill():
    assert Scene().arrange(for_s=2).guard.window_s == 2


def test_a_kill_or_restore_takes_what_opsctl_scheduled_off_the_schedule():
    ours, theirs, other = a_change("ours"), a_change("theirs", is_ours=False), a_change("x", kinds=("addTargets",))
    scene = Scene(ours, theirs, other)

    cleared = scene.clear()

    assert (cleared.withdrawn, cleared.others, cleared.left) == ((ours,), (theirs,), ())
    assert scene.scheduled == ["theirs", "x"]


def test_what_was_made_from_here_is_known_without_the_audit_log():
    scene = Scene()
    made = scene.arrange().change
    scene.schedules.changes = [replace(made, is_ours=False)]

    assert [one.id for one in scene.clear().withdrawn] == [made.id]
    assert scene.records.read(REF) == TimedRecord()


def test_one_to_which_somebody_added_something_is_theirs():
    scene = Scene(record=TimedRecord(schedule_ids=("a",)))
    scene.schedules.changes = [a_change("a", kinds=("addTargets", "turnFlagOn"), is_ours=False)]

    assert scene.clear().withdrawn == ()


def test_what_could_not_be_withdrawn_is_said_and_remembered():
    scene = Scene(a_change("a"))
    scene.schedules.fail_withdraw = [FORBIDDEN]

    cleared = scene.clear()

    assert cleared.left == ((a_change("a"), FORBIDDEN),)
    assert scene.records.read(REF).schedule_ids == ("a",)


def test_a_provider_without_schedules_has_none_of_opsctl():
    scene = Scene()
    scene.schedules.fail_list = [FORBIDDEN]

    assert scene.clear().error is None


def test_a_schedule_that_should_be_there_and_cannot_be_looked_at_is_said():
    scene = Scene(record=TimedRecord(schedule_ids=("a",)))
    scene.schedules.fail_list = [FORBIDDEN]

    assert scene.clear().error is FORBIDDEN
    assert scene.records.read(REF).schedule_ids == ("a",)


def test_who_waits_here_to_restore_does_not_any_more():
    scene = Scene(record=TimedRecord(waiting=Waiting(token="t", pid=1, until_ms=NOW_MS)))

    assert scene.clear().was_waiting
    assert scene.records.read(REF).waiting is None
