"""`restore --ramp` as it reads, and as programs read it."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from builders import KEY, REF, a_flag
from fakes import InMemoryFlags
from support.ramp_bench import FollowingInstances
from support.rules import InMemoryRamps, InMemoryRules

from opsctl.core.ramp import Ramp
from opsctl.core.rollouts import DefaultRule, Uncovered

QUICK = ("--step", "10s", "--bake", "10s")
ENABLED = DefaultRule.of_variation(0)


@pytest.fixture
def ramping(wired):
    """The services on fakes, with the flag off and two instances that follow it."""
    flags = InMemoryFlags(a_flag().killed().killed("production").build(), clock=wired.clock)
    wired.flags_at_provider = flags
    wired.rules = InMemoryRules(flags)
    wired.instances = FollowingInstances(SimpleNamespace(clock=wired.clock, flags=flags), ["worker-0", "worker-1"])
    return wired


def left_at_25(ramping):
    rule = ENABLED.ramped(25, a_flag().build().variations, context_kind="device")
    ramp = Ramp(ref=REF, original=ENABLED, written=rule, steps=(25.0, 50.0, 100.0), at_s=1.0, percent=25.0)
    ramping.kept_ramps = InMemoryRamps(ramp)
    ramping.rules.change(REF, rule, on=True)


def objects(transcript):
    return [json.loads(line) for line in transcript.out.splitlines()]


def test_a_ramp_reads_step_by_step(opsctl, ramping):
    shown = opsctl("restore", "--ramp", "25,100", *QUICK, "--yes", "--reason", "fine again", "--incident", "INC-1")

    target, *steps, rule, restored, written, instances, browsers, last = shown.out.splitlines()
    assert target.startswith("target ")
    assert steps == [
        "step 1/2     25 %   version 8   instances 2/2   browsers 20/20   0 full",
        "             406 requests   0.0% failed   p99 40 ms",
        "step 2/2     100 %   version 9   instances 2/2   browsers 20/20   0 full",
        "             408 requests   0.0% failed   p99 40 ms",
    ]
    assert rule == "default rule Enabled (true), as before the ramp"
    assert restored == f'restore      {KEY}   version 7 → 10   "fine again" (INC-1)'
    assert [written[:7], instances[:9], browsers[:8]] == ["written", "instances", "browsers"]
    assert last.startswith("full: avatars and recommendations are on for everyone connected.  undo: opsctl kill")


def test_on_a_terminal_the_step_and_what_is_left_of_it_are_shown_and_replaced(opsctl, ramping):
    shown = opsctl("restore", "--ramp", "25,100", *QUICK, answers=[])

    assert "25 % (step 1 of 2)   10 s left" in shown.err
    assert "\r\033[K" in shown.err
    assert "failed   p99 40 ms" in shown.err
    assert max(len(line) for line in shown.out.splitlines()) <= 80


def test_programs_get_an_object_for_each_event_and_then_the_receipt(opsctl, ramping):
    *events, end = objects(opsctl("restore", "--ramp", "25,100", *QUICK, "--yes", "--json"))

    assert [(one["event"], one["percent"]) for one in events] == [
        ("step", 25), ("watched", 25), ("step", 100), ("watched", 100),
    ]  # fmt: skip
    assert events[1]["traffic"] == {"requests": 406, "errors": 0, "p99_ms": 40.0}
    assert (end["command"], end["outcome"], end["version"]) == (
        "restore", "confirmed", {"before": 7, "after": 10, "written": 10},
    )  # fmt: skip
    assert end["ramp"] == {
        "cause": "done",
        "why": None,
        "steps": [25, 100],
        "percent": 100,
        "original_rule": "Enabled (true)",
        "rule": "Enabled (true)",
        "is_back": True,
        "go_on": None,
    }
    assert end["kill"] is None


def test_every_field_of_a_ramp_is_documented(opsctl, ramping):
    page = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
    text = page.split("### `restore --ramp`\n")[1].split("\n## ")[0]

    planned = opsctl("restore", "--ramp", "25,100", "--dry-run", "--json").json
    event, *_, end = objects(opsctl("restore", "--ramp", "25,100", *QUICK, "--yes", "--json"))

    for field in {*event, *event["traffic"], "full", *end["ramp"], *planned["ramp"], *planned["ramp"]["uncovered"]}:
        assert f"`{field}`" in text or f'"{field}":' in text, field


def test_when_quiet_only_the_last_line_is_said(opsctl, ramping):
    shown = opsctl("restore", "--ramp", "25,100", *QUICK, "--yes", "--quiet")

    assert shown.out == f"{shown.last_line}\n"
    assert shown.err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--ramp", "25,5,100"), "--ramp: '25,5,100' does not rise\nfix:   write --ramp 5,25,50,100"),
        (("--ramp", "5,25"), "--ramp: '5,25' does not end at 100"),
        (("--ramp", "x"), "--ramp: 'x' is no percentage"),
        (("--ramp", "100", "--step", "soon"), "--step: 'soon' is not a duration"),
        (("--ramp", "100", "--bake", "25h"), "--bake: '25h' is not from 100ms to 24h\nfix:   write --bake 120s"),
        (("--ramp", "100", "--no-wait"), "--ramp cannot go with --no-wait"),
        (("--ramp", "100", "--request-approval"), "--ramp cannot go with --request-approval"),
        (("--ramp", "100", "--max-error-rate", "2"), "--max-error-rate: '2' is no share"),
        (("--ramp", "100", "--context-kind", "a kind"), "--context-kind: 'a kind' is no kind of context"),
        (("--ramp", "100", "--context-kind", "multi"), "--context-kind: 'multi' is no kind of context"),
        (("--step", "5s"), "--step needs --ramp"),
        (("--bake", "5s"), "--bake needs --ramp"),
        (("--context-kind", "user"), "--context-kind needs --ramp"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error_and_nothing_is_written(opsctl, ramping, arguments, message):
    refused = opsctl("restore", *arguments, "--yes", expect=2)

    assert refused.err.startswith(f"error: {message}")
    assert (ramping.rules.writes, ramping.flags_at_provider.writes) == ([], [])


def test_in_a_critical_environment_its_key_is_typed_first(opsctl, ramping):
    ramping.instances.environment = "production"

    refused = opsctl("restore", "--env", "production", "--ramp", "25,100", answers=["yes"], expect=2)

    assert "type the environment key:" in refused.err
    assert ramping.rules.writes == []


def test_without_a_terminal_and_without_yes_it_is_refused(opsctl, ramping):
    refused = opsctl("restore", "--ramp", "25,100", expect=2)

    assert "there is no terminal to ask on" in refused.err
    assert ramping.rules.writes == []


def test_a_dry_run_shows_each_step_and_changes_nothing(opsctl, ramping):
    ramping.rules.uncovered = Uncovered(targets=2, rules=1)

    shown = opsctl("restore", "--ramp", "25,100", *QUICK, "--dry-run", "--reason", "fine")
    data = opsctl("restore", "--ramp", "25,100", *QUICK, "--dry-run", "--json").json

    assert "step 1/2     75 % Disabled, 25 % Enabled by device for 10 s   and turn targeting on" in shown.out
    assert "not covered  2 individual targets, 1 rule: those decide before the default rule, and at once" in shown.out
    assert shown.last_line.endswith(f"do it: opsctl restore {KEY} --ramp 25,100 --step 10s --bake 10s --reason fine")
    assert (data["outcome"], data["ramp"]["uncovered"]) == (
        "planned", {"targets": 2, "rules": 1, "prerequisites": 0},
    )  # fmt: skip
    assert (ramping.rules.writes, ramping.kept_ramps.kept) == ([], {})


def test_who_is_not_covered_is_said_before_the_first_step(opsctl, ramping):
    ramping.rules.uncovered = Uncovered(targets=1)

    shown = opsctl("restore", "--ramp", "25,100", *QUICK, "--yes")

    assert shown.out.splitlines()[1].startswith("not covered  1 individual target:")


def test_a_kill_by_somebody_else_ends_it_with_7_and_says_who(opsctl, ramping):
    ramping.instances.at = [(15, lambda: ramping.flags_at_provider.turn(REF, on=False, comment="checkout again"))]

    shown = opsctl("restore", "--ramp", "25,50,100", *QUICK, "--yes", expect=7)

    assert 'stopped      at 50 %: Sandy ("checkout again") turned it off' in shown.out
    assert "default rule Enabled (true), as before the ramp" in shown.out
    assert shown.last_line == f"superseded: it is off, version 11.  see: opsctl status {KEY}"


def test_a_breach_ends_it_with_9_and_shows_the_kill(opsctl, ramping):
    ramping.instances.at = [(15, lambda: ramping.instances.slow.add("worker-1"))]

    shown = opsctl("restore", "--ramp", "25,50,100", *QUICK, "--yes", expect=9)

    assert "breach       at 50 %: worker-1: p99 is 3000 ms; at most 2000 ms are allowed" in shown.out
    assert 'version 9 → 10   "restore ramp at 50 %: worker-1: p99 is 3000 ms' in shown.out
    assert shown.last_line.startswith("degraded: avatars and recommendations are off for everyone connected.")


def test_interrupted_it_says_where_it_stands_how_to_go_on_and_how_to_stop(opsctl, ramping):
    ramping.instances.at = [(15, KeyboardInterrupt())]

    shown = opsctl("restore", "--ramp", "25,50,100", *QUICK, "--yes", "--reason", "fine again", expect=130)

    lines = shown.out.splitlines()
    (stands,) = [line for line in lines if line.startswith("stands")]
    assert stands.startswith("stands       50 % since ")
    assert f"go on        opsctl restore {KEY} --ramp 100 --step 10s --bake 10s --reason 'fine again'" in lines
    assert f"all at once  opsctl restore {KEY}" in lines
    assert shown.last_line == f"interrupted: 50 % are restored.  stop: opsctl kill {KEY}"
    assert ramping.kept_ramps.kept[REF].percent == 50


def test_interrupted_while_the_rule_is_put_back_it_claims_nothing_to_be_restored(opsctl, ramping):
    ramping.instances.at = [(15, lambda: ramping.flags_at_provider.turn(REF, on=False, comment=""))]
    ramping.rules.before_put = [None, None, KeyboardInterrupt()]

    shown = opsctl("restore", "--ramp", "25,50,100", *QUICK, "--yes", expect=130)

    assert shown.last_line == (
        f"interrupted: it is off, and the default rule is not back.  put it back: opsctl kill {KEY}"
    )


def test_holding_and_going_on_are_told_beside_the_result(opsctl, ramping):
    ramping.instances.at = [
        (5, lambda: ramping.instances.gone.add("worker-1")),
        (30, ramping.instances.gone.clear),
    ]

    shown = opsctl("restore", "--ramp", "25,100", *QUICK, "--yes")

    assert "the restore holds at 25 %: worker-1 does not answer" in shown.err
    assert "every instance follows again: the restore goes on from 25 %" in shown.err


def test_a_plain_restore_finishes_what_was_left_standing(opsctl, ramping):
    left_at_25(ramping)

    shown = opsctl("restore", "--yes")

    assert "finishes a restore that stood at 25 %; the default rule before was Enabled (true)" in shown.out
    assert [rule for rule, _, _ in ramping.rules.writes] == [{"variation": 0}]
    assert ramping.kept_ramps.kept == {}


def test_a_kill_puts_back_the_rule_of_what_was_left_standing(opsctl, ramping):
    left_at_25(ramping)

    shown = opsctl("kill", "--yes")

    assert "a restore in steps stood at 25 %: the default rule is Enabled (true) again" in shown.out
    assert (ramping.rules.rule, ramping.kept_ramps.kept) == (ENABLED, {})
    assert shown.last_line.startswith("degraded:")


def test_a_flag_that_is_on_is_verified_as_by_a_plain_restore(opsctl, ramping):
    ramping.flags_at_provider.set(REF, on=True)

    shown = opsctl("restore", "--ramp", "25,100", "--yes")

    assert "on already: nothing to write" in shown.out
    assert ramping.rules.writes == []


def test_the_receipt_is_kept_of_a_ramp_too(opsctl, ramping, tmp_path):
    kept = tmp_path / "receipt.json"

    opsctl("restore", "--ramp", "25,100", *QUICK, "--yes", "--receipt", str(kept), "--incident", "INC-1")

    receipt = json.loads(kept.read_text())
    assert (receipt["command"], receipt["outcome"], receipt["incident"]) == ("restore", "confirmed", "INC-1")
