"""What docs/simulations.md tells a reader to repeat, run shortly."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from opsctl.cli.exit_codes import ExitCode
from opsctl.core.load.builtin import BUILT_IN
from opsctl.settings.scenario_file import read_scenario

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(180)]

EXAMPLES = Path(__file__).parents[2] / "docs/examples"
OPSCTL = f"{sys.executable} -P -m opsctl"
PATIENCE_S = 150
SHORT = ("--duration", "3s", "--visitors", "5", "--sockets", "5")


def run_script(directory, *options, **environ):
    return subprocess.run(
        ["sh", EXAMPLES / "simulate.sh", *options],
        env={**os.environ, **environ},
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_the_script_runs_every_scenario_that_opsctl_brings_along(tmp_path):
    ran = run_script(tmp_path, OPSCTL="echo")

    assert ran.returncode == 0
    asked = [line.split() for line in ran.stdout.splitlines()]
    assert [words[1] for words in asked] == list(BUILT_IN)
    assert [words[-1] for words in asked] == [f"simulations/{name}" for name in BUILT_IN]


def test_the_script_leaves_a_report_of_each_run(tmp_path):
    ran = run_script(tmp_path, "here", *SHORT, OPSCTL=OPSCTL, SIMULATIONS="avatar-down")

    assert ran.returncode in {ExitCode.OK, ExitCode.OBJECTIVE_NOT_MET}, ran.stdout + ran.stderr
    assert (tmp_path / "here/avatar-down/report.html").exists()
    result = json.loads((tmp_path / "here/avatar-down/result.json").read_text())
    assert [one["state"] for one in result["thresholds"]] in (["met"], ["not measurable"]), "a busy worker may not say"
    assert result["is_left_as_found"]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_every_scenario_that_stands_there_can_be_run(path):
    assert read_scenario(path).phases
