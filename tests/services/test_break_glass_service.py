"""Pinning the instances, and saying what was seen of it."""

import pytest
from builders import REF, a_sighting
from fakes import FakeClock, RecordingJournal, ScriptedInstances
from support.pins import InMemoryPins, a_pin, a_pinned_sighting, a_release, a_released_sighting

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.modes import Mode
from opsctl.core.propagation import Sighting
from opsctl.core.switch import Outcome
from opsctl.services.breakglass import BreakGlassRequest, BreakGlassService
from opsctl.services.pinning import Pinning


class Glass:
    """The service on fakes; each step of the script is what the instances say after the next news."""

    def __init__(self, *script, pins=None):
        self.clock = FakeClock()
        self.pins = pins or InMemoryPins()
        self.instances = ScriptedInstances(self.clock, *script)
        self.journal = RecordingJournal()
        self.noted = []
        pinning = Pinning(pins=self.pins, instances=self.instances, clock=self.clock)
        self.service = BreakGlassService(
            pinning=pinning, clock=self.clock, operator="sandy@ops-1", journal=self.journal, note=self.noted.append
        )

    def prepare(self, **options):
        request = BreakGlassRequest(ref=REF, **{"reason": "checkout p99", "incident": "INC-1", **options})
        return self.service.prepare(request)

    def apply(self, **options):
        return self.service.apply(self.prepare(**options))


def test_the_pin_is_kept_told_to_the_instances_and_confirmed_by_them():
    glass = Glass([a_sighting(connected=2)], [a_pinned_sighting(connected=2)])

    receipt = glass.apply()

    assert receipt.outcome is Outcome.CONFIRMED
    assert (receipt.pin.number, receipt.is_new, receipt.pin.by) == (1, True, "sandy@ops-1")
    assert (receipt.pin.reason, receipt.pin.incident) == ("checkout p99", "INC-1")
    assert glass.pins.pins == [receipt.pin]
    assert receipt.pin in glass.instances.told


def test_it_is_not_confirmed_by_an_instance_that_is_degraded_for_another_reason():
    glass = Glass([a_sighting(mode=Mode.DEGRADED)])

    receipt = glass.apply(timeout_s=1.0)

    assert receipt.outcome is Outcome.PENDING
    assert "does not know of pin 1" in receipt.propagation.stragglers[0]


def test_an_instance_that_does_not_answer_is_named_and_the_others_are_pinned():
    glass = Glass([a_sighting(), Sighting("worker-1")], [a_pinned_sighting(), Sighting("worker-1")])

    receipt = glass.apply(timeout_s=1.0)

    assert receipt.outcome is Outcome.PENDING
    assert receipt.propagation.stragglers == ("worker-1 does not answer",)
    assert receipt.propagation.instances_confirmed == 1


def test_without_any_instance_the_pin_is_still_kept():
    glass = Glass(())

    receipt = glass.apply()

    assert receipt.outcome is Outcome.NO_INSTANCES
    assert glass.pins.pins == [receipt.pin]


def test_a_pin_that_is_in_force_is_told_again_and_verified_and_none_is_added():
    glass = Glass([a_pinned_sighting(pin=a_pin(3))], pins=InMemoryPins(a_pin(3)))

    receipt = glass.apply()

    assert (receipt.outcome, receipt.is_new, receipt.pin) == (Outcome.CONFIRMED, False, a_pin(3))
    assert glass.pins.pins == [a_pin(3)]
    assert glass.prepare().kept == a_pin(3)


def test_a_pin_that_only_an_instance_knows_is_kept_too():
    glass = Glass([a_pinned_sighting(pin=a_pin(3))])

    receipt = glass.apply()

    assert (receipt.is_new, glass.pins.pins) == (False, [a_pin(3)])


def test_a_new_pin_comes_after_every_release_that_anybody_knows():
    glass = Glass([a_released_sighting(number=6)], pins=InMemoryPins(a_release(4)))

    assert glass.apply(timeout_s=1.0).pin.number == 7


def test_a_pin_by_nobody_is_replaced():
    glass = Glass((), pins=InMemoryPins(a_pin(1, by="", reason="the file cannot be read")))

    assert glass.apply().pin.number == 2


def test_somebody_who_is_quicker_with_the_same_number_does_not_undo_it():
    pins = InMemoryPins(a_pin(1))
    pins.before_keep = lambda: pins.pins.append(a_release(2)) if len(pins.pins) == 1 else None
    glass = Glass([a_sighting()], pins=pins)
    pins.pins[0] = a_release(1)

    receipt = glass.apply(timeout_s=1.0)

    assert (receipt.pin.number, receipt.pin.is_set) == (3, True)
    assert pins.newest(REF) == receipt.pin


def test_a_pin_that_cannot_be_kept_is_told_all_the_same_and_said_aloud():
    glass = Glass([a_sighting()], [a_pinned_sighting()], pins=InMemoryPins(gap="not kept: disk full"))

    receipt = glass.apply()

    assert receipt.outcome is Outcome.CONFIRMED
    assert receipt.notes == ("not kept: disk full",)
    assert receipt.recorded_ms is None


def test_a_pin_that_cannot_be_read_stops_nothing():
    pins = InMemoryPins(unreadable=OpsError(ErrorCode.FAILED, "cannot be read"))
    glass = Glass([a_sighting()], [a_pinned_sighting()], pins=pins)

    receipt = glass.apply()

    assert receipt.outcome is Outcome.CONFIRMED
    assert receipt.notes == ("cannot be read",)


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_without_a_reason_it_is_refused_and_nothing_is_kept(reason):
    glass = Glass([a_sighting()])

    with pytest.raises(OpsError) as caught:
        glass.apply(reason=reason)

    assert caught.value.code is ErrorCode.USAGE
    assert "--break-glass --reason" in caught.value.hint
    assert (glass.pins.pins, glass.instances.told, glass.journal.entries) == ([], [], [])


def test_without_waiting_it_is_kept_and_told_and_not_verified():
    glass = Glass([a_sighting()])

    receipt = glass.apply(wait=False)

    assert (receipt.outcome, receipt.propagation) == (Outcome.NOT_VERIFIED, None)
    assert receipt.pin in glass.instances.told
    assert not glass.instances.observed


def test_a_release_by_somebody_else_meanwhile_supersedes_it():
    glass = Glass([a_sighting()], [a_released_sighting(number=2)])

    assert glass.apply().outcome is Outcome.SUPERSEDED


def test_ctrl_c_while_waiting_leaves_it_pinned_and_says_how_far_it_is():
    glass = Glass([a_sighting()], KeyboardInterrupt(), [a_sighting()])

    receipt = glass.apply()

    assert receipt.outcome is Outcome.INTERRUPTED
    assert receipt.propagation.instances == 1
    assert glass.pins.newest(REF).is_set


def test_ctrl_c_while_it_is_kept_says_that_the_state_is_not_known():
    def interrupt():
        raise KeyboardInterrupt

    glass = Glass([a_sighting()])
    glass.pins.before_keep = interrupt

    with pytest.raises(OpsError) as caught:
        glass.apply()

    assert caught.value.code is ErrorCode.INTERRUPTED
    assert "may or may not be pinned" in caught.value.message
    assert glass.journal.entries[0][1].outcome == "interrupted"


def test_the_record_has_one_entry_with_how_it_ended():
    glass = Glass([a_sighting()], [a_pinned_sighting()])

    glass.apply()

    ((accepted, ended),) = glass.journal.entries
    assert (accepted.command, accepted.ref, accepted.reason, accepted.incident) == (
        "break-glass", REF, "checkout p99", "INC-1",
    )  # fmt: skip
    assert (ended.outcome, ended.exit_code, ended.mode, ended.message) == ("confirmed", 8, Mode.DEGRADED, "pin 1")


def test_a_record_with_a_gap_is_said_aloud():
    glass = Glass([a_sighting()], [a_pinned_sighting()])
    glass.journal = RecordingJournal(gap="the record is not complete")
    glass.service._journal = glass.journal

    assert glass.apply().notes == ("the record is not complete",)


def test_a_dry_run_keeps_and_tells_nothing():
    glass = Glass([a_sighting(connected=3)])

    receipt = glass.service.preview(glass.prepare())

    assert (receipt.outcome, receipt.pin.number, receipt.propagation.browsers) == (Outcome.PLANNED, 1, 3)
    assert (glass.pins.pins, glass.instances.told, glass.journal.entries) == ([], [], [])


def test_instances_of_other_flags_do_not_raise_the_number():
    glass = Glass([a_pinned_sighting(pin=a_pin(9), flag="another")])

    assert glass.apply(timeout_s=1.0).pin.number == 1
