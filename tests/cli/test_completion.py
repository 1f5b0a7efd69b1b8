"""Shell completion: answered from a table that is made of the commands, and never loads them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest
import typer
from support.stack import clean_environ, unmeasured
from support.waiting import DEADLINE_S

from opsctl.cli.app import build_app
from opsctl.completion import answer, candidates
from opsctl.completion_table import TABLE
from opsctl.keys_seen import keys_seen, remember_keys, where_kept

ASKED = """
import json, os, sys
from opsctl.__main__ import main
try:
    main()
finally:
    with open(sys.argv[1], "w") as names:
        json.dump(sorted(sys.modules), names)
"""


def commands(command=None, path=""):
    """Yield every command of the program with the words that call it."""
    command = command or typer.main.get_command(build_app())
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, f"{path} {name}".strip())


def complete(line, tmp_path, **environ):
    *words, last = line.split(" ")
    return list(candidates(words[1:], last, {"OPSCTL_DATA_DIR": str(tmp_path), **environ}))


def test_the_table_has_every_command_and_every_option():
    there = {
        path: (
            [*getattr(command, "commands", {})],
            {name for one in command.params for name in one.opts if "-" in name},
        )
        for path, command in commands()
    }

    assert {path: [*below] for path, (below, _, _) in TABLE.items()} == {
        path: below for path, (below, _) in there.items()
    }
    for path, (_, options) in there.items():
        assert {*TABLE[path][1]} == {*options, "--help", "-h"} if path == "" else {*TABLE[path][1]} >= options


def test_commands_and_their_options(tmp_path):
    assert complete("opsctl re", tmp_path) == ["restore", "reconcile", "rehearse"]
    assert complete("opsctl flags ", tmp_path) == ["list", "get", "create"]
    assert complete("opsctl kill --br", tmp_path) == ["--break-glass", "--browsers"]
    assert "--quiet" not in complete("opsctl status --quiet --", tmp_path)
    assert complete("opsctl no-such-command ", tmp_path) == []


def test_what_stands_where_a_value_is_due_is_no_command(tmp_path):
    assert complete("opsctl kill --reason ", tmp_path) == []
    assert complete("opsctl kill --reason why --dry", tmp_path) == ["--dry-run"]


def test_keys_that_commands_came_across(tmp_path):
    remember_keys(tmp_path, [("project", "default"), ("environment", "test"), ("environment", "production")])
    remember_keys(tmp_path, [("flag", "show-search"), ("flag", "show-ads"), ("flag", "show-search")])

    assert complete("opsctl kill ", tmp_path) == ["show-ads", "show-search"]
    assert complete("opsctl kill show-s", tmp_path) == ["show-search"]
    assert complete("opsctl kill show-search ", tmp_path) == []
    assert complete("opsctl flags get --env pr", tmp_path) == ["production"]
    assert complete("opsctl kill --env = te", tmp_path) == ["test"]
    assert complete("opsctl kill --project ", tmp_path) == ["default"]
    assert (tmp_path / "keys-seen.txt").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("key", ["a b", "$(reboot)", "`x`", "", "a\nflag b", "ä", "../x;y"])
def test_what_is_no_key_is_neither_kept_nor_shown(tmp_path, key):
    remember_keys(tmp_path, [("flag", key)])
    assert not (tmp_path / "keys-seen.txt").exists()
    (tmp_path / "keys-seen.txt").write_bytes(f"flag {key}\nflag ok\n".encode())

    assert set(keys_seen(tmp_path / "keys-seen.txt", "flag")) <= {"ok", "a", "b"}


def test_a_place_that_cannot_be_written_to_stops_nothing(tmp_path):
    remember_keys(tmp_path / "nowhere", [("flag", "show-search")])

    assert complete("opsctl kill ", tmp_path / "nowhere") == []


@pytest.mark.parametrize("state", [None, "", "/var/state"])
def test_the_default_place_is_that_of_the_commands(monkeypatch, state):
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    if state is not None:
        monkeypatch.setenv("XDG_STATE_HOME", state)

    assert where_kept(os.environ) == f"{platformdirs.user_state_dir('opsctl', appauthor=False)}/keys-seen.txt"


@pytest.mark.parametrize("line", ["opsctl kill --reason 'it is slow' --dr", 'opsctl kill --reason "it\'s slow" --dr'])
def test_a_line_with_quotes_is_understood(line):
    assert answer({"_OPSCTL_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": line}) == (
        '_arguments \'*: :(("--dry-run":"Show what would be done; change nothing."))\'',
        0,
    )


def test_a_shell_that_has_no_answer_offers_files():
    asked = {"_TYPER_COMPLETE_ARGS": "opsctl kill --receipt "}

    assert answer({"_OPSCTL_COMPLETE": "complete_zsh", **asked}) == ("_files", 0)
    assert answer({"_OPSCTL_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "is-args", **asked}) == ("", 1)
    assert answer({"_OPSCTL_COMPLETE": "complete_powershell", **asked}) is None


@pytest.mark.acceptance
def test_an_answer_loads_neither_the_program_nor_typer(tmp_path):
    names = tmp_path / "modules.json"
    environ = unmeasured(
        clean_environ(
            _OPSCTL_COMPLETE="complete_bash", COMP_WORDS="opsctl ki", COMP_CWORD="1", OPSCTL_DATA_DIR=str(tmp_path)
        )
    )

    command = [sys.executable, "-c", ASKED, str(names)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=DEADLINE_S, check=True)

    assert (done.stdout, done.stderr) == ("kill\n", "")
    loaded = set(json.loads(names.read_text())) - {"json", "json.decoder", "json.encoder", "json.scanner", "re"}
    assert {one for one in loaded if one.startswith("opsctl")} == {
        "opsctl", "opsctl.__main__", "opsctl.completion", "opsctl.completion_table",
    }  # fmt: skip
    assert loaded & {"typer", "pathlib", "signal", "typing", "shlex", "platformdirs"} == set()


@pytest.mark.acceptance
def test_what_is_installed_for_bash_completes(tmp_path):
    """The script that `--install-completion` writes, in a shell of its own."""
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    program = bin_dir / "opsctl"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m opsctl "$@"\n')
    program.chmod(0o755)
    home = {"HOME": str(tmp_path), "PATH": f"{bin_dir}:{os.environ['PATH']}", "OPSCTL_DATA_DIR": str(tmp_path)}
    remember_keys(tmp_path, [("flag", "show-search")])
    bash = [shutil.which("bash"), "--norc", "-c"]
    environ = clean_environ(**home, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")

    subprocess.run([*bash, "opsctl --install-completion bash"], env=environ, timeout=DEADLINE_S, check=True)
    script = tmp_path / ".bash_completions" / "opsctl.sh"
    line = "COMP_WORDS=(opsctl kill show-); COMP_CWORD=2; _opsctl_completion opsctl; echo ${COMPREPLY[@]}"
    asked = f"source {script}; {line}"
    done = subprocess.run([*bash, asked], env=environ, capture_output=True, text=True, timeout=DEADLINE_S, check=True)

    assert str(script) in Path(tmp_path, ".bashrc").read_text()
    assert done.stdout == "show-search\n"
