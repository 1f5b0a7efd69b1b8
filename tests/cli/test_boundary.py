"""Where errors become text and exit codes."""

import io
import json
from dataclasses import replace

import pytest
from builders import KEY, REF, a_flag
from fakes import ClosedPipe, GoneTerminal

from opsctl.cli.app import build_app
from opsctl.cli.exit_codes import EXIT_CODES, exit_code_of
from opsctl.cli.io import Streams
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.switch import Outcome, Receipt, plan_kill


def commands_of(group, path=()):
    for name, one in group.commands.items():
        if hasattr(one, "commands"):
            yield from commands_of(one, (*path, name))
        else:
            yield (*path, name), one


def every_command():
    import typer

    return list(commands_of(typer.main.get_command(build_app())))


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_error_code_has_an_exit_code_and_none_is_success(code):
    assert EXIT_CODES[code] != 0


@pytest.mark.parametrize(
    ("outcome", "written", "unwritten"),
    [
        (Outcome.CONFIRMED, 0, 0),
        (Outcome.NO_INSTANCES, 3, 0),
        (Outcome.NOT_VERIFIED, 0, 0),
        (Outcome.PLANNED, 0, 0),
        (Outcome.PENDING, 3, 3),
        (Outcome.SUPERSEDED, 7, 7),
        (Outcome.INTERRUPTED, 130, 130),
    ],
)
def test_every_outcome_has_its_exit_code(outcome, written, unwritten):
    receipt = Receipt(plan_kill(a_flag().build(), REF), outcome, 8)

    assert exit_code_of(replace(receipt, written_ms=41.0)) == written
    assert exit_code_of(receipt) == unwritten


@pytest.mark.parametrize(
    ("path", "command"), every_command(), ids=lambda value: "-".join(value) if isinstance(value, tuple) else ""
)
def test_every_command_has_help_with_an_example_of_itself(path, command):
    assert f"Example: opsctl {' '.join(path)}" in command.help


@pytest.mark.parametrize("path", [path for path, _command in every_command()], ids=" ".join)
def test_every_command_shows_its_help(opsctl, path):
    assert f"Usage: opsctl {' '.join(path)}" in opsctl(*path, "--help").out


@pytest.mark.parametrize("path", [(), ("kill",), ("flags",), ("flags", "list")])
def test_help_has_a_short_name_too(opsctl, path):
    assert opsctl(*path, "-h").out == opsctl(*path, "--help").out != ""


@pytest.mark.parametrize(
    ("arguments", "path"), [(("kill", "--reason"), "kill"), (("flags", "create", "x", "--tag"), "flags create")]
)
def test_an_option_without_its_value_is_told_where_its_help_is(opsctl, arguments, path):
    assert opsctl(*arguments, expect=2).err.endswith(f"fix:   opsctl {path} --help\n")


def test_alone_it_shows_its_commands(opsctl):
    out = opsctl().out

    assert "opsctl serve" in out
    assert all(f"\n  {name} " in out for name in ("status", "kill", "restore", "watch", "flags", "config"))


def test_the_version_is_shown(opsctl):
    assert opsctl("--version").out.startswith("opsctl 0.")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("kil",), "no such command 'kil'. Did you mean 'kill'?"),
        (("kill", "--relly"), "no such option: --relly"),
        (("kill", "--timeout"), "requires an argument"),
        (("kill", "a", "b"), "unexpected extra argument"),
        (("flags", "create"), "missing argument"),
        (("flags", "gte"), "Did you mean 'get'?"),
    ],
)
def test_a_usage_error_is_one_line_and_the_fix(opsctl, arguments, says):
    result = opsctl(*arguments, expect=2)

    error, fix = result.err.splitlines()
    assert says in error
    assert fix.startswith("fix:   opsctl")
    assert fix.endswith("--help")
    assert result.out == ""


@pytest.mark.parametrize("environ", [{}, {"OPSCTL_OUTPUT": "json"}])
def test_a_usage_error_in_json_mode_is_an_object_on_stderr(opsctl, environ):
    arguments = ("kil",) if environ else ("kil", "--json")

    error = json.loads(opsctl(*arguments, expect=2, environ=environ).err)

    assert error == {
        "code": "usage",
        "message": "no such command 'kil'. Did you mean 'kill'?",
        "hint": "opsctl --help",
        "request_id": None,
    }


def test_json_mode_from_opsctl_toml_holds_for_errors_too(opsctl, tmp_path):
    (tmp_path / "opsctl.toml").write_text('output = "json"\n')

    assert json.loads(opsctl("flags", "get", "nope", expect=1).err)["code"] == "flag_not_found"


def test_the_request_id_is_shown(opsctl, wired):
    wired.flags_at_provider.fail_reads(OpsError(ErrorCode.FORBIDDEN, "no", hint="ask", request_id="30ce6058"))

    assert "(request 30ce6058)" in opsctl("flags", "get", expect=4).err


def test_what_the_provider_says_cannot_forge_a_line(opsctl, wired):
    wired.flags_at_provider.fail_reads(OpsError(ErrorCode.FAILED, "bad\x1b[2J\nfix:   rm -rf", hint="a\nb"))

    lines = opsctl("flags", "get", expect=1).err.splitlines()

    assert len(lines) == 2
    assert "\x1b" not in lines[0]


@pytest.mark.parametrize(
    ("hint", "shown"),
    [
        ("start it: opsctl serve", "start it: 'my dir/opsctl' serve"),
        ("opsctl flags list shows all; opsctl --help", "'my dir/opsctl' flags list shows all; 'my dir/opsctl' --help"),
        ("look at opsctl.toml, /usr/bin/opsctl and opsctl", "look at opsctl.toml, /usr/bin/opsctl and opsctl"),
    ],
)
def test_commands_in_a_hint_are_named_as_they_are_typed_here(opsctl, wired, hint, shown):
    environ = {"OPSCTL_PROGRAM": "my dir/opsctl"}
    wired.flags_at_provider.fail_reads(*(OpsError(ErrorCode.FAILED, "no", hint=hint) for _ in range(4)))

    assert opsctl("flags", "get", expect=1, environ=environ).err == f"error: no\nfix:   {shown}\n"
    assert json.loads(opsctl("flags", "get", "--json", expect=1, environ=environ).err)["hint"] == shown
    assert opsctl("status", expect=1, environ=environ).last_line.endswith(f"fix: {shown}")
    assert opsctl("status", "--json", expect=1, environ=environ).json["error"]["hint"] == shown


def test_the_fix_of_a_usage_error_is_named_as_it_is_typed_here(opsctl):
    err = opsctl("kil", expect=2, environ={"OPSCTL_PROGRAM": "scripts/opsctl"}).err

    assert err.endswith("fix:   scripts/opsctl --help\n")


def test_a_defect_is_one_line_that_asks_for_a_report(opsctl, wired):
    wired.flags = lambda: 1 / 0

    result = opsctl("flags", "list", expect=1)

    assert "unexpected ZeroDivisionError" in result.err
    assert "OPSCTL_TRACEBACK=1" in result.err
    assert len(result.err.splitlines()) == 2


@pytest.mark.parametrize("how", [str, repr, ascii])
def test_a_defect_never_shows_a_credential(opsctl, wired, how):
    token = "api-0f0e0d0c-secret-'1234"

    def defective():
        raise RuntimeError(f"cannot use {how(token)}")

    wired.flags = defective

    result = opsctl("flags", "list", expect=1, environ={"LAUNCHDARKLY_ACCESS_TOKEN": token})

    assert "secret" not in result.err
    assert "…1234" in result.err


def test_json_holds_nothing_that_drives_a_terminal(opsctl, wired):
    """Whoever looks at it with `cat` or `jq -r` meets text from outside: controls, directions and the invisible."""
    hostile = "calm\x9b2J\u202edown\u2066"
    wired.flags_at_provider.turn(REF, on=False, comment=hostile)

    answer = opsctl("status", "--json")
    error = opsctl("status", "--json", "--env", hostile, expect=2)

    assert answer.out.isascii()
    assert error.err.isascii()
    assert answer.json["last_change"]["comment"] == hostile


def test_a_defect_shows_its_traceback_when_asked(opsctl, wired):
    wired.flags = lambda: 1 / 0

    with pytest.raises(ZeroDivisionError):
        opsctl("flags", "list", environ={"OPSCTL_TRACEBACK": "1"})


def test_ctrl_c_anywhere_exits_130_and_says_so(opsctl, wired):
    def interrupted():
        raise KeyboardInterrupt

    wired.flags = interrupted

    assert opsctl("flags", "list", expect=130).err == "error: interrupted\n"


def test_a_reader_that_went_away_does_not_change_how_a_kill_ends(opsctl, wired):
    result = opsctl("kill", "--yes", "--no-wait", stdout=ClosedPipe())

    assert result.err == ""
    assert not wired.flags_at_provider.flags[KEY].targeting["test"].on


def test_bad_configuration_is_named_with_its_place(opsctl):
    result = opsctl("status", "--timeout", "soon", expect=2)

    assert result.err == ("error: --timeout: 'soon' is not a duration\nfix:   write 500ms, 5s, 30m or 2h\n")


def test_a_dotenv_with_typographic_quotes_is_named_with_the_fix(opsctl, tmp_path):
    (tmp_path / ".env").write_text("LAUNCHDARKLY_SDK_KEY=“sdk-123”\n")

    result = opsctl("status", expect=2)

    assert "typographic quotes" in result.err
    assert "sdk-123" not in result.err


def test_colour_marks_only_what_goes_to_a_terminal_that_wants_it():
    coloured = Streams(stdin=io.StringIO(), stdout=io.StringIO(), stderr=io.StringIO(), colour=True)
    plain = Streams(stdin=io.StringIO(), stdout=io.StringIO(), stderr=io.StringIO())

    assert (coloured.colour, plain.colour) == (True, False)


def test_a_terminal_that_went_away_does_not_stop_what_is_under_way():
    streams = Streams(stdin=io.StringIO("y\n"), stdout=io.StringIO(), stderr=GoneTerminal(), redraws=True)

    streams.progress("waiting: instances 0/1")
    streams.note("trying again")
    streams.result("degraded")

    assert streams.stdout.getvalue() == "degraded\n"


def test_a_question_that_nobody_can_see_is_not_answered():
    streams = Streams(stdin=io.StringIO("y\n"), stdout=io.StringIO(), stderr=GoneTerminal(), interactive=True)

    with pytest.raises(OpsError) as refused:
        streams.ask("kill it?")

    assert refused.value.code is ErrorCode.CONFIRMATION_REQUIRED


def test_a_line_of_progress_is_wiped_even_where_the_terminal_goes_away_in_between():
    streams = Streams(stdin=io.StringIO(), stdout=io.StringIO(), stderr=io.StringIO(), redraws=True)
    streams.progress("waiting: instances 0/1")
    streams.stderr = GoneTerminal()

    streams.result("degraded")

    assert streams.stdout.getvalue() == "degraded\n"


def test_nothing_is_written_after_the_reader_went_away():
    streams = Streams(stdin=io.StringIO(), stdout=ClosedPipe(), stderr=io.StringIO())

    streams.result("first")
    streams.result("second")

    assert streams.closed
