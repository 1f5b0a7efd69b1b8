"""docs/json.md against what the program writes."""

import json
from pathlib import Path

import pytest
from builders import a_sighting
from support.documented import keys_of, undocumented

from opsctl.core.modes import Mode
from opsctl.core.switch import Outcome
from opsctl.core.watching import WatchKind

PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
COMMON = PAGE.split("## Common parts\n")[1].split("\n## ")[0]


@pytest.mark.parametrize(
    ("section", "arguments"),
    [
        ("`kill`, `restore`", ("kill", "--yes", "--json")),
        ("`status`", ("status", "--json")),
        ("`flags list`, `flags get`, `flags create`", ("flags", "list", "--json")),
        ("`flags list`, `flags get`, `flags create`", ("flags", "get", "--json")),
        ("`flags list`, `flags get`, `flags create`", ("flags", "create", "show-search", "--json")),
        ("`config show`", ("config", "show", "--json")),
    ],
)
def test_every_field_that_is_written_is_documented(opsctl, wired, section, arguments):
    wired.script([a_sighting(version=8, mode=Mode.DEGRADED, connected=1, latencies=[80], seen_ms=60)])
    text = PAGE.split(f"## {section}\n")[1].split("\n## ")[0] + COMMON
    environments = {"test", "production"}

    written = set(keys_of(opsctl(*arguments).json)) - environments

    assert written
    assert undocumented(written, text) == []


def test_every_field_of_a_simulation_is_documented_as_it_runs_and_of_what_came_of_it(opsctl):
    text = PAGE.split("## `simulate`\n")[1].split("\n## ")[0] + COMMON
    limits = ("--threshold", "degraded.p95<1s", "--seed", "7")

    look, *_, result = map(json.loads, opsctl("simulate", "compare", *limits, "--json").out.splitlines())

    assert (look["event"], result["event"]) == ("look", "result")
    assert undocumented(keys_of(look), text) == []
    assert undocumented(keys_of(result), text) == []


def test_every_field_of_a_rehearsal_is_documented_step_by_step_and_of_what_came_of_it(opsctl):
    own, simulated = (PAGE.split(f"## `{name}`\n")[1].split("\n## ")[0] for name in ("rehearse", "simulate"))

    *lines, result = map(json.loads, opsctl("rehearse", "--seed", "7", "--json").out.splitlines())

    steps = [line for line in lines if line["event"] == "step"]
    assert undocumented({key for step in steps for key in keys_of(step)}, own + COMMON) == []
    assert undocumented(keys_of(result), own + simulated + COMMON) == []


@pytest.mark.parametrize("word", [*Outcome, *WatchKind])
def test_every_outcome_and_event_is_documented(word):
    assert f"| `{word}` |" in PAGE


def test_every_field_of_a_receipt_is_documented(opsctl, wired, tmp_path):
    wired.script([a_sighting(version=8, mode=Mode.DEGRADED, connected=1, latencies=[80], seen_ms=60)])
    text = PAGE.split("## `kill`, `restore`\n")[1].split("\n## ")[0] + COMMON

    opsctl("kill", "--yes", "--receipt", str(tmp_path / "kill.json"))
    receipt = json.loads((tmp_path / "kill.json").read_text())

    assert receipt["followers"]
    assert undocumented(keys_of(receipt), text) == []
