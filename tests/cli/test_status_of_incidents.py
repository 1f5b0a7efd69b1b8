"""Transcripts of `status` while something is in force or under way besides the flag itself."""

import pytest
from builders import KEY, REF, a_flag, a_sighting
from support.pins import a_pin, a_pinned_sighting

from opsctl.core.approving import ApprovalRequest
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.instances import Hold
from opsctl.core.modes import Mode
from opsctl.core.ramp import Ramp
from opsctl.core.rollouts import DefaultRule
from opsctl.core.scheduling import ScheduledChange

NOW_MS = 1_790_000_000_000
DOWN = OpsError(ErrorCode.UNREACHABLE, "LaunchDarkly cannot be reached", hint="check the network")
RULE = DefaultRule.from_wire({"variation": 0})


def a_ramp(percent=25.0):
    return Ramp(
        ref=REF, original=RULE, written=RULE, steps=(5.0, 25.0, 50.0, 100.0), at_s=NOW_MS / 1000 - 240,
        percent=percent, reason="fine again", incident="INC-1",
    )  # fmt: skip


def test_an_incident_reads_as_it_should(opsctl, wired, golden, in_utc):
    wired.pins.pins.append(a_pin(3, incident="INC-4312"))
    wired.schedules.changes = [ScheduledChange("s1", NOW_MS + 1_800_000, NOW_MS, ("turnFlagOn",), is_ours=True)]
    wired.approvals.requests = (ApprovalRequest("a1", NOW_MS, ("turnFlagOff",), description="Kill it"),)
    wired.kept_ramps.write(a_ramp())
    wired.script(
        [
            a_pinned_sighting("worker-0", pin=a_pin(3), connected=4906, is_deaf=True, age_s=4.0),
            a_sighting("worker-1", connected=12),
        ]
    )

    golden("status_incident", opsctl("status", width=80).out)


def test_a_pin_is_shown_and_reconcile_is_proposed(opsctl, wired):
    wired.pins.pins.append(a_pin(1))
    wired.script([a_pinned_sighting(connected=2)])

    result = opsctl("status")

    assert 'pinned       pin 1   by sandy@ops-1, 4 min ago   "checkout p99 above 2 s"' in result.out
    assert "instances    1/1 go by the pin" in result.out
    assert result.last_line == (
        f"degraded by break-glass; the provider still has it on.  reconcile: opsctl reconcile {KEY}"
    )


def test_a_pin_over_a_flag_that_is_off_says_so(opsctl, wired):
    wired.flags_at_provider.flags[KEY] = a_flag().killed().build()
    wired.pins.pins.append(a_pin(1))
    wired.script([a_pinned_sighting()])

    assert opsctl("status").last_line.startswith("degraded by break-glass; the provider has it off, too.")


def test_a_pin_that_not_every_instance_goes_by_says_so(opsctl, wired):
    wired.pins.pins.append(a_pin(1))
    wired.script([a_sighting()])

    assert opsctl("status").last_line.startswith("break-glass is in force, but not everyone follows;")


def test_a_pin_is_shown_also_while_the_provider_is_down(opsctl, wired):
    wired.flags_at_provider.fail_reads(DOWN)
    wired.pins.pins.append(a_pin(1))
    wired.script([a_pinned_sighting(connected=2)])

    result = opsctl("status", expect=5)

    assert "LaunchDarkly cannot be reached" in result.out
    assert result.last_line.startswith("degraded by break-glass; the provider does not answer.")


def test_a_pin_that_only_an_instance_knows_is_shown(opsctl, wired):
    wired.pins.unreadable = OpsError(ErrorCode.FAILED, "cannot be read")
    wired.script([a_pinned_sighting()])

    assert "pinned       pin 1" in opsctl("status").out


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        (
            {"mode": Mode.DEGRADED, "hold": Hold.EXPECTED},
            "worker-0 was told of a kill that its data does not show yet: degraded meanwhile",
        ),
        (
            {"mode": Mode.DEGRADED, "hold": Hold.CONDITION},
            "worker-0 does not follow the restore at version 7: it does not meet the objective",
        ),
        (
            {"is_deaf": True, "age_s": 4.0},
            "worker-0 has a silent stream, and knows of version 7 another way; its data was confirmed 4 s ago",
        ),
        ({"is_deaf": True, "age_s": None}, "worker-0 has a silent stream, and knows of version 7 another way"),
    ],
)
def test_what_is_out_of_the_ordinary_with_an_instance_is_said(opsctl, wired, report, sentence):
    wired.script([a_sighting(**report)])

    assert sentence in opsctl("status").out


def test_nothing_out_of_the_ordinary_adds_nothing(opsctl, wired):
    wired.script([a_sighting()])

    out = opsctl("status").out

    assert not [word for word in ("pinned", "scheduled", "approvals", "ramp", "silent") if word in out]


def test_a_scheduled_restore_is_shown_with_its_time(opsctl, wired, in_utc):
    wired.schedules.changes = [ScheduledChange("s1", NOW_MS + 1_800_000, NOW_MS, ("turnFlagOn",))]

    assert "scheduled    14:43:20 UTC   turns it on again   (s1)" in opsctl("status").out


def test_a_schedule_that_cannot_be_read_is_said_and_one_that_a_plan_lacks_is_not(opsctl, wired):
    wired.schedules.fail_list = [OpsError(ErrorCode.UNREACHABLE, "it does not answer")]
    assert "scheduled    not known: it does not answer" in opsctl("status").out

    wired.schedules.fail_list = [OpsError(ErrorCode.FORBIDDEN, "no")]
    assert "scheduled" not in opsctl("status").out


def test_a_ramp_that_was_left_standing_is_shown_with_how_to_go_on(opsctl, wired):
    wired.kept_ramps.write(a_ramp())

    out = opsctl("status").out

    assert 'ramp         25 %   for 4 min   steps 5,25,50,100   "fine again (INC-1)"' in out
    assert f"go on        opsctl restore {KEY} --ramp 50,100" in out


def test_an_incident_in_json_has_it_all(opsctl, wired):
    wired.pins.pins.append(a_pin(3))
    wired.kept_ramps.write(a_ramp())
    wired.schedules.changes = [ScheduledChange("s1", NOW_MS + 1_800_000, NOW_MS, ("turnFlagOn",))]
    wired.approvals.error = OpsError(ErrorCode.FORBIDDEN, "no")
    wired.script(
        [a_pinned_sighting(pin=a_pin(3), is_deaf=True, avatar_rate=1.5), a_sighting("worker-1", hold=Hold.EXPECTED)]
    )

    status = opsctl("status", "--json").json

    assert (status["pin"]["number"], status["pin"]["by"]) == (3, "sandy@ops-1")
    assert (status["ramp"]["percent"], status["ramp"]["remaining"]) == (25.0, [50.0, 100.0])
    assert (status["scheduled"][0]["id"], status["approvals"]["error"]["code"]) == ("s1", "forbidden")
    first, second = status["instances"]
    assert (first["pin"], first["is_deaf"], first["avatar_rate"], first["hold"]) == (3, True, 1.5, None)
    assert (second["pin"], second["hold"]) == (None, "expected")
    assert (status["agreement"]["instances"], status["agreement"]["instances_confirmed"]) == (2, 1)


def test_what_could_not_be_asked_is_null_in_json(opsctl, wired):
    wired.flags_at_provider.fail_reads(DOWN)

    status = opsctl("status", "--json", expect=5).json

    assert (status["scheduled"], status["approvals"], status["pin"], status["ramp"]) == (None, None, None, None)
