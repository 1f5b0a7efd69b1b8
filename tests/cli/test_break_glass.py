"""Transcripts of `kill --break-glass`, of `reconcile`, and of what a pin means for the other commands."""

import json
from dataclasses import replace

import pytest
from builders import KEY, REF, a_flag, a_sighting
from support.pins import a_pin, a_pinned_sighting, a_release, a_released_sighting

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.exit_codes import EXIT_CODES
from opsctl.core.modes import Mode
from opsctl.core.propagation import Sighting
from opsctl.core.scheduling import ScheduledChange

WHY = ("--reason", "checkout p99 above 2 s", "--incident", "INC-4312")
DOWN = OpsError(ErrorCode.UNREACHABLE, "LaunchDarkly cannot be reached", hint="check the network")
PINNED = a_pinned_sighting(pin=a_pin(1), connected=2, latencies=(80, 90))


@pytest.fixture
def pinned(wired):
    """A feed that is pinned, with the provider having the flag on at version 7."""
    wired.pins.pins.append(a_pin(1, incident="INC-4312"))
    wired.script([PINNED])
    return wired


def test_break_glass_reads_as_it_should(opsctl, wired, golden):
    wired.script(
        [a_sighting("worker-0", connected=2), Sighting("worker-1")],
        [a_pinned_sighting("worker-0", connected=2, latencies=(80, 90)), Sighting("worker-1")],
    )

    golden("break_glass", opsctl("kill", "--break-glass", *WHY, "--yes", "--timeout", "1s", expect=3, width=80).out)


def test_break_glass_that_everyone_confirmed_exits_8_and_asks_the_provider_nothing(opsctl, wired):
    wired.flags_at_provider.fail_reads(DOWN, DOWN, DOWN)
    wired.script([a_sighting(connected=2)], [PINNED])

    result = opsctl("kill", "--break-glass", *WHY, "--yes", expect=8)

    assert "instances    1/1   63 ms" in result.out
    assert result.last_line == (
        "degraded by break-glass for everyone connected, whatever the provider says."
        f"  afterwards: opsctl reconcile {KEY}"
    )
    assert wired.flags_at_provider.writes == []


def test_break_glass_in_json_has_the_pin_and_what_was_seen(opsctl, wired):
    wired.script([a_sighting(connected=2)], [PINNED])

    report = opsctl("kill", "--break-glass", *WHY, "--yes", "--json", expect=8).json

    assert (report["command"], report["changed"], report["outcome"]) == ("break-glass", True, "confirmed")
    assert report["pin"] == {
        "number": 1, "is_set": True, "by": "sandy@ops-1", "at_ms": 1_790_000_000_000,
        "reason": "checkout p99 above 2 s", "incident": "INC-4312",
    }  # fmt: skip
    assert (report["instances"]["confirmed"], report["browsers"]["confirmed"]) == (1, 2)
    assert report["undo"] == f"opsctl reconcile {KEY}"


def test_break_glass_leaves_a_receipt_where_one_is_asked_for(opsctl, wired, tmp_path):
    wired.script([a_sighting(connected=2)], [PINNED])

    opsctl("kill", "--break-glass", *WHY, "--yes", "--receipt", str(tmp_path / "glass.json"), expect=8)

    receipt = json.loads((tmp_path / "glass.json").read_text())
    assert (receipt["command"], receipt["outcome"], receipt["exit_code"]) == ("break-glass", "confirmed", 8)
    assert (receipt["incident"], receipt["reason"]) == ("INC-4312", "checkout p99 above 2 s")
    assert receipt["followers"][0]["epoch"] == [7, 1]
    assert receipt["confirmed_at"] is not None


def test_a_receipt_that_cannot_be_written_is_found_out_before_anything_is_pinned(opsctl, wired, tmp_path):
    opsctl("kill", "--break-glass", *WHY, "--yes", "--receipt", str(tmp_path / "no" / "glass.json"), expect=2)

    assert wired.pins.pins == []


def test_break_glass_counts_the_share_of_the_browsers_that_is_asked_for(opsctl, wired):
    wired.script([a_sighting(connected=4)], [a_pinned_sighting(pin=a_pin(1), connected=4, confirmed=3)])

    out = opsctl("kill", "--break-glass", *WHY, "--yes", "--browsers", "75%", expect=8).out

    assert "browsers     3/4" in out
    assert "75 % of the browsers confirmed, as asked: --browsers 75%" in " ".join(out.split())


def test_break_glass_without_a_reason_is_refused(opsctl, wired):
    result = opsctl("kill", "--break-glass", "--yes", expect=2)

    assert '--break-glass --reason "…"' in result.err
    assert wired.pins.pins == []


def test_break_glass_without_a_terminal_and_without_yes_is_refused(opsctl, wired):
    result = opsctl("kill", "--break-glass", *WHY, expect=2)

    assert "break-glass in test has to be confirmed" in result.err
    assert "--yes" in result.err
    assert wired.pins.pins == []


@pytest.mark.parametrize(("answer", "exit_code", "pins"), [("y", 8, 1), ("", 2, 0)])
def test_break_glass_asks_a_person_once(opsctl, wired, answer, exit_code, pins):
    wired.script([a_sighting()], [PINNED])

    result = opsctl("kill", "--break-glass", *WHY, answers=[answer], expect=exit_code)

    assert f"pin {KEY} in test to degraded, whatever the provider says? [y/N]" in result.err
    assert len(wired.pins.pins) == pins


def test_break_glass_again_verifies_and_asks_nothing(opsctl, pinned):
    result = opsctl("kill", "--break-glass", *WHY, expect=8)

    assert "in force already, by sandy@ops-1, 4 min ago" in result.out
    assert len(pinned.pins.pins) == 1


def test_break_glass_with_nobody_there_says_so_and_exits_3(opsctl, wired):
    result = opsctl("kill", "--break-glass", *WHY, "--yes", expect=3)

    assert "none found on this machine" in result.out
    assert result.last_line.startswith("pinned, for instances that start; none was there to confirm.")
    assert wired.pins.newest(REF).is_set


def test_break_glass_that_could_not_be_kept_says_so(opsctl, wired):
    wired.pins.gap = (
        "not kept in /data/pin.json: no space left on device; instances that start later will not be pinned"
    )
    wired.script([a_sighting()], [PINNED])

    assert "note         not kept in" in opsctl("kill", "--break-glass", *WHY, "--yes", expect=8).out


def test_a_dry_run_of_break_glass_pins_nobody_and_shows_the_command(opsctl, wired):
    wired.script([a_sighting(connected=3)])

    result = opsctl("kill", "--break-glass", *WHY, "--dry-run")

    assert "instances    1 would be pinned" in result.out
    assert result.last_line.endswith(
        f"do it: opsctl kill {KEY} --break-glass --reason 'checkout p99 above 2 s' --incident INC-4312"
    )
    assert wired.pins.pins == []


@pytest.mark.parametrize("option", [("--for", "30m"), ("--request-approval",)])
def test_break_glass_takes_no_option_that_needs_the_provider(opsctl, wired, option):
    result = opsctl("kill", "--break-glass", *WHY, "--yes", *option, expect=2)

    assert option[0] in result.err
    assert wired.pins.pins == []


def test_break_glass_that_is_interrupted_says_that_it_is_pinned(opsctl, wired):
    wired.script([a_sighting()], KeyboardInterrupt(), [a_sighting()])

    assert opsctl("kill", "--break-glass", *WHY, "--yes", expect=130).last_line.startswith("interrupted: it is pinned")


def test_the_reason_of_a_pin_cannot_drive_the_terminal(opsctl, wired):
    wired.script([a_sighting()], [PINNED])

    result = opsctl("kill", "--break-glass", "--reason", "calm\x1b[2Jdown", "--yes", expect=8)

    assert "\x1b" not in result.out


def test_a_kill_that_cannot_reach_the_provider_names_the_break_glass_of_this_incident(opsctl, wired):
    wired.flags_at_provider.fail_reads(DOWN)

    result = opsctl("kill", *WHY, "--yes", expect=5)

    assert result.err.splitlines()[-1] == (
        f"fix:   check the network; without the provider, now: opsctl kill {KEY} --break-glass"
        " --reason 'checkout p99 above 2 s' --incident INC-4312 --yes"
    )


@pytest.mark.parametrize("code", [ErrorCode.RATE_LIMITED, ErrorCode.BAD_CREDENTIALS, ErrorCode.FORBIDDEN])
def test_a_kill_that_the_provider_does_not_take_on_names_it_too(opsctl, wired, code):
    wired.flags_at_provider.fail_writes(OpsError(code, "no"))

    assert "--break-glass" in opsctl("kill", "--yes", expect=EXIT_CODES[code]).err


def test_a_kill_of_a_flag_that_is_not_there_offers_no_break_glass(opsctl):
    assert "--break-glass" not in opsctl("kill", "nope", "--yes", expect=1).err


def test_a_restore_that_cannot_reach_the_provider_offers_no_break_glass(opsctl, wired):
    wired.flags_at_provider.fail_reads(DOWN)

    assert "--break-glass" not in opsctl("restore", "--yes", expect=5).err


def test_a_restore_while_a_pin_is_in_force_writes_nothing_and_exits_8(opsctl, pinned):
    pinned.flags_at_provider.flags[KEY] = a_flag().killed().build()

    result = opsctl("restore", "--yes", expect=8)

    assert 'pinned to degraded by break-glass of sandy@ops-1 ("checkout p99 above 2 s, INC-4312")' in result.err
    assert f"opsctl reconcile {KEY} --env test" in result.err
    assert "--discard" in result.err
    assert pinned.flags_at_provider.writes == []


def test_a_restore_is_stopped_also_by_a_pin_that_only_an_instance_knows(opsctl, wired):
    wired.script([PINNED])

    opsctl("restore", "--yes", expect=8)


def test_a_kill_while_a_pin_is_in_force_writes_and_says_so(opsctl, pinned):
    pinned.script([PINNED], [a_pinned_sighting(pin=a_pin(1), version=8, connected=2)])

    result = opsctl("kill", "--yes")

    assert len(pinned.flags_at_provider.writes) == 1
    assert "note         break-glass of sandy@ops-1" in result.out
    assert "is still in force" in result.out


def test_reconcile_reads_as_it_should(opsctl, pinned, golden):
    pinned.script(
        [PINNED],
        [a_pinned_sighting(pin=a_pin(1), version=8, connected=2, latencies=(70, 75))],
        [a_released_sighting(number=2, version=8, mode=Mode.DEGRADED, connected=2, latencies=(71, 77))],
    )

    golden("reconcile", opsctl("reconcile", "--yes", width=80).out)


def test_reconcile_in_json_has_the_kill_and_the_release(opsctl, pinned):
    pinned.script(
        [PINNED],
        [a_pinned_sighting(pin=a_pin(1), version=8)],
        [a_released_sighting(number=2, version=8, mode=Mode.DEGRADED)],
    )

    report = opsctl("reconcile", "--yes", "--json").json

    assert (report["command"], report["dry_run"], report["pin"]["number"]) == ("reconcile", False, 1)
    assert report["kill"]["outcome"] == "confirmed"
    assert (report["released"]["outcome"], report["released"]["pin"]["is_set"]) == ("confirmed", False)
    assert report["discarded"] is None


def test_reconcile_withdraws_what_an_earlier_timed_kill_scheduled(opsctl, pinned):
    pinned.schedules.changes = [ScheduledChange("a", 2, 1, ("turnFlagOn",), is_ours=True)]
    pinned.script(
        [PINNED],
        [a_pinned_sighting(pin=a_pin(1), version=8)],
        [a_released_sighting(number=2, version=8, mode=Mode.DEGRADED)],
    )

    assert "was withdrawn" in opsctl("reconcile", "--yes").out
    assert pinned.schedules.changes == []


def test_reconcile_with_nothing_pinned_says_so_and_exits_0(opsctl, wired):
    wired.pins.pins.append(a_release(4))
    wired.script([a_sighting()])

    assert opsctl("reconcile").last_line.startswith("no break-glass is in force.")


def test_reconcile_with_nothing_pinned_in_json(opsctl, wired):
    assert opsctl("reconcile", "--json").json["pin"] is None


def test_reconcile_without_a_terminal_and_without_yes_is_refused(opsctl, pinned):
    assert "kill in test has to be confirmed" in opsctl("reconcile", expect=2).err
    assert pinned.pins.newest(REF).is_set


def test_reconcile_with_the_provider_down_leaves_the_pin_and_exits_5(opsctl, pinned):
    pinned.flags_at_provider.fail_reads(DOWN)

    result = opsctl("reconcile", "--yes", expect=5)

    assert "the pin stays in force" in result.err
    assert pinned.pins.newest(REF).is_set


def test_reconcile_that_not_every_instance_follows_leaves_the_pin_and_exits_3(opsctl, pinned):
    result = opsctl("reconcile", "--yes", "--timeout", "1s", expect=3)

    assert result.last_line.startswith("off at the provider, but not every instance follows: the pin stays in force.")
    assert pinned.pins.newest(REF).is_set


def test_reconcile_does_not_go_without_waiting(opsctl, pinned):
    assert "--no-wait" in opsctl("reconcile", "--yes", "--no-wait", expect=2).err


def test_a_dry_run_of_reconcile_changes_nothing(opsctl, pinned):
    result = opsctl("reconcile", "--dry-run")

    assert result.last_line == f"dry run: nothing was written or released.  do it: opsctl reconcile {KEY}"
    assert pinned.pins.newest(REF).is_set
    assert pinned.flags_at_provider.writes == []


def test_discarding_says_aloud_what_happens_and_exits_0(opsctl, pinned):
    pinned.script([PINNED], [a_released_sighting(number=2, connected=2)])

    result = opsctl("reconcile", "--discard", "--yes")

    assert "provider     version 7   serves Enabled (true)" in result.out
    assert "without the pin avatars and recommendations come back at once, for everyone" in result.out
    assert result.last_line == (f"full: released; the provider decides again, and has it on.  kill: opsctl kill {KEY}")
    assert pinned.flags_at_provider.writes == []


def test_discarding_in_json(opsctl, pinned):
    pinned.script([PINNED], [a_released_sighting(number=2, connected=2)])

    report = opsctl("reconcile", "--discard", "--yes", "--json").json

    assert report["discarded"] == {"serves": "Enabled (true)", "mode": "full", "version": 7, "error": None}
    assert (report["kill"], report["released"]["outcome"]) == (None, "confirmed")


@pytest.mark.parametrize(("answer", "exit_code", "is_set"), [("production", 3, False), ("y", 2, True)])
def test_discarding_in_a_critical_environment_asks_for_its_key_and_tells_before(
    opsctl, wired, answer, exit_code, is_set
):

    ref = replace(REF, environment="production")
    wired.pins.pins.append(a_pin(1, ref=ref))

    result = opsctl("reconcile", "--discard", "--env", "production", answers=[answer], expect=exit_code)

    assert "avatars and recommendations come back at once" in result.err
    assert f"release the pin of {KEY} in production: type the environment key:" in result.err
    assert wired.pins.newest(ref).is_set is is_set


def test_discarding_with_the_provider_down_says_what_is_not_known(opsctl, pinned):
    pinned.flags_at_provider.fail_reads(DOWN)
    pinned.script([PINNED], [a_released_sighting(number=2, connected=2)])

    result = opsctl("reconcile", "--discard", "--yes")

    assert "not known: LaunchDarkly cannot be reached" in result.out
    assert result.last_line.startswith("released: each instance goes by its own flag data.")
