"""Ending break-glass: the provider is written first, and the pin released afterwards."""

from dataclasses import replace

import pytest
from builders import KEY, REF, a_flag, a_sighting
from fakes import FakeClock, InMemoryFlags, RecordingJournal, ScriptedInstances
from support.pins import InMemoryPins, a_pin, a_pinned_sighting, a_release, a_released_sighting

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.modes import Mode
from opsctl.core.reconciling import exit_code_of_reconciliation
from opsctl.core.switch import Confirmation, Outcome
from opsctl.services.pinning import Pinning
from opsctl.services.reconcile import ReconcileRequest, ReconcileService
from opsctl.services.switch import SwitchService

UNREACHABLE = OpsError(ErrorCode.UNREACHABLE, "it cannot be reached", hint="start it")
PINNED = a_pinned_sighting(pin=a_pin(1), version=7, connected=2)
PINNED_AT_8 = a_pinned_sighting(pin=a_pin(1), version=8, connected=2)
RELEASED_AT_8 = a_released_sighting(number=2, version=8, mode=Mode.DEGRADED, connected=2)


class Reconciling:
    """The service on fakes."""

    def __init__(self, *script, pins=None, flags=None):
        self.clock = FakeClock()
        self.pins = pins or InMemoryPins(a_pin(1, incident="INC-1"))
        self.flags = flags or InMemoryFlags(clock=self.clock)
        self.instances = ScriptedInstances(self.clock, *script)
        self.journal = RecordingJournal()
        self.service = ReconcileService(
            pinning=Pinning(pins=self.pins, instances=self.instances, clock=self.clock),
            switch=SwitchService(reader=self.flags, writer=self.flags, instances=self.instances, clock=self.clock),
            reader=self.flags,
            clock=self.clock,
            operator="noor@ops-2",
            journal=self.journal,
        )

    def prepare(self, **options):
        return self.service.prepare(ReconcileRequest(ref=REF, timeout_s=2.0, **options))

    def apply(self, **options):
        return self.service.apply(self.prepare(**options))

    @property
    def is_on(self):
        return self.flags.flags[REF.key].targeting[REF.environment].on


def test_the_provider_is_killed_with_the_reason_and_the_incident_and_the_pin_released():
    reconciling = Reconciling([PINNED], [PINNED_AT_8], [RELEASED_AT_8])

    done = reconciling.apply()

    assert reconciling.flags.writes == [(REF, False, "break-glass by sandy@ops-1: checkout p99 above 2 s (INC-1)")]
    assert (done.switch.outcome, done.release.outcome) == (Outcome.CONFIRMED, Outcome.CONFIRMED)
    assert (done.release.pin.number, done.release.pin.is_set, done.release.pin.by) == (2, False, "noor@ops-2")
    assert reconciling.pins.newest(REF) == done.release.pin
    assert exit_code_of_reconciliation(done) == 0


def test_a_provider_that_has_it_off_already_is_not_written_again():
    flags = InMemoryFlags(a_flag().killed().at_version(8).build())
    reconciling = Reconciling([PINNED_AT_8], [RELEASED_AT_8], flags=flags)

    done = reconciling.apply()

    assert (flags.writes, done.release.outcome) == ([], Outcome.CONFIRMED)


def test_nothing_pinned_is_nothing_to_do():
    reconciling = Reconciling([a_sighting()], pins=InMemoryPins(a_release(4)))

    done = reconciling.apply()

    assert (done.pin, done.switch, done.release, exit_code_of_reconciliation(done)) == (None, None, None, 0)
    assert (reconciling.flags.writes, reconciling.instances.told, reconciling.journal.entries) == ([], [], [])


def test_an_instance_that_does_not_follow_keeps_the_pin_in_force():
    reconciling = Reconciling([PINNED])

    done = reconciling.apply()

    assert (done.switch.outcome, done.release) == (Outcome.PENDING, None)
    assert reconciling.pins.newest(REF).is_set
    assert exit_code_of_reconciliation(done) == 3


def test_browsers_that_sleep_do_not_keep_it_in_force():
    sleepy = a_pinned_sighting(pin=a_pin(1), version=8, connected=2, confirmed=1)
    reconciling = Reconciling([sleepy])

    done = reconciling.apply()

    assert done.switch.outcome is Outcome.PENDING
    assert done.release is not None


@pytest.mark.parametrize("discard", [False, True])
def test_the_record_has_one_entry(discard):
    reconciling = Reconciling([PINNED], [PINNED_AT_8], [RELEASED_AT_8])

    reconciling.apply(discard=discard)

    ((accepted, ended),) = reconciling.journal.entries
    assert (accepted.command, accepted.incident) == ("discard" if discard else "reconcile", "INC-1")
    assert ended.message == "release 2"


def test_a_provider_that_is_down_leaves_the_pin_and_says_so():
    reconciling = Reconciling([PINNED])
    reconciling.flags.fail_reads(UNREACHABLE)

    with pytest.raises(OpsError) as caught:
        reconciling.apply()

    assert caught.value.code is ErrorCode.UNREACHABLE
    assert "the pin stays in force" in caught.value.message
    assert "opsctl reconcile" in caught.value.hint
    assert reconciling.pins.newest(REF).is_set


def test_a_provider_that_refuses_the_write_leaves_the_pin():
    reconciling = Reconciling([PINNED])
    reconciling.flags.fail_writes(OpsError(ErrorCode.APPROVAL_REQUIRED, "wants an approval first"))

    with pytest.raises(OpsError) as caught:
        reconciling.apply()

    assert caught.value.code is ErrorCode.APPROVAL_REQUIRED
    assert caught.value.hint == (
        f"have it approved: opsctl kill {KEY} --env test --request-approval; "
        f"then again: opsctl reconcile {KEY} --env test"
    )
    assert "the pin stays in force" in caught.value.message
    assert reconciling.pins.newest(REF).is_set


def test_ctrl_c_between_the_write_and_the_release_says_that_the_pin_stays():
    reconciling = Reconciling([PINNED], [PINNED_AT_8])
    observe = reconciling.instances.observe

    def observe_once():
        if reconciling.instances.observed:
            raise KeyboardInterrupt
        return observe()

    reconciling.instances.observe = observe_once

    with pytest.raises(OpsError) as caught:
        reconciling.apply()

    assert caught.value.code is ErrorCode.INTERRUPTED
    assert caught.value.message == "interrupted; the provider has it; the pin stays in force"
    assert reconciling.pins.newest(REF).is_set
    assert not reconciling.is_on


def test_a_pin_that_is_discarded_is_released_without_writing():
    reconciling = Reconciling([PINNED], [a_released_sighting(number=2, version=7, mode=Mode.FULL, connected=2)])

    done = reconciling.apply(discard=True)

    assert reconciling.flags.writes == []
    assert (done.discarded.mode, done.discarded.version, done.discarded.serves) == (Mode.FULL, 7, "Enabled (true)")
    assert (done.release.outcome, exit_code_of_reconciliation(done)) == (Outcome.CONFIRMED, 0)
    assert not reconciling.pins.newest(REF).is_set


def test_a_pin_that_is_discarded_with_the_provider_down_releases_to_whatever_instances_know():
    reconciling = Reconciling([PINNED], [a_released_sighting(number=2, mode=Mode.FULL)])
    reconciling.flags.fail_reads(UNREACHABLE)

    done = reconciling.apply(discard=True)

    assert done.discarded.error is UNREACHABLE
    assert done.release.outcome is Outcome.CONFIRMED


def test_an_instance_that_stays_pinned_is_named():
    reconciling = Reconciling([PINNED])

    done = reconciling.apply(discard=True)

    assert done.release.outcome is Outcome.PENDING
    assert "worker-0" in done.release.propagation.stragglers[0]
    assert exit_code_of_reconciliation(done) == 3


def test_a_release_that_somebody_missed_is_made_again_without_writing():
    reconciling = Reconciling(
        [PINNED], [a_released_sighting(number=3, mode=Mode.FULL)], pins=InMemoryPins(a_release(2))
    )

    done = reconciling.apply()

    assert reconciling.flags.writes == []
    assert (done.release.pin.number, done.release.outcome) == (3, Outcome.CONFIRMED)


@pytest.mark.parametrize(
    ("environment", "is_on", "asked"),
    [
        ("test", True, Confirmation.NONE),
        ("production", True, Confirmation.ENVIRONMENT_KEY),
        ("production", False, Confirmation.NONE),
    ],
)
def test_discarding_asks_what_a_restore_asks_where_the_feed_becomes_full(environment, is_on, asked):
    flag = a_flag() if is_on else a_flag().killed(environment)
    ref = replace(REF, environment=environment)
    pins = InMemoryPins(a_pin(1, ref=ref))
    reconciling = Reconciling((), pins=pins, flags=InMemoryFlags(flag.build()))

    prepared = reconciling.service.prepare(ReconcileRequest(ref=ref, discard=True))

    assert prepared.confirmation is asked


def test_discarding_asks_where_nobody_knows_what_will_happen():
    reconciling = Reconciling([PINNED])
    reconciling.flags.fail_reads(UNREACHABLE)
    reconciling.flags.environments = {}

    assert reconciling.prepare(discard=True).confirmation is Confirmation.ENVIRONMENT_KEY


def test_a_dry_run_changes_nothing():
    reconciling = Reconciling([PINNED])

    done = reconciling.service.preview(reconciling.prepare())

    assert (done.is_planned, done.switch.outcome, done.release) == (True, Outcome.PLANNED, None)
    assert (reconciling.flags.writes, reconciling.instances.told, reconciling.journal.entries) == ([], [], [])
    assert reconciling.is_on
