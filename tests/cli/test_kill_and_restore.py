"""Transcripts of `kill` and `restore`."""

import pytest
from builders import KEY, REF, a_flag, a_sighting

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import Environment
from opsctl.core.modes import Mode
from opsctl.core.propagation import Sighting

FULL = a_sighting(version=7, mode=Mode.FULL, connected=3, avatar_calls=12)
DEGRADED = a_sighting(version=8, mode=Mode.DEGRADED, connected=3, latencies=[80, 90, 95], seen_ms=63)
ONE_MISSING = a_sighting(
    version=8, mode=Mode.DEGRADED, connected=3, confirmed=2, latencies=[80, 90], seen_ms=63, waiting=["browser 3f9a"]
)


def is_on(wired, environment="test"):
    return wired.flags_at_provider.flags[KEY].targeting[environment].on


def test_a_confirmed_kill_reads_as_documented(opsctl, wired, golden):
    wired.script([FULL], [DEGRADED])

    result = opsctl("kill", "--yes", "--reason", "checkout p99 above 2 s", "--incident", "INC-4312", width=80)

    golden("kill_confirmed", result.out)
    assert result.err == ""
    assert not is_on(wired)


def test_a_kill_with_stragglers_names_them_and_exits_3(opsctl, wired, golden):
    wired.script([ONE_MISSING, Sighting("worker-1")])

    golden("kill_pending", opsctl("kill", "--yes", "--timeout", "2s", expect=3, width=80).out)


def test_a_restore_reads_as_documented(opsctl, wired, golden):
    wired.flags_at_provider.set(REF, on=False)
    wired.script([DEGRADED], [a_sighting(version=9, mode=Mode.FULL, connected=3, latencies=[120] * 3, seen_ms=70)])

    golden("restore_confirmed", opsctl("restore", "--yes", width=80).out)


def test_a_dry_run_shows_the_plan_and_writes_nothing(opsctl, wired, golden):
    wired.script([FULL])

    golden("kill_dry_run", opsctl("kill", "--dry-run", "--reason", "spike", width=80).out)
    assert is_on(wired)


def test_a_dry_run_ends_with_the_whole_command_that_does_it(opsctl):
    result = opsctl("kill", "--env", "production", "--dry-run", "--reason", "p99 above 2 s", "--incident", "INC-1")

    command = f"opsctl kill {KEY} --reason 'p99 above 2 s' --incident INC-1 --env production"
    assert result.last_line.endswith(f"do it: {command}")


def test_a_long_reason_is_folded_to_the_terminal(opsctl, wired):
    wired.script([FULL], [DEGRADED])

    out = opsctl("kill", "--yes", "--reason", "the payment provider is slow and carts time out " * 3, width=80).out

    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_a_reason_without_a_change_is_said_to_be_in_the_local_log_alone(opsctl, wired, options):
    wired.flags_at_provider.set(REF, on=False)

    result = opsctl("kill", "--reason", "second", "--incident", "INC-2", *options)

    said = 'reason       "second" (INC-2)   for opsctl\'s audit log alone: there is no change for it'
    assert said in result.out.splitlines()
    assert 'nothing to write   "second"' not in result.out


def test_a_dry_run_needs_no_confirmation(opsctl):
    opsctl("kill", "--env", "production", "--dry-run")


def test_a_kill_that_is_already_done_verifies_and_says_so(opsctl, wired, golden):
    wired.flags_at_provider.set(REF, on=False)
    wired.script([a_sighting(version=8, mode=Mode.DEGRADED, connected=3)])

    golden("kill_already", opsctl("kill", width=80).out)
    assert wired.flags_at_provider.writes == []


def test_without_waiting_it_says_that_nothing_was_verified(opsctl, wired):
    result = opsctl("kill", "--yes", "--no-wait")

    assert "off: written, nothing verified." in result.last_line
    assert wired.instances.observed == 0


def test_a_kill_that_nobody_was_there_to_confirm_exits_3_and_claims_nothing(opsctl, wired):
    result = opsctl("kill", "--yes", expect=3)

    assert not is_on(wired)
    assert "none found on this machine" in result.out
    assert "degraded" not in result.out
    assert "--no-wait" in result.out
    assert result.last_line.startswith("off: written; no instance of the feed was there to confirm.")


def test_where_nothing_was_to_be_written_nobody_has_to_confirm_and_nothing_is_claimed(opsctl, wired):
    wired.flags_at_provider.set(REF, on=False)

    result = opsctl("kill", "--yes")

    assert "degraded" not in result.out
    assert result.last_line.startswith("off: nothing written; no instance of the feed was there to confirm.")


def test_an_instance_that_is_missing_is_waited_for_and_named(opsctl, wired):
    wired.script([Sighting("worker-0", is_gone=True)])

    result = opsctl("kill", "--yes", "--timeout", "1s", expect=3)

    assert "worker-0 is not there, although opsctl serve is running" in result.out


def test_instances_of_another_environment_are_not_called_none(opsctl, wired):
    wired.script([a_sighting(environment="production")])

    result = opsctl("kill", "--yes", expect=3)

    assert "instances    none here for test\n" in result.out
    assert "not counted  worker-0 serves another environment: production\n" in result.out


def test_the_undo_command_repeats_the_target(opsctl):
    result = opsctl("kill", "--env", "production", "--project", "default", "--yes", "--no-wait")

    assert result.last_line.endswith(f"undo: opsctl restore {KEY} --project default --env production")


def test_the_undo_command_uses_the_name_that_opsctl_was_called_by(opsctl):
    result = opsctl("kill", "--yes", "--no-wait", environ={"OPSCTL_PROGRAM": "scripts/opsctl"})

    assert result.last_line.endswith(f"undo: scripts/opsctl restore {KEY}")


def test_quiet_leaves_the_last_line(opsctl, wired):
    wired.script([DEGRADED])

    result = opsctl("kill", "--yes", "--quiet", width=80)

    assert result.out.count("\n") == 1
    assert f"undo: opsctl restore {KEY}" in result.out
    assert result.out.startswith("degraded:")


def test_json_is_one_object_with_the_measured_figures(opsctl, wired):
    wired.script([FULL], [ONE_MISSING])

    result = opsctl("kill", "--yes", "--json", "--timeout", "1s", "--reason", "spike", expect=3)

    assert result.out.count("\n") == 1
    assert result.json["outcome"] == "pending"
    assert result.json["target"] == {"provider": "local flag service", "project": "default", "environment": "test"}
    assert result.json["version"] == {"before": 7, "after": 8, "written": 8}
    assert (result.json["changed"], result.json["reason"], result.json["incident"]) == (True, "spike", None)
    assert result.json["written_ms"] == pytest.approx(41)
    assert result.json["instances"] == {"total": 1, "confirmed": 1, "last_ms": pytest.approx(63)}
    assert (result.json["browsers"]["connected"], result.json["browsers"]["confirmed"]) == (3, 2)
    assert result.json["browsers"]["p50_ms"] == pytest.approx(80)
    assert result.json["stragglers"] == ["worker-0: 1 browser not confirmed: browser 3f9a"]
    assert result.json["undo"] == f"opsctl restore {KEY}"


def test_kill_without_tty_and_without_yes_is_refused(opsctl, wired):
    result = opsctl("kill", "--reason", "two words", expect=2)

    assert "no terminal to ask on" in result.err
    assert "fix:   opsctl kill --reason 'two words' --yes" in result.err
    assert is_on(wired)


def test_restore_without_tty_and_without_yes_is_refused(opsctl, wired):
    wired.flags_at_provider.set(REF, on=False)

    opsctl("restore", expect=2)

    assert not is_on(wired)


def test_on_a_terminal_an_environment_that_is_not_critical_needs_no_answer(opsctl, wired):
    result = opsctl("kill", "--no-wait", answers=[])

    assert "[y/N]" not in result.err
    assert not is_on(wired)


@pytest.mark.parametrize("answer", ["y", "Y", "yes"])
def test_a_kill_in_a_critical_environment_asks_once(opsctl, wired, answer):
    result = opsctl("kill", "--no-wait", "--env", "production", answers=[answer])

    assert result.err.count("?") == 1
    assert f"kill {KEY} in production (critical)? [y/N]" in result.err
    assert not is_on(wired, "production")


@pytest.mark.parametrize("answer", ["", "n", "production", "yes please"])
def test_any_other_answer_writes_nothing(opsctl, wired, answer):
    result = opsctl("kill", "--env", "production", answers=[answer], expect=2)

    assert "nothing was written" in result.err
    assert is_on(wired, "production")


def test_no_answer_at_all_writes_nothing(opsctl, wired):
    opsctl("kill", "--env", "production", answers=[], expect=2)

    assert is_on(wired, "production")


@pytest.mark.parametrize(("answer", "expect", "restored"), [("production", 0, True), ("y", 2, False)])
def test_a_restore_in_a_critical_environment_wants_its_key_typed(opsctl, wired, answer, expect, restored):
    wired.flags_at_provider.flags[KEY] = a_flag().killed("production").build()

    opsctl("restore", "--no-wait", "--env", "production", answers=[answer], expect=expect)

    assert is_on(wired, "production") is restored


def test_an_environment_marked_for_confirmation_asks_too(opsctl, wired):
    wired.flags_at_provider.environments["test"] = Environment("test", confirm_changes=True)

    assert "(marked for confirmation)" in opsctl("kill", "--no-wait", answers=["y"]).err


def test_json_output_never_asks(opsctl, wired):
    result = opsctl("kill", "--env", "production", "--json", answers=["y"], expect=2)

    assert '"code": "confirmation_required"' in result.err
    assert is_on(wired, "production")


def test_yes_answers_every_question(opsctl, wired):
    opsctl("kill", "--no-wait", "--env", "production", "--yes", "--json", answers=[])

    assert not is_on(wired, "production")


def test_a_required_comment_is_required(opsctl, wired):
    wired.flags_at_provider.environments["test"] = Environment("test", require_comments=True)

    assert "--reason" in opsctl("kill", "--yes", expect=2).err
    assert is_on(wired)


def test_an_unsafe_flag_is_not_killed(opsctl, wired):
    wired.flags_at_provider.flags[KEY] = a_flag().targeted(off_variation=None).build()

    assert "no off variation" in opsctl("kill", "--yes", expect=1).err


def test_a_superseded_kill_exits_7_and_says_what_to_look_at(opsctl, wired):
    wired.script([FULL])
    wired.flags_at_provider.after_write = lambda: wired.flags_at_provider.set(REF, on=True)

    result = opsctl("kill", "--yes", expect=7)

    assert "version 7 → 8" in result.out
    assert "somebody turned it on again, version 9" in result.last_line
    assert f"opsctl status {KEY}" in result.last_line


def test_ctrl_c_while_waiting_prints_the_state_and_exits_130(opsctl, wired):
    wired.script([FULL], [ONE_MISSING], KeyboardInterrupt(), [ONE_MISSING])

    result = opsctl("kill", "--yes", expect=130)

    assert "browsers     2/3" in result.out
    assert result.last_line.startswith("interrupted: it is written")


def test_the_reason_cannot_drive_the_terminal(opsctl, wired):
    result = opsctl("kill", "--yes", "--no-wait", "--reason", "calm\x1b[2J\rdown")

    assert "\x1b" not in result.out
    assert '"calm[2Jdown"' in result.out


def test_names_of_browsers_cannot_drive_the_terminal(opsctl, wired):
    wired.script([a_sighting(version=8, mode=Mode.DEGRADED, connected=1, confirmed=0, waiting=["\x1b[31mevil\x07"])])

    assert "\x1b" not in opsctl("kill", "--yes", "--timeout", "1s", expect=3).out


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [(ErrorCode.FORBIDDEN, 4), (ErrorCode.UNREACHABLE, 5), (ErrorCode.REFUSED, 6), (ErrorCode.CONFLICT, 6)],
)
def test_what_the_provider_refuses_has_its_exit_code(opsctl, wired, code, exit_code):
    wired.flags_at_provider.fail_writes(OpsError(code, "no", hint="do this"))

    result = opsctl("kill", "--yes", expect=exit_code)

    assert result.err.startswith("error: no\nfix:   do this")


def test_a_wait_for_the_provider_is_told_on_stderr(opsctl, wired):
    wired.flags_at_provider.fail_writes(OpsError(ErrorCode.RATE_LIMITED, "too many requests", retry_after_s=1.0))

    result = opsctl("kill", "--no-wait", "--yes")

    assert "too many requests; trying again in" in result.err
    assert "too many" not in result.out


def test_an_unknown_environment_is_bad_configuration(opsctl):
    result = opsctl("kill", "--env", "prod", "--yes", expect=2)

    assert (
        result.err == "error: project default has no environment prod\nfix:   use --env with one of: test, production\n"
    )


def test_a_person_sees_how_far_it_is_and_the_line_is_gone_at_the_end(opsctl, wired):
    wired.script([ONE_MISSING], [DEGRADED])

    result = opsctl("kill", answers=[])

    assert "\r\x1b[Kwaiting: instances 1/1   browsers 2/3" in result.err
    assert result.err.endswith("\r\x1b[K")
    assert "waiting" not in result.out


@pytest.mark.parametrize("option", ["--json", "--quiet"])
def test_whoever_wants_little_sees_no_progress(opsctl, wired, option):
    wired.script([ONE_MISSING], [DEGRADED])

    assert opsctl("kill", option, answers=[]).err == ""


def test_a_restore_of_a_flag_with_rules_does_not_say_that_everything_is_on(opsctl, wired):
    wired.flags_at_provider.flags[KEY] = a_flag().killed().targeted(depends_on_context=True).build()
    wired.script([a_sighting(version=8, mode=None, connected=1)])

    result = opsctl("restore", "--yes")

    assert result.last_line.startswith("restored: targeting is on, and who gets what depends on the visitor.")


def test_a_dry_run_of_what_is_done_already_says_that_there_is_nothing_to_do(opsctl):
    assert opsctl("restore", "--dry-run").last_line.startswith("dry run: on already, nothing to do.")


def test_the_whole_report_names_the_environment_that_was_meant(opsctl):
    assert opsctl("kill", "--no-wait", "--env", "production", "--yes").out.startswith(
        "target       local flag service · project default · production\n"
    )
