"""Help is answered from texts that the commands themselves made, and never loads them."""

import json
import os
import pty
import subprocess
import sys

import pytest
from support.stack import clean_environ, unmeasured
from support.waiting import DEADLINE_S

from opsctl.help import answer
from opsctl.help_texts import TEXTS

ASKED = """
import json, sys
from opsctl.__main__ import main
names = sys.argv.pop(1)
try:
    main()
finally:
    with open(names, "w") as file:
        json.dump(sorted(sys.modules), file)
"""


@pytest.fixture
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def test_every_text_is_what_the_program_says(opsctl, wide):
    assert {path: opsctl(*path.split(), "--help").out for path in TEXTS} == TEXTS


@pytest.mark.parametrize("columns", ["80", "200", "", "wide", "0", "-1"])
def test_it_is_wrapped_at_80_columns_in_every_wider_terminal(opsctl, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)

    assert answer(["kill", "-h"], os.environ) == TEXTS["kill"] == opsctl("kill", "-h").out


def test_without_any_word_it_is_the_help_of_the_program(opsctl, wide):
    assert answer([], os.environ) == TEXTS[""] == opsctl().out


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["flags"], ["kill", "my-flag", "--help"], ["kill", "--reason", "--help"], ["no-such-command", "-h"]],
)
def test_the_program_answers_everything_else(arguments):
    assert answer(arguments, {"COLUMNS": "80"}) is None


def test_the_program_answers_on_a_narrow_terminal():
    assert answer(["--help"], {"COLUMNS": "79"}) is None


@pytest.mark.parametrize("arguments", [("--help",), ("flags", "get", "-h"), ()])
def test_neither_the_program_nor_typer_is_loaded(tmp_path, arguments):
    names = tmp_path / "modules.json"
    environ = unmeasured(clean_environ(COLUMNS="80"))

    command = [sys.executable, "-c", ASKED, str(names), *arguments]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=DEADLINE_S, check=True)

    assert (done.stdout, done.stderr) == (TEXTS[" ".join(arguments[:-1])], "")
    loaded = set(json.loads(names.read_text()))
    assert {one for one in loaded if one.startswith("opsctl")} == {
        "opsctl", "opsctl.__main__", "opsctl.help", "opsctl.help_texts",
    }  # fmt: skip
    assert loaded & {"typer", "pathlib", "signal", "typing", "shutil"} == set()


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_on_a_terminal_no_line_is_longer_than_it(columns):
    ours, theirs = pty.openpty()
    os.set_blocking(ours, True)
    script = (
        f"import fcntl, struct, termios; fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('4H', 50, {columns}, 0, 0))"
    )
    command = [
        sys.executable,
        "-P",
        "-c",
        f"{script}; import opsctl.__main__; opsctl.__main__.main()",
        "kill",
        "--help",
    ]
    environ = {name: value for name, value in clean_environ().items() if name != "COLUMNS"}

    with subprocess.Popen(command, env=environ, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:  # the other end is closed
            pass
        finally:
            os.close(ours)
        assert process.wait(DEADLINE_S) == 0

    lines = shown.decode().splitlines()
    assert max(map(len, lines)) <= columns
    assert ("\n".join(lines) + "\n" == TEXTS["kill"]) is (columns >= 80)
