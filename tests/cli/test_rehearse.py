"""`opsctl rehearse`: what its options say, what it refuses, what it tells, and what it keeps."""

import json
import stat

import pytest
from builders import KEY, REF
from support.load_bench import interrupt, refusal
from support.pins import a_pin

from opsctl.core.load.rehearsing import OBJECTIVES
from opsctl.core.load.steps import ORDER
from opsctl.core.modes import Mode
from opsctl.core.switch import Change

SEEDED = ("--seed", "7", "--visitors", "30", "--sockets", "9")
HERE = "http://127.0.0.1:5000"
NAMED = ("rehearse", *SEEDED, "--target", HERE, "--failure", "none")


@pytest.fixture(autouse=True)
def plots(monkeypatch):
    """Draw none: they take seconds, and the tests of the report draw them."""
    for module in ("write", "page"):
        monkeypatch.setattr(f"opsctl.simulation.report.{module}.findings", lambda _result: ())


def test_a_whole_one_reads_as_it_should(opsctl, wired, golden, tmp_path):
    result = opsctl("rehearse", *SEEDED, width=80)

    golden("rehearse", result.out.replace(str(tmp_path), "/home/sandy"))
    golden("rehearse_steps", result.err)
    assert wired.simulated["scenario"].name == "rehearsal-slow"
    assert wired.load.feed.changes == [Change.KILL, Change.RESTORE]


def test_its_report_is_kept_in_the_data_directory_for_its_owner_alone(opsctl, wired, tmp_path):
    opsctl("rehearse", *SEEDED)

    (place,) = (tmp_path / "data" / "rehearsals").iterdir()
    assert place.name.endswith("-slow-7")
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()} == {0o600}
    assert [kept.report for kept in wired.kept_rehearsals.kept] == [str(place / "report.html")]
    assert json.loads((place / "result.json").read_text())["steps"][0]["step"] == "note the state"


def test_its_report_goes_where_it_is_asked_for(opsctl, wired, tmp_path):
    opsctl("rehearse", *SEEDED, "--report", str(tmp_path / "out"), "--junit", str(tmp_path / "run.xml"))

    assert (tmp_path / "out" / "report.html").exists()
    assert (tmp_path / "run.xml").exists()
    assert wired.kept_rehearsals.kept[0].report == str(tmp_path / "out" / "report.html")
    assert list((tmp_path / "data").glob("rehearsals/*")) == []


def test_one_on_a_throw_away_stack_is_kept_as_such(opsctl, wired):
    opsctl("rehearse", *SEEDED)

    (kept,) = wired.kept_rehearsals.kept
    assert (kept.target, kept.provider, kept.failure, kept.has_passed) == ("", "throw-away stack", "slow", True)


def test_one_of_a_feed_is_kept_with_its_switch_and_its_address(opsctl, wired):
    opsctl(*NAMED, "--yes")

    (kept,) = wired.kept_rehearsals.kept
    assert (kept.ref, kept.target, kept.failure, kept.has_passed) == (REF, HERE, "none", True)
    assert (wired.simulated["is_own_stack"], wired.simulated["scenario"].avatar_keep_s) == (False, None)


def test_an_objective_that_is_not_met_exits_with_9_and_says_that_it_failed(opsctl, wired):
    missed = "degraded.p95<1ms"

    result = opsctl("rehearse", *SEEDED, "--objective", missed, expect=9)

    assert f"not met          {missed}" in result.out
    assert result.last_line.startswith("failed; the switch is as it was found.")
    assert [one.text for one in wired.kept_rehearsals.kept[0].missed] == [missed]


def test_one_about_the_same_figure_takes_the_place_of_the_usual_one(opsctl, wired):
    opsctl("rehearse", *SEEDED, "--objective", "kill.shown.p99<500ms")

    texts = [one.text for one in wired.kept_rehearsals.kept[0].objectives]
    assert texts == [*OBJECTIVES[1:], "kill.shown.p99<500ms"]


def test_one_that_means_nothing_is_refused_before_any_load(opsctl, wired):
    result = opsctl("rehearse", "--objective", "degraded.speed>1", expect=2)

    assert result.err.startswith("error: --objective")
    assert not hasattr(wired, "simulated")


def test_programs_get_the_steps_as_they_go_and_the_result_last(opsctl):
    *lines, result = map(json.loads, opsctl("rehearse", *SEEDED, "--json").out.splitlines())

    steps = [line for line in lines if line["event"] == "step"]
    assert [(one["number"], one["observed"] is None) for one in steps] == [
        (number, is_begun) for number in range(1, 9) for is_begun in (True, False)
    ]
    assert {line["event"] for line in lines} == {"look", "step"}
    assert (result["event"], result["passed"], result["failure"]) == ("result", True, "slow")
    assert [one["step"] for one in result["steps"]] == list(ORDER)
    assert result["report"].endswith("report.html")


def test_quietly_only_the_verdict_is_said(opsctl):
    result = opsctl("rehearse", *SEEDED, "--quiet")

    again = f"opsctl rehearse {' '.join(SEEDED)} --quiet"
    assert (result.out, result.err) == (f"passed; the switch is as it was found.  again: {again}\n", "")


def test_ctrl_c_puts_everything_back_and_keeps_a_partial_report(opsctl, wired, tmp_path):
    wired.load.clock.at(36, interrupt)

    result = opsctl("rehearse", *SEEDED, expect=130)

    assert wired.load.feed.mode is Mode.FULL
    assert "partial      interrupted; degraded cut short, recovered and restored never" in " ".join(
        result.out.split("\n")
    )
    assert result.last_line.startswith("broken off; the switch is as it was found.")
    (kept,) = wired.kept_rehearsals.kept
    assert (kept.is_broken_off, kept.trouble) == (True, "interrupted")
    (page,) = (tmp_path / "data" / "rehearsals").glob("*/report.html")
    assert "Partial: interrupted" in page.read_text()


def test_ctrl_c_while_the_state_is_noted_keeps_a_report_that_says_so(opsctl, wired, tmp_path):
    wired.load.on_look = interrupt

    result = opsctl("rehearse", *SEEDED, expect=130)

    assert wired.load.feed.changes == []
    assert result.last_line.startswith("broken off; ")
    (page,) = (tmp_path / "data" / "rehearsals").glob("*/report.html")
    assert "Partial: interrupted" in page.read_text()


def test_what_could_not_be_put_back_is_the_last_word(opsctl, wired):
    def on_change(change):
        if change is Change.RESTORE:
            raise refusal("the provider is gone")

    wired.load.feed.on_change = on_change

    result = opsctl("rehearse", *SEEDED, expect=1)

    assert result.last_line.startswith("failed: the switch was not put back: the provider is gone; ")
    assert not wired.kept_rehearsals.kept[0].has_passed


def test_a_record_that_cannot_be_kept_is_an_error_after_the_report(opsctl, wired):
    wired.kept_rehearsals.fails = refusal("the disk is full")

    result = opsctl("rehearse", *SEEDED, expect=6)

    assert result.last_line.startswith("passed; ")
    assert "error: the disk is full" in result.err


def test_a_feed_that_was_named_is_killed_only_when_somebody_agreed(opsctl, wired):
    refused = opsctl(*NAMED, expect=2)

    assert "has to be confirmed" in refused.err
    assert not hasattr(wired, "simulated")


def test_a_feed_on_another_machine_is_refused_unless_it_was_allowed(opsctl, wired):
    refused = opsctl("rehearse", "--failure", "none", "--target", "http://feed.example", "--yes", expect=2)

    assert refused.err.splitlines()[1].endswith("--allow-remote")
    assert not hasattr(wired, "simulated")


def test_somebody_elses_avatar_api_is_not_made_to_fail(opsctl, wired):
    refused = opsctl("rehearse", "--target", HERE, "--yes", expect=2)

    assert refused.err.splitlines() == [
        f"error: a rehearsal cannot make the avatar API of {HERE} fail: it is somebody else's",
        f"fix:   make it fail yourself, and: opsctl rehearse --target {HERE} --yes --failure none",
    ]
    assert not hasattr(wired, "simulated")


def test_a_switch_that_is_off_is_refused_before_anybody_is_asked(opsctl, wired):
    wired.flags_at_provider.turn(REF, on=False, comment="checkout p99")

    refused = opsctl(*NAMED, expect=1)

    assert f"{KEY} is off already" in refused.err
    assert '"checkout p99"' in refused.err
    assert refused.err.splitlines()[-1] == "fix:   see why, and rehearse once it is over: opsctl status"
    assert not hasattr(wired, "simulated")


def test_a_switch_that_is_pinned_is_refused_with_the_code_of_break_glass(opsctl, wired):
    wired.pins.pins.append(a_pin(1))

    refused = opsctl(*NAMED, "--yes", expect=8)

    assert "pinned by break-glass" in refused.err
    assert not hasattr(wired, "simulated")


@pytest.mark.parametrize("given", [("other-flag",), ("--env", "production")])
def test_a_throw_away_stack_has_no_flag_and_environment_of_somebody_else(opsctl, given):
    refused = opsctl("rehearse", *given, expect=2)

    assert "a throw-away stack has only its own" in refused.err


def test_on_a_terminal_the_steps_stand_above_the_dashboard(opsctl):
    said = opsctl("rehearse", *SEEDED, answers=[]).err

    assert "1/8 note the state" in said
    assert "    everything is as it was noted" in said


def test_status_says_when_it_was(opsctl, wired):
    opsctl(*NAMED, "--yes")
    wired.kept_rehearsals.remember()

    line = next(line for line in opsctl("status").out.splitlines() if line.startswith("rehearsed"))

    assert "passed   failure none" in line
