"""A kill that somebody else's was faster than claims no write."""

import pytest
from builders import REF, a_flag, a_sighting, an_entry
from fakes import FakeClock, InMemoryFlags, RecordingJournal, ScriptedInstances

from opsctl.core.modes import Mode
from opsctl.core.switch import Change, Outcome
from opsctl.services.authorship import faster_kill
from opsctl.services.prepared import SwitchRequest
from opsctl.services.switch import SwitchService

OFF, ON = "turned off the flag", "turned on the flag"


def entry(what, at_s, comment=""):
    return an_entry(f"{at_s}", what=what, at_ms=at_s * 1000, comment=comment, who="Noor")


@pytest.mark.parametrize(
    ("newest_first", "is_superseded", "is_told"),
    [
        ([entry(OFF, 100, "hers")], False, True),
        ([entry(OFF, 100, "mine")], False, False),
        ([entry(OFF, 100, " mine ")], False, False),
        ([entry(OFF, 101, "hers"), entry(ON, 100.5), entry(OFF, 100, "mine")], False, False),
        ([entry(OFF, 90, "hers")], False, False),
        ([entry(ON, 101), entry(OFF, 100, "hers")], False, False),
        ([entry(ON, 101), entry(OFF, 100, "hers")], True, True),
        ([entry(ON, 101), entry(OFF, 100.5, "mine")], True, False),
        ([entry("updated the flag", 101), entry(OFF, 100, "hers")], False, True),
        ([], False, False),
    ],
)
def test_only_what_is_certain_counts(newest_first, is_superseded, is_told):
    found = faster_kill(newest_first, comment="mine", since_s=99, is_superseded=is_superseded)

    assert (found is not None) is is_told


def test_a_kill_that_changed_nothing_says_who_was_faster_and_claims_no_version():
    clock = FakeClock()
    flags = InMemoryFlags(a_flag().build(), clock=clock)
    journal = RecordingJournal()
    instances = ScriptedInstances(clock, [a_sighting(version=8, mode=Mode.DEGRADED)])
    service = SwitchService(reader=flags, writer=flags, instances=instances, clock=clock, audit=flags, journal=journal)
    prepared = service.prepare(SwitchRequest(ref=REF, change=Change.KILL, reason="mine"))
    flags.turn(REF, on=False, comment="hers")
    flags._turn = lambda ref, _on, _comment: flags.flags[ref.key]

    receipt = service.apply(prepared)

    assert (receipt.written_version, receipt.written_ms) == (None, None)
    assert not receipt.plan.is_needed
    assert receipt.outcome is Outcome.CONFIRMED
    assert receipt.notes == ("Sandy had turned it off a moment before",)
    assert journal.entries[0][1].written_version is None
