"""`opsctl simulate`: what its options say, what it refuses, what it tells meanwhile and afterwards."""

import importlib.util
import json
from xml.etree import ElementTree as ET

import pytest
from support.load_bench import interrupt, refusal

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.modes import Mode
from opsctl.core.switch import Change

SEEDED = ("--seed", "7")
HERE = "http://127.0.0.1:5000"


def test_it_runs_on_a_stack_of_its_own_and_tells_both_modes_side_by_side(opsctl, wired, golden):
    result = opsctl("simulate", "compare", *SEEDED, "--visitors", "30", "--sockets", "9", width=80)

    golden("simulate_compare", result.out)
    assert wired.simulated["scenario"].visitors == 30
    assert wired.stack_has == {"OPSCTL_AVATAR_KEEP": "0s"}
    assert wired.load.feed.changes == [Change.KILL, Change.RESTORE]


def test_without_a_terminal_it_says_in_lines_how_far_it_is(opsctl):
    lines = opsctl("simulate", "compare", *SEEDED, "--duration", "30s").err.splitlines()

    assert lines[0] == "starting a throw-away stack"
    assert any(line.startswith("warming up   ") for line in lines)
    degraded = [line for line in lines if line.startswith("degraded: ")]
    assert degraded[-1] == (
        "degraded: 5 s left   300 visitors   1,000 sockets   300.0 pages/s   p95 10 ms   0 avatar calls/s"
    )


def test_programs_get_a_look_a_second_and_the_result_last(opsctl):
    *looks, result = map(json.loads, opsctl("simulate", "compare", *SEEDED, "--json").out.splitlines())

    assert ({look["event"] for look in looks}, result["event"]) == ({"look"}, "result")
    assert next(look["phase"] for look in looks if look["phase"]) == "full"
    assert [phase["name"] for phase in result["phases"]] == ["full", "degraded", "restored"]
    assert result["is_left_as_found"]


def test_a_seed_that_was_not_given_is_said_so_that_the_run_can_be_repeated(opsctl, wired):
    result = opsctl("simulate", "spike")

    seed = wired.simulated["scenario"].seed
    assert result.last_line.endswith(f"again: opsctl simulate spike --seed {seed}")


def test_a_threshold_that_is_not_met_exits_with_9(opsctl):
    met, missed = "degraded.p95<=10ms", "degraded.p95<1ms"
    opsctl("simulate", "compare", *SEEDED, "--threshold", met)

    result = opsctl("simulate", "compare", *SEEDED, "--threshold", met, "--threshold", missed, expect=9)

    assert f"not met          {missed}   10 ms" in result.out


def test_a_threshold_that_means_nothing_is_refused_before_any_load(opsctl, wired):
    result = opsctl("simulate", "compare", "--threshold", "degraded.speed>1", expect=2)

    assert result.err.startswith("error: --threshold")
    assert not hasattr(wired, "simulated")


def test_the_report_and_the_junit_file_are_written(opsctl, tmp_path):
    files = ("--report", str(tmp_path / "out"), "--junit", str(tmp_path / "run.xml"))
    result = opsctl("simulate", "compare", *SEEDED, *files, "--threshold", "degraded.p95<1ms", expect=9)

    assert str(tmp_path / "out" / "report.html") in result.out
    assert json.loads((tmp_path / "out" / "result.json").read_text())["scenario"]["seed"] == 7
    suite = ET.parse(tmp_path / "run.xml").getroot()[0]
    assert [case.get("name") for case in suite if case.find("failure") is not None] == ["degraded.p95<1ms"]


def test_a_report_that_could_not_be_written_is_refused_before_any_load(opsctl, wired, tmp_path):
    (tmp_path / "file").write_text("mine")

    result = opsctl("simulate", "compare", "--report", str(tmp_path / "file"), expect=2)

    assert "is no directory" in result.err
    assert not hasattr(wired, "simulated")


def test_ctrl_c_puts_the_switch_back_and_reports_what_was_measured(opsctl, wired):
    wired.load.clock.at(17, interrupt)

    result = opsctl("simulate", "compare", *SEEDED, "--duration", "30s", expect=130)

    assert wired.load.feed.mode is Mode.FULL
    assert "partial      interrupted; degraded cut short, restored never began" in result.out
    assert "the switch is as it was found" in result.last_line


def test_what_could_not_be_put_back_is_the_last_word(opsctl, wired):
    def on_change(change):
        if change is Change.RESTORE:
            raise refusal("the provider is gone")

    wired.load.feed.on_change = on_change

    result = opsctl("simulate", "compare", *SEEDED, expect=1)

    assert result.last_line.startswith("the switch was not put back: the provider is gone.")


def test_a_feed_that_was_named_is_killed_only_when_somebody_agreed(opsctl, wired):
    refused = opsctl("simulate", "compare", "--target", HERE, expect=2)
    assert "has to be confirmed" in refused.err
    assert not hasattr(wired, "simulated")

    opsctl("simulate", "compare", *SEEDED, "--target", HERE, "--yes")
    assert (wired.simulated["url"], wired.simulated["is_own_stack"]) == (HERE, False)


def test_a_feed_on_another_machine_is_refused_unless_it_was_allowed(opsctl, wired):
    remote = ("simulate", "compare", *SEEDED, "--target", "http://feed.example", "--yes")

    refused = opsctl(*remote, expect=2)
    assert refused.err.splitlines()[1].endswith("--yes --allow-remote")

    opsctl(*remote, "--allow-remote")
    assert wired.simulated["url"] == "http://feed.example"


def test_somebody_elses_avatar_api_is_not_made_slow(opsctl):
    refused = opsctl("simulate", "avatar-slow", "--target", HERE, "--yes", expect=2)

    assert "somebody else's" in refused.err


PROVIDER = "https://avatars.example"


def test_the_configured_avatar_api_is_asked_through_a_proxy_when_somebody_says_so(opsctl, wired):
    configured = {"OPSCTL_AVATAR_API_URL": PROVIDER, "OPSCTL_AVATAR_API_KEY": "api-key-0123456789"}
    wired.load.avatars.provider = PROVIDER

    result = opsctl("simulate", "avatar-down", *SEEDED, "--real-avatars", "--json", environ=configured)

    told = json.loads(result.out.splitlines()[-1])
    healthy, failing = (told["scenario"]["phases"][number]["avatars"] for number in (0, 1))
    assert wired.stack_has == {
        "OPSCTL_AVATAR_KEEP": "0s",
        **configured,
        "OPSCTL_AVATAR_DEADLINE": "0.8",
        "OPSCTL_AVATAR_FAULT_PROXY": "True",
    }
    assert (healthy["latency_ms"], failing["error_rate"]) == (0, 1), "healthy is what the provider does by itself"
    assert told["comparison"]["saved"]["third_party_ms"] is None
    assert any(PROVIDER in note for note in told["scenario"]["notes"])


def test_a_configured_avatar_api_is_left_alone_unless_somebody_says_so(opsctl, wired):
    configured = {"OPSCTL_AVATAR_API_URL": PROVIDER}
    asked = opsctl("simulate", "compare", *SEEDED, "--real-avatars", environ=configured).err.splitlines()[0]

    spared = opsctl("simulate", "compare", *SEEDED, environ=configured).err.splitlines()[0]

    assert asked == f"starting a throw-away stack, which asks {PROVIDER} for each page in full mode"
    assert spared == f"starting a throw-away stack, with a stand-in for {PROVIDER}: --real-avatars asks that"
    assert wired.stack_has == {"OPSCTL_AVATAR_KEEP": "0s"}


@pytest.mark.parametrize(
    ("given", "configured", "why", "fix"),
    [
        ((), {}, "no avatar API is configured", "OPSCTL_AVATAR_API_URL="),
        (
            ("--target", HERE, "--yes"),
            {"OPSCTL_AVATAR_API_URL": PROVIDER},
            "for a throw-away stack",
            "=yes opsctl serve",
        ),
        (("--target", "serve", "--yes"), {"OPSCTL_AVATAR_API_URL": PROVIDER}, "for a throw-away stack", "leave it out"),
        (("--join", "load-1:5557"), {}, "--real-avatars cannot be said here", "leave it out here"),
    ],
)
def test_real_avatars_that_cannot_be_had_are_refused_before_any_load(opsctl, wired, given, configured, why, fix):
    refused = opsctl("simulate", "compare", "--real-avatars", *given, environ=configured, expect=2)

    what, how = refused.err.splitlines()
    assert why in what
    assert fix in how
    assert not hasattr(wired, "simulated")


def test_nothing_is_said_of_an_avatar_api_that_was_told_nothing(opsctl):
    told = opsctl("simulate", "compare", *SEEDED, "--json").out.splitlines()[-1]
    untold = opsctl("simulate", "compare", *SEEDED, "--json", "--target", HERE, "--yes").out.splitlines()[-1]

    told, untold = json.loads(told), json.loads(untold)
    assert (told["scenario"]["phases"][0]["avatars"]["latency_ms"], told["scenario"]["avatar_keep_s"]) == (200, 0)
    assert [phase["avatars"] for phase in untold["scenario"]["phases"]] == [None, None, None]
    assert (untold["scenario"]["avatar_keep_s"], untold["scenario"]["notes"]) == (None, [])
    assert told["comparison"]["saved"]["third_party_ms"] > 0
    assert untold["comparison"]["saved"]["third_party_ms"] is None


def test_the_running_serve_has_to_run(opsctl):
    refused = opsctl("simulate", "compare", "--target", "serve", "--yes", expect=1)

    assert refused.err.splitlines()[1] == "fix:   start it: opsctl serve; or leave --target out"


@pytest.mark.parametrize("given", [("other-flag",), ("--env", "production")])
def test_a_throw_away_stack_has_no_flag_and_environment_of_somebody_else(opsctl, given):
    refused = opsctl("simulate", "compare", *given, expect=2)

    assert "a throw-away stack has only its own" in refused.err
    assert f"opsctl simulate compare {' '.join(given)} --target" in refused.err


def test_the_command_that_names_the_feed_too_runs_a_file_as_it_stands_there(opsctl, tmp_path):
    scenario = tmp_path / "launch.toml"
    scenario.write_text('base = "spike"\n')

    refused = opsctl("simulate", "run", str(scenario), "--env", "production", expect=2)

    assert f"opsctl simulate run {scenario} --env production --target http://HOST:PORT" in refused.err


def test_an_installation_without_the_extra_says_how_to_get_it(opsctl, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "locust" else find(name))

    refused = opsctl("simulate", "compare", expect=2)

    assert "locust, which this installation of opsctl came without" in refused.err
    assert "pip install 'opsctl[simulate]'" in refused.err


def test_a_scenario_of_ones_own_is_read_from_its_file(opsctl, wired, tmp_path):
    (tmp_path / "launch.toml").write_text('base = "spike"\nvisitors = 10\n')

    opsctl("simulate", "run", str(tmp_path / "launch.toml"), *SEEDED, "--sockets", "5")

    scenario = wired.simulated["scenario"]
    assert (scenario.name, scenario.visitors, scenario.sockets, scenario.seed) == ("launch", 10, 5, 7)


@pytest.mark.parametrize("text", ['base = "spike"\navatar_keep = "10m"\n', 'base = "spike"\navatar_keep = "0s"\n'])
def test_how_long_avatars_are_kept_is_not_for_a_scenario_to_say_of_a_feed_that_runs(opsctl, wired, tmp_path, text):
    scenario = tmp_path / "launch.toml"
    scenario.write_text(text)

    refused = opsctl("simulate", "run", str(scenario), "--target", HERE, "--yes", expect=2)

    assert refused.err.splitlines() == [
        f"error: {scenario}: avatar_keep is for a throw-away stack; a feed that runs already has its own",
        "fix:   take avatar_keep out of the file, or leave --target out",
    ]
    opsctl("simulate", "run", str(scenario))
    assert wired.simulated["scenario"].name == "launch"


def test_a_file_without_a_seed_gets_a_new_one_and_one_with_keeps_it(opsctl, wired, tmp_path, monkeypatch):
    monkeypatch.setattr("secrets.randbelow", lambda below: below - 1)
    seeds = []
    for text in ('base = "spike"\n', 'base = "spike"\nseed = 4\n'):
        (tmp_path / "launch.toml").write_text(text)
        opsctl("simulate", "run", str(tmp_path / "launch.toml"))
        seeds.append(wired.simulated["scenario"].seed)

    assert seeds == [999_999, 4]


def test_a_scenario_that_cannot_be_read_is_refused(opsctl, tmp_path):
    refused = opsctl("simulate", "run", str(tmp_path / "none.toml"), expect=2)

    assert "none.toml" in refused.err


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (("--expect", "2"), "--expect does not say where the others join"),
        (("--master", "0.0.0.0:5557"), "--master does not say how many"),
        (("--master", "here", "--expect", "2"), "--master: 'here' is no address"),
        (("--master", "[::1]:5557", "--expect", "2"), "--master: '[::1]:5557': write a name or an IPv4 address"),
        (("--master", "0.0.0.0:5557", "--expect", "2"), "a throw-away stack is only on this one"),
        (("--master", "*:5557", "--expect", "2", "--target", HERE, "--yes"), f"and {HERE} is only on this one"),
        (("--workers", "65"), "--workers"),
        (("--join", "load-1"), "--join: 'load-1' is no address"),
        (("--join", "load-1:0"), "nobody is at port 0"),
        (("--join", "load-1:5557", "--visitors", "0", "--threshold", "kill.p99<1s"), "--visitors, --threshold"),
        (("--join", "load-1:5557", "--allow-remote", "--report", "out"), "--report, --allow-remote"),
    ],
)
def test_visitors_that_cannot_be_shared_so_are_refused_before_any_load(opsctl, wired, given, why):
    refused = opsctl("simulate", "compare", *given, expect=2)

    assert why in refused.err
    assert not hasattr(wired, "simulated")


def test_others_join_where_they_reach_the_feed_or_on_this_machine(opsctl, wired):
    shared = ("--master", "0.0.0.0:5557", "--expect", "2")
    opsctl("simulate", "compare", *shared, "--target", "http://feed.example", "--allow-remote", "--yes")
    assert wired.simulated["spread"] == shared

    own = ("--master", "127.0.0.1:5557", "--expect", "2")
    opsctl("simulate", "compare", *own)
    assert wired.simulated["spread"] == own


def test_a_duration_that_is_none_is_refused(opsctl):
    assert "--duration" in opsctl("simulate", "compare", "--duration", "soon", expect=2).err


def test_what_ended_a_run_early_decides_the_exit_code_and_the_fix(opsctl, wired):
    def on_prepare(_change):
        raise OpsError(ErrorCode.APPROVAL_REQUIRED, "changes need approval", hint="ask for it")

    wired.load.feed.on_prepare = on_prepare

    result = opsctl("simulate", "compare", *SEEDED, expect=6)

    assert "changes need approval" in result.out
    assert result.err.splitlines()[-1] == "fix:   ask for it"


def test_a_flag_that_somebody_else_changed_exits_with_7(opsctl, wired):
    wired.load.clock.at(30, lambda: wired.load.feed.turn(Mode.DEGRADED))

    result = opsctl("simulate", "compare", *SEEDED, "--threshold", "full.p95<1ms", expect=7)

    assert result.last_line.startswith("somebody else changed the flag meanwhile: it is left as they made it.")


def test_a_feed_behind_tls_is_loaded_with_connected_browsers_too(opsctl, wired):
    opsctl("simulate", "compare", *SEEDED, "--target", "https://feed.example", "--allow-remote", "--yes")

    assert wired.simulated["url"] == "https://feed.example"
    assert wired.simulated["scenario"].sockets == 1000
