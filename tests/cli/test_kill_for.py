"""`kill --for`: how it reads, and its exit codes."""

import pytest
from builders import KEY, a_flag, a_sighting
from fakes import FakeClock
from support.local_time import local_time

from opsctl.cli.render.timed import moment, objective_text, span
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.modes import Mode
from opsctl.core.objectives import Objective
from opsctl.core.propagation import Sighting
from opsctl.core.scheduling import ScheduledChange
from opsctl.core.timed import TimedRecord, Waiting

NOW_MS = int(FakeClock().now_s() * 1000)
FORBIDDEN = OpsError(ErrorCode.FORBIDDEN, "LaunchDarkly does not let this token do that (HTTP 403)", hint="ask")


@pytest.fixture(autouse=True)
def _paris():
    with local_time("Europe/Paris"):
        yield


def following(version=8, mode=Mode.DEGRADED):
    return a_sighting("worker-0", version=version, mode=mode, seen_ms=60.0)


def scheduled(change_id="5f3a", after_s=3600, *, is_ours=False):
    return ScheduledChange(change_id, NOW_MS + after_s * 1000, NOW_MS, ("turnFlagOn",), is_ours=is_ours)


def test_it_says_when_it_ends_in_local_time_and_utc_and_how_to_have_it_last(opsctl, wired):
    wired.script((following(),))

    out = opsctl("kill", "--for", "30m", "--yes").out

    assert "until        16:43:20 CEST (14:43:20 UTC)   in 30 min   the local flag service turns it on" in out
    assert f"to have it stay off: opsctl kill {KEY}\n" in out
    assert (
        "guard        worker-0 stays degraded while more than 1% of the requests fail or p99 is above 2,000 ms" in out
    )


def test_everything_fits_eighty_columns(opsctl, wired):
    wired.script((following(), Sighting("worker-1", a_sighting(version=8, mode=Mode.DEGRADED, seen_ms=1.0).report)))
    wired.schedules._ahead_s = 86_400.0
    wired.schedules.changes = [scheduled(), scheduled("77", is_ours=True)]

    out = opsctl("kill", "--for", "36h", "--yes", "--reason", "checkout p99", answers=()).out

    assert all(len(line) <= 80 for line in out.splitlines() if "opsctl kill" not in line), out


@pytest.mark.parametrize(("options", "by"), [((), "a scheduled change"), (("--here",), "the process itself")])
def test_the_record_of_it_says_when_it_was_to_end(opsctl, wired, options, by):
    opsctl("kill", "--for", "90s", "--no-wait", "--yes", *options)

    accepted, _ended = wired.journal.entries[0]
    assert (accepted.command, accepted.detail) == ("kill", f"to end after 1 min 30 s, by {by}")


def test_in_json_it_is_one_object(opsctl, wired):
    wired.script((following(),))

    until = opsctl("kill", "--for", "30m", "--max-error-rate", "5%", "--max-p99", "1s", "--yes", "--json").json["until"]

    assert (until["at_ms"], until["for_s"], until["clock_ahead_s"]) == (NOW_MS + 1_800_041, 1800, 0)
    assert until["guard"] == {
        "max_error_rate": 0.05,
        "max_p99_ms": 1000.0,
        "window_s": 30.0,
        "instances": ["worker-0"],
        "unguarded": [],
    }
    assert until["schedule_id"] == wired.schedules.changes[0].id


def test_a_clock_that_is_off_is_said(opsctl, wired):
    wired.schedules._ahead_s = -7200.0

    out = opsctl("kill", "--for", "30m", "--no-wait", "--yes").out

    assert "until        14:43:20 CEST (12:43:20 UTC)   in 30 min" in out
    assert "clock        this machine's clock is 2 h ahead of that of the local flag service, which counts here" in out


def test_without_instances_it_says_that_nobody_guards_the_restore(opsctl):
    assert (
        "guard        none: no instance of the feed was found here"
        in opsctl("kill", "--for", "30m", "--no-wait", "--yes").out
    )


def test_a_provider_without_schedules_leaves_the_kill_and_offers_to_wait_here(opsctl, wired):
    wired.script((following(),))
    wired.schedules.fail_schedule = [FORBIDDEN]

    result = opsctl("kill", "--for", "30m", "--yes", expect=6)

    assert "note         it stays off until somebody restores it: no end was scheduled" in result.out
    assert "error: killed, but no end was scheduled: LaunchDarkly does not let this token do that" in result.err
    assert "fix:   restore from here when the time is over: opsctl kill --for 30m --yes --here\n" in result.err
    assert not wired.flags_at_provider.flags[KEY].targeting["test"].on


def test_a_kill_that_not_everyone_confirmed_keeps_its_own_exit_code(opsctl, wired):
    wired.script((following(version=7, mode=Mode.FULL),))
    wired.schedules.fail_schedule = [FORBIDDEN]

    result = opsctl("kill", "--for", "30m", "--yes", "--timeout", "1s", expect=3)

    assert "no end was scheduled" in result.out


@pytest.mark.parametrize("command", ["kill", "restore"])
def test_a_plain_kill_or_restore_withdraws_what_opsctl_scheduled(opsctl, wired, command):
    wired.schedules.changes = [scheduled(is_ours=True)]

    out = opsctl(command, "--no-wait", "--yes").out

    assert "note         the restore scheduled for 17:13:20 CEST (15:13:20 UTC) was withdrawn\n" in out
    assert wired.schedules.changes == []


def test_a_restore_that_somebody_overtook_leaves_what_they_scheduled(opsctl, wired):
    flags = wired.flags_at_provider
    flags.flags[KEY] = a_flag().killed().build()
    flags.after_write = lambda: flags.set(flags.writes[-1][0], on=False) if len(flags.writes) == 1 else None
    wired.schedules.changes = [scheduled(is_ours=True)]
    wired.script((following(version=9),))

    opsctl("restore", "--yes", expect=7)

    assert wired.schedules.changes == [scheduled(is_ours=True)]


def test_somebody_elses_schedule_is_named_and_left_alone(opsctl, wired):
    wired.schedules.changes = [scheduled()]

    assert "withdraw the scheduled change 5f3a where the flag is" in opsctl("kill", "--no-wait", "--yes").out
    assert "5f3a" not in opsctl("restore", "--no-wait", "--yes").out
    assert [one.id for one in wired.schedules.changes] == ["5f3a"]


def test_a_schedule_that_cannot_be_withdrawn_is_said(opsctl, wired):
    wired.schedules.changes = [scheduled(is_ours=True)]
    wired.schedules.fail_withdraw = [FORBIDDEN]

    notes = opsctl("kill", "--no-wait", "--yes", "--json").json["notes"]

    (note,) = notes
    assert note.startswith("the restore scheduled for 17:13:20 CEST (15:13:20 UTC) could not be withdrawn, and will be")
    assert note.endswith(f"made: {FORBIDDEN.message}")


def test_a_schedule_that_cannot_be_seen_is_said(opsctl, wired):
    wired.schedules.fail_list = [OpsError(ErrorCode.UNREACHABLE, "LaunchDarkly cannot be reached")]

    assert "whether something is scheduled to turn it on could not be seen" in opsctl("kill", "--no-wait", "--yes").out


def test_who_waited_here_is_said_to_wait_no_longer(opsctl, wired):
    wired.timed_records.write(None, TimedRecord(waiting=Waiting(token="t", pid=1, until_ms=1)))

    assert "the opsctl kill --for --here that waited to restore it" in opsctl("kill", "--no-wait", "--yes").out


def test_a_dry_run_schedules_nothing_and_ends_with_the_command_that_would(opsctl, wired):
    result = opsctl("kill", "--for", "90m", "--dry-run", "--reason", "spike")

    assert "turn it on again after 1 h 30 min" in result.out
    assert result.last_line.endswith(f"do it: opsctl kill {KEY} --reason spike --for 90m")
    assert wired.schedules.changes == []


@pytest.mark.parametrize("given", ["0s", "999ms", "8761h", "soon", ""])
def test_a_time_that_makes_no_sense_is_a_usage_error(opsctl, wired, given):
    opsctl("kill", "--for", given, "--yes", expect=2)

    assert wired.flags_at_provider.writes == []


@pytest.mark.parametrize("option", [["--here"], ["--max-p99", "1s"], ["--max-error-rate", "1%"]])
def test_what_only_goes_with_for_is_refused_without_it(opsctl, option):
    assert f"{option[0]} needs --for" in opsctl("kill", *option, "--yes", expect=2).err


def test_here_it_counts_down_and_restores(opsctl, wired):
    result = opsctl("kill", "--for", "150s", "--here", "--no-wait", "--yes", "--reason", "spike")

    assert "this process restores it at 16:15:50 CEST (14:15:50 UTC), in 2 min 30 s" in result.out
    assert "it does not restore while an instance that is seen from here does not answer, or more than 1%" in result.out
    assert result.err == "off for 1 min 30 s more\noff for 30 s more\n"
    assert wired.flags_at_provider.writes[-1][1:] == (True, "2 min 30 s are over: spike")
    assert result.last_line.startswith("on: written, nothing verified.")


def test_here_on_a_terminal_there_is_one_line_that_counts(opsctl):
    err = opsctl("kill", "--for", "3s", "--here", "--no-wait", answers=()).err

    assert "\r\033[Koff for 3 s more   Ctrl-C leaves it off\r\033[Koff for 2 s more" in err


def test_here_in_json_each_report_is_a_line(opsctl):
    kill, restore = opsctl("kill", "--for", "2s", "--here", "--no-wait", "--yes", "--json").out.splitlines()

    assert '"command": "kill"' in kill
    assert '"command": "restore"' in restore


def test_here_an_interruption_leaves_it_off_and_says_so(opsctl, wired):
    def interrupt(_seconds):
        raise KeyboardInterrupt

    wired.flags_at_provider.after_write = lambda: setattr(wired.clock, "sleep", interrupt)

    result = opsctl("kill", "--for", "30m", "--here", "--no-wait", "--yes", expect=130)

    assert f"error: interrupted: {KEY} stays off, and nothing will turn it on by itself\n" in result.err
    assert f"fix:   when it may be on again: opsctl restore {KEY}\n" in result.err
    assert not wired.flags_at_provider.flags[KEY].targeting["test"].on


def test_here_a_kill_that_was_superseded_waits_for_nothing(opsctl, wired):
    flags = wired.flags_at_provider
    flags.after_write = lambda: flags.set(flags.writes[-1][0], on=True) if len(flags.writes) == 1 else None
    wired.script((following(version=9, mode=Mode.FULL),))

    opsctl("kill", "--for", "30m", "--here", "--yes", expect=7)

    assert wired.clock.monotonic_s() < 60


def test_the_reason_of_a_moved_end_goes_with_the_schedule(opsctl, wired):
    wired.flags_at_provider.flags[KEY] = a_flag().killed().build()

    out = opsctl("kill", "--for", "30m", "--no-wait", "--yes", "--reason", "longer").out

    assert "audit log alone" not in out
    assert wired.schedules.comments[0].startswith("longer [opsctl kill --for")


def test_a_dry_run_of_moving_the_end_shows_the_command_that_does(opsctl, wired):
    wired.flags_at_provider.flags[KEY] = a_flag().killed().build()

    assert opsctl("kill", "--for", "30m", "--dry-run").last_line == (
        f"dry run: nothing was written.  do it: opsctl kill {KEY} --for 30m"
    )


def test_status_shows_who_waits_here_to_restore(opsctl, wired):
    wired.timed_records.write(None, TimedRecord(waiting=Waiting(token="t", pid=4711, until_ms=NOW_MS + 60_000)))

    assert (
        "scheduled    16:14:20 CEST (14:14:20 UTC)   turns it on again   (opsctl kill --for --here, process 4711)"
        in (opsctl("status").out)
    )
    assert opsctl("status", "--json").json["waiting"] == {"pid": 4711, "until_ms": NOW_MS + 60_000}


def test_one_that_is_off_already_gets_an_end_all_the_same(opsctl, wired):
    wired.flags_at_provider.flags[KEY] = a_flag().killed().build()

    assert opsctl("kill", "--for", "30m", "--no-wait", "--yes", "--json").json["until"]["for_s"] == 1800


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(45, "45 s"), (60, "1 min"), (90, "1 min 30 s"), (1800, "30 min"), (5400, "1 h 30 min"), (7200, "2 h")],
)
def test_spans_are_shown_as_people_say_them(seconds, text):
    assert span(seconds) == text


def test_a_moment_on_another_day_has_its_day():
    assert moment(NOW_MS + 86_400_000, now_ms=NOW_MS) == "Tue 22 Sep 16:13:20 CEST (14:13:20 UTC)"


def test_where_local_time_is_utc_it_is_shown_once():
    with local_time("UTC"):
        assert moment(NOW_MS, now_ms=NOW_MS) == "14:13:20 UTC"


@pytest.mark.parametrize(("rate", "text"), [(0.0, "0%"), (0.1, "10%"), (0.005, "0.5%"), (1.0, "100%")])
def test_an_error_rate_is_shown_in_percent(rate, text):
    assert f"more than {text} of" in objective_text(Objective(max_error_rate=rate))
