"""Scenarios that people write down themselves."""

from pathlib import Path

import pytest

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.load.builtin import BUILT_IN, built_in
from opsctl.core.load.scenario import Avatars, Phase, Scenario, Tag
from opsctl.core.modes import Mode
from opsctl.settings.scenario_file import read_scenario

EXAMPLE = Path(__file__).parents[2] / "docs/examples/scenario.toml"
PHASES = """
[[phase]]
name = "before"
duration = "20s"
mode = "full"
[[phase]]
name = "after"
duration = "500ms"
mode = "degraded"
"""


@pytest.fixture
def written(tmp_path):
    def read(text, **options):
        path = tmp_path / "launch.toml"
        path.write_text(text)
        return read_scenario(path, **options)

    return read


def test_the_example_of_the_docs_is_read_as_it_says():
    assert read_scenario(EXAMPLE) == Scenario(
        name="launch-day",
        visitors=300,
        sockets=1000,
        think_s=(1.0, 3.0),
        seed=7,
        notes=("the API of the avatars has 100 ms on most days",),
        phases=(
            Phase(
                name="morning",
                seconds=20,
                mode=Mode.FULL,
                tag=Tag.FULL,
                avatars=Avatars(latency_ms=100, jitter_ms=50),
            ),
            Phase(
                name="launch",
                seconds=20,
                mode=Mode.FULL,
                tag=Tag.FULL,
                visitors=1200,
                avatars=Avatars(latency_ms=900, error_rate=0.2, rate_limit_per_s=50),
            ),
            Phase(name="killed", seconds=20, mode=Mode.DEGRADED, tag=Tag.DEGRADED),
            Phase(
                name="evening",
                seconds=20,
                mode=Mode.FULL,
                tag=Tag.RESTORED,
                visitors=300,
                avatars=Avatars(latency_ms=100),
            ),
        ),
    )


def test_the_defaults_that_the_example_says_are_those():
    says = Scenario(name="x", phases=BUILT_IN["compare"].scenario.phases)
    read = read_scenario(EXAMPLE)

    assert (read.visitors, read.sockets, read.think_s, read.avatar_keep_s) == (
        says.visitors,
        says.sockets,
        says.think_s,
        says.avatar_keep_s,
    )


def test_the_example_names_every_base():
    assert all(name in EXAMPLE.read_text() for name in BUILT_IN)


def test_phases_are_enough_and_without_a_seed_the_given_one_is_taken(written):
    scenario = written(PHASES, default_seed=11)

    assert (scenario.name, scenario.seed, scenario.seconds) == ("launch", 11, 20.5)
    assert [phase.tag for phase in scenario.phases] == [Tag.FULL, Tag.DEGRADED]


def test_a_built_in_one_is_changed_as_a_whole_and_phase_by_phase(written):
    scenario = written("""
        base = "spike"
        visitors = 30
        think = "1s"
        avatar_keep = "10m"
        notes = ["ours"]
        [[phase]]
        name = "peak"
        duration = "30s"
        avatars = { hang = true }
    """)

    peak = next(phase for phase in scenario.phases if phase.name == "peak")
    assert (peak.seconds, peak.avatars, peak.mode, peak.tag) == (30, Avatars(hang=True), Mode.FULL, Tag.FULL)
    assert scenario.visitors_by_phase == built_in("spike", visitors=30).visitors_by_phase
    assert (scenario.seconds, scenario.think_s, scenario.avatar_keep_s) == (90, (1, 1), 600)
    assert scenario.notes == (*BUILT_IN["spike"].scenario.notes, "ours")


def test_a_duration_of_all_scales_each(written):
    scenario = written(f'duration = "41s"\n{PHASES}')

    assert [phase.seconds for phase in scenario.phases] == [40, 1]


@pytest.mark.parametrize(
    ("text", "what", "fix"),
    [
        ("", "it has no phases", 'write [[phase]] tables, or base = "compare"'),
        ("vistors = 3", "there is no key 'vistors'", "write visitors"),
        ('visitors = "300"', "visitors: '300' is not a whole number from 0", "write it without quotes: 300"),
        ("visitors = true", "visitors: True is not a whole number from 0", "write it without quotes: 300"),
        ("sockets = -1", "sockets: -1 is not a whole number from 0", "write it without quotes: 300"),
        ("duration = 20", "duration: 20 has no unit", 'write a duration in quotes: "500ms", "20s" or "2m"'),
        ('duration = "soon"', "duration: 'soon' is not a duration", "write 500ms, 5s, 30m or 2h"),
        ('think = ["1s"]', "think: it is not a shortest and a longest time", 'write ["500ms", "1.5s"]'),
        ('think = ["2s", "1s"]', "the time to think is from 0 s, and the longest is not below the shortest", "correct"),
        ("notes = 5", "notes: it is no list of texts", 'write ["…"]'),
        ('name = "\\u0007"', "name: it is no line of text", "write it in quotes"),
        ('avatar_keep = "25h"', "avatar_keep: '25h' is more than a day", "write"),
        ("phase = 3", "phase: it is no list of tables", "write its name in double brackets: [[phase]]"),
        ('base = "surge"', "base: 'surge' is none of those there are", 'write "compare" or "spike"'),
        ("visitors = 200_000", "visitors: from 0 to 100,000", "correct it there"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_key_and_the_fix(written, tmp_path, text, what, fix):
    with pytest.raises(OpsError) as refused:
        written(f"{text}\n{PHASES if text and 'phase' not in text and 'base' not in text else ''}")

    assert refused.value.code is ErrorCode.BAD_CONFIG
    assert refused.value.message.startswith(f"{tmp_path / 'launch.toml'}: {what}")
    assert refused.value.hint.startswith(fix)


@pytest.mark.parametrize(
    ("change", "what", "fix"),
    [
        (("name", '"no spaces"'), "phase 2: name: 'no spaces' is no name of a phase", "write letters, digits and -"),
        (("mode", '"off"'), "phase after: mode: 'off' is none of those there are", 'write "full" or "degraded"'),
        (("duration", None), "phase after: there is no duration", 'write duration = "20s"'),
        (("mode", None), "phase after: there is no mode", 'write mode = "full" or "degraded"'),
        (("length", '"5s"'), "phase 2: there is no key 'length'", "write name, duration, mode"),
        (("tag", '"killed"'), "phase after: tag: 'killed' is none of those there are", 'write "full" or "degraded"'),
        (("duration", '"25h"'), "the duration of after is from more than 0 s to 24 h", "correct it there"),
        (("avatars", "5"), "phase after: avatars: it is no table", "write { key = value }"),
        (("avatars", '{ latency = "1h" }'), "phase after: avatars: latency: '1h' is more than", "write hang = true"),
        (("avatars", "{ error_rate = 2 }"), "phase after: avatars: error_rate: 2 is not a number from 0 to 1", "write"),
        (("avatars", '{ hang = "yes" }'), "phase after: avatars: hang: 'yes' is neither", "write true or false"),
        (("avatars", "{ slow = true }"), "phase after: avatars: there is no key 'slow'", "write latency, jitter"),
    ],
)
def test_what_cannot_be_a_phase_is_refused_with_the_key_and_the_fix(written, tmp_path, change, what, fix):
    key, value = change
    phase = {"name": '"after"', "duration": '"5s"', "mode": '"degraded"', key: value}
    lines = [f"{name} = {text}" for name, text in phase.items() if text is not None]

    with pytest.raises(OpsError) as refused:
        written("\n".join([PHASES.partition('[[phase]]\nname = "after"')[0], "[[phase]]", *lines]))

    assert refused.value.message.startswith(f"{tmp_path / 'launch.toml'}: {what}")
    assert refused.value.hint.startswith(fix)


def test_a_phase_that_the_base_does_not_have_is_refused_with_those_it_has(written):
    with pytest.raises(OpsError, match="phase top: spike has no such phase") as refused:
        written('base = "spike"\n[[phase]]\nname = "top"')

    assert refused.value.hint == "write one of calm, rise, peak, degraded, restored, fall, or leave base out"


@pytest.mark.parametrize("text", ["name = ", "[[phase]", "visitors = 1\nvisitors = 2", "[" * 5000])
def test_what_is_no_toml_is_refused(written, text):
    with pytest.raises(OpsError, match=r"launch\.toml: it is no TOML: ") as refused:
        written(text)

    assert refused.value.hint == "correct it there"


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(OpsError, match="cannot be read: No such file") as refused:
        read_scenario(tmp_path / "none.toml")

    assert refused.value.code is ErrorCode.BAD_CONFIG
