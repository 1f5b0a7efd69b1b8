"""What a simulation says when it is over: on a terminal of 80 columns, as JSON, as JUnit."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from support.documented import keys_of, undocumented
from support.simulated import a_blind_result, a_partial_result, a_phase, a_result

from opsctl.cli.render.simulation import junit, to_data, to_text
from opsctl.cli.render.view import View
from opsctl.core.load.judging import judge
from opsctl.core.load.results import Generator
from opsctl.core.load.scenario import Tag
from opsctl.core.load.thresholds import parse_threshold

WIDTH = 80


def a_view(*, colour=False):
    return View(
        provider="local flag service",
        project="default",
        environment="test",
        width=WIDTH,
        colour=colour,
        command=lambda *words: " ".join(("opsctl", *words)),
    )


def judged(result, *expressions):
    return judge([parse_threshold(one, result.scenario) for one in expressions], result)


def read(result, *expressions, **options):
    return to_text(result, judged(result, *expressions), a_view(), **options)


def test_a_whole_run_is_told_side_by_side(golden):
    text = read(a_result(), "degraded.p95<100ms", "restore.max<1s", page=Path("out/report.html"))

    golden("simulate", f"{text}\n")


def test_a_partial_run_says_so_first_and_claims_nothing_of_what_was_cut_short(golden):
    text = read(a_partial_result(), "degraded.p95<100ms", "restored.p95<1s")

    golden("simulate_partial", f"{text}\n")


def test_what_was_not_observed_is_a_dash(golden):
    golden("simulate_blind", f"{read(a_blind_result())}\n")


@pytest.mark.parametrize("result", [a_result(), a_partial_result(), a_blind_result(), a_result(phases=(), flips=())])
def test_no_line_but_a_command_is_wider_than_the_terminal(result):
    for line in read(result, "degraded.p95<100ms", "kill.shown.p99<250ms").splitlines():
        assert len(line) <= WIDTH or line.startswith("again: opsctl ")


def test_a_switch_that_is_not_as_it_was_found_ends_with_where_to_look():
    left = replace(a_result(), is_left_as_found=False, left_as="somebody else changed the flag: it is off")

    last = read(left).splitlines()[-2:]

    assert last == ["somebody else changed the flag: it is off.", "see: opsctl status show-avatars-and-reccs"]


def test_what_became_worse_says_so_in_words():
    result = a_result(phases=(a_phase(Tag.FULL, 10.0), a_phase(Tag.DEGRADED, 40.0)))

    row = next(line for line in read(result).splitlines() if line.startswith("p95"))

    assert row.split() == ["p95", "10", "ms", "40", "ms", "\u00d7", "4.0", "worse"]


def test_phases_of_other_names_are_named():
    result = a_result(phases=(a_phase(Tag.FULL, 10.0, name="spike"), a_phase(Tag.DEGRADED, 40.0)))

    assert "compared     full: spike" in read(result).splitlines()


def test_a_load_at_its_own_limit_is_said():
    tired = a_result(generator=Generator(warnings=("visitors came 2 s late",)))

    assert "load         at its own limit: visitors came 2 s late" in read(tired)


def test_colour_changes_no_word():
    verdicts = judged(a_result(), "degraded.p95<1ms")
    coloured = to_text(a_result(), verdicts, a_view(colour=True))

    for code in ("\033[32m", "\033[31m", "\033[1m", "\033[0m"):
        assert code in coloured
        coloured = coloured.replace(code, "")
    assert coloured == to_text(a_result(), verdicts, a_view())


def test_text_from_outside_drives_no_terminal():
    result = a_result(
        interrupted="stopped\x1b[2J", left_as="as found\x07", command="opsctl simulate\x1b]0;x\x07", phases=()
    )

    assert set(read(result)).isdisjoint("\x1b\x07")


def test_every_field_that_is_written_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
    section = page.split("## `simulate`\n")[1].split("\n## ")[0] + page.split("## Common parts\n")[1].split("\n## ")[0]

    data = json.loads(json.dumps(to_data(a_result(), judged(a_result(), "degraded.p95<1s"), a_view())))

    assert data["target"]["environment"] == "test"
    assert undocumented(keys_of(data), section) == []


def test_junit_has_a_case_for_each_phase_flip_and_threshold():
    result = a_result()
    suite = ET.fromstring(junit(result, judged(result, "degraded.p95<100ms", "degraded.p95<1ms"))).find("testsuite")
    cases = {case.get("name"): case.find("failure") for case in suite.findall("testcase")}

    assert list(cases) == [
        "phase full ran",
        "phase degraded ran",
        "phase restored ran",
        "flip 1, kill: everyone confirmed",
        "flip 2, restore: everyone confirmed",
        "degraded.p95<100ms",
        "degraded.p95<1ms",
        "the switch is as it was found",
    ]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("8", "1", "0")
    assert cases["degraded.p95<1ms"].get("message") == "measured 20 ms"
    assert suite.find("properties/property[@name='seed']").get("value") == "7"


def test_junit_of_a_partial_run_fails_what_did_not_run():
    result = replace(a_partial_result(), is_left_as_found=False, left_as="it is off")
    suite = ET.fromstring(junit(result, judged(result, "restored.p95<1s"))).find("testsuite")
    failed = {
        case.get("name"): case.find("failure").get("message")
        for case in suite.findall("testcase")
        if case.find("failure") is not None
    }

    assert failed == {
        "phase degraded ran": "it was cut short after 5.0 s",
        "phase restored ran": "it never began",
        "restored.p95<1s": "restored never began",
        "the switch is as it was found": "it is off",
    }
