"""Transcripts of `status`, `watch`, `flags` and `config show`."""

import json

import pytest
from builders import KEY, REF, a_flag, a_sighting, an_entry

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.instances import DataSource
from opsctl.core.modes import Mode
from opsctl.core.propagation import Sighting
from opsctl.core.watching import WatchEvent, WatchKind
from opsctl.settings import Secret

STATE = WatchEvent(WatchKind.STATE, 1_790_000_000.0, new=True)
KILLED = WatchEvent(WatchKind.CHANGE, 1_790_000_001.5, old=True, new=False)


def test_status_shows_who_serves_what(opsctl, wired, golden):
    wired.flags_at_provider.turn(REF, on=False, comment="drill")
    wired.clock.sleep(240)
    wired.script(
        [
            a_sighting("worker-0", version=8, mode=Mode.DEGRADED, connected=4906),
            a_sighting("worker-1", version=7, connected=12, source=DataSource.LAST_KNOWN, age_s=75.0),
            Sighting("worker-2"),
        ]
    )

    golden("status", opsctl("status", width=80).out)


def test_status_of_a_healthy_feed_ends_with_its_mode_and_how_to_kill(opsctl, wired):
    wired.script([a_sighting(version=7, connected=2)])

    assert opsctl("status").last_line == (f"full: avatars and recommendations are on.  kill: opsctl kill {KEY}")


def test_status_without_the_provider_still_shows_the_instances_and_exits_5(opsctl, wired):
    wired.flags_at_provider.fail_reads(OpsError(ErrorCode.UNREACHABLE, "it does not answer", hint="start it"))
    wired.script([a_sighting(version=7, connected=2)])

    result = opsctl("status", expect=5)

    assert "it does not answer" in result.out
    assert "worker-0   full" in result.out
    assert result.last_line.endswith("fix: start it")


def test_status_in_json_has_everything(opsctl, wired):
    wired.flags_at_provider.turn(REF, on=False, comment="drill")
    wired.script([a_sighting(version=8, mode=Mode.DEGRADED, connected=2), Sighting("worker-1")])

    status = opsctl("status", "--json").json

    assert status["provider"] == {"on": False, "version": 8, "serves": "Disabled (false)", "mode": "degraded"}
    assert status["last_change"]["comment"] == "drill"
    assert status["instances"][0]["browsers"] == {"connected": 2, "confirmed": 2}
    assert status["instances"][1] == {"instance": "worker-1", "answers": False, "problem": None}
    assert status["agreement"]["stragglers"] == ["worker-1 does not answer"]
    assert status["error"] is None


def test_status_of_an_unknown_flag_exits_1(opsctl):
    result = opsctl("status", "nope", "--json", expect=1)

    assert result.json["error"]["code"] == "flag_not_found"


def test_watch_shows_each_change_with_who_and_why(opsctl, wired):
    def kill():
        wired.flags_at_provider.entries.append(
            an_entry("7", who="Noor", comment="spike\x1b[2J", at_ms=int(KILLED.at_s * 1000))
        )

    def turn():
        kill()

    wired.stream.__init__(STATE, turn, KILLED)

    lines = opsctl("watch").out.splitlines()

    assert lines[0].startswith("target")
    assert lines[1].endswith(f"{KEY}  is true  full")
    assert lines[2].endswith(f'{KEY}  true → false  degraded  by: Noor  "spike[2J"')


def test_watch_in_json_is_one_object_a_line(opsctl, wired):
    wired.stream.__init__(STATE, KILLED)

    events = [json.loads(line) for line in opsctl("watch", "--json").out.splitlines()]

    assert [event["event"] for event in events] == ["state", "change"]
    assert events[1]["at"] == "2026-09-21T14:13:21.500+00:00"
    assert (events[1]["old"], events[1]["new"], events[1]["mode"]) == (True, False, "degraded")
    assert events[1]["change"] is None


def test_watch_until_killed_exits_0_when_it_is(opsctl, wired):
    wired.stream.__init__(STATE, KILLED)

    lines = opsctl("watch", "--until", "killed").out.splitlines()

    assert len(lines) == 3
    assert "true → false  degraded" in lines[-1]


def test_watch_until_killed_in_vain_exits_1(opsctl, wired):
    wired.stream.__init__(STATE, lambda: wired.clock.sleep(3), None)

    result = opsctl("watch", "--until", "killed", "--timeout", "2s", expect=1)

    assert "was not killed within 2s" in result.err


def test_watch_marks_gaps(opsctl, wired):
    wired.stream.__init__(
        STATE, WatchEvent(WatchKind.LOST, 2.0, new=True), WatchEvent(WatchKind.RESUMED, 5.2, new=True, gap_s=3.2)
    )

    out = opsctl("watch").out

    assert "stream lost" in out
    assert "stream back after 3 s" in out


def test_watch_ends_on_ctrl_c_with_the_state_and_130(opsctl, wired):
    wired.stream.__init__(STATE, KeyboardInterrupt())

    assert opsctl("watch", expect=130).last_line.endswith(f"{KEY}  is true  full  end of watch")


def test_watch_without_until_ends_at_the_timeout_with_0(opsctl, wired):
    wired.stream.__init__(STATE, lambda: wired.clock.sleep(3), None)

    opsctl("watch", "--timeout", "2s")


def test_a_state_nobody_knows_is_a_usage_error(opsctl):
    err = opsctl("watch", "--until", "gone", expect=2).err

    assert "--until" in err
    assert "Value error" not in err


def test_flags_list_is_a_table_of_what_is_served(opsctl, wired, golden):
    wired.flags_at_provider.flags["show-search"] = a_flag("show-search").killed().having(name="Show search").build()

    golden("flags_list", opsctl("flags", "list", width=80).out)


def test_flags_list_in_json(opsctl):
    flags = opsctl("flags", "list", "--json").json["flags"]

    assert flags[0]["environments"]["test"]["serves"] == {"value": True, "name": "Enabled", "to": "everyone"}


def test_flags_list_without_flags_says_how_to_make_one(opsctl, wired):
    wired.flags_at_provider.flags.clear()

    assert "opsctl flags create KEY" in opsctl("flags", "list").out


def test_flags_get_prints_every_environment_and_what_it_serves(opsctl, wired, golden):
    wired.flags_at_provider.flags[KEY] = (
        a_flag().killed("production").having(description="Shut it off.", tags=("ops",)).build()
    )

    golden("flags_get", opsctl("flags", "get", width=80).out)


def test_flags_get_of_an_unknown_flag_exits_1(opsctl):
    assert "there is no flag nope" in opsctl("flags", "get", "nope", expect=1).err


def test_flags_create_makes_a_kill_switch_and_says_how_to_turn_it_on(opsctl, wired):
    result = opsctl("flags", "create", "show-search", "--description", "Shut off search.", "--tag", "ops")

    flag = wired.flags_at_provider.flags["show-search"]
    assert (flag.name, flag.description, flag.tags, flag.temporary) == (
        "show-search",
        "Shut off search.",
        ("ops",),
        False,
    )
    assert "turn it on: opsctl restore show-search" in result.last_line


@pytest.mark.parametrize("key", ["A B", "", "../x", "-x", ".x", "a/b", "\u00fc", "a" * 257, "x\n"])
def test_a_key_that_no_flag_can_have_is_refused_before_any_request(opsctl, wired, key):
    wired.flags_at_provider.create_flag = None

    result = opsctl("flags", "create", "--", key, expect=2)

    assert "cannot be the key of a flag" in result.err
    assert "fix:   use letters, digits" in result.err


@pytest.mark.parametrize("key", ["a", "9", "show-search", "Show.search_2-b", "a" * 256])
def test_a_key_that_a_flag_can_have_is_accepted(opsctl, key):
    assert opsctl("flags", "create", key, "--json").json["flag"]["key"] == key


def test_flags_create_may_be_repeated(opsctl):
    opsctl("flags", "create", "show-search")

    assert opsctl("flags", "create", "show-search", "--json").json["created"] is False


def test_flags_create_of_one_that_is_on_says_how_to_turn_it_off(opsctl):
    assert "turn it off" in opsctl("flags", "create", KEY).last_line


@pytest.mark.parametrize("group", ["flags", "config"])
def test_a_group_alone_shows_its_help(opsctl, group):
    assert f"opsctl {group}" in opsctl(group).out


def test_config_show_names_every_source_and_masks_secrets(opsctl, tmp_path):
    (tmp_path / "opsctl.toml").write_text('timeout = "3s"\n')

    out = opsctl("config", "show", "--env", "production", environ={"LD_PROJECT": "shop"}).out

    rows = {line.split()[0]: line for line in out.splitlines()[3:]}
    assert "environment" in rows["project"]
    assert "option" in rows["environment"]
    assert "opsctl.toml" in rows["timeout_s"]
    assert "…bbbb" in rows["access_token"]
    assert "0000" not in rows["access_token"]


def test_config_show_in_json_masks_secrets_too(opsctl):
    result = opsctl("config", "show", "--json")

    settings = {entry["name"]: entry for entry in result.json["settings"]}
    assert settings["access_token"]["value"] == "…bbbb"
    assert settings["access_token"]["source"] == "local installation"
    assert settings["port"]["value"] == 5000
    assert settings["allowed_hosts"]["value"] == []
    assert "0000" not in result.out


def test_a_token_from_stdin_is_used_and_not_shown(opsctl, wired):
    result = opsctl("config", "show", "--token-stdin", stdin="api-11111111cccc\n")

    assert wired.settings.access_token == Secret("api-11111111cccc")
    assert "11111111" not in result.out


def test_no_token_on_stdin_is_a_usage_error(opsctl):
    assert "found no token" in opsctl("status", "--token-stdin", expect=2).err


@pytest.mark.parametrize(
    ("targeting", "to", "label"),
    [
        ({"depends_on_context": True}, "context", "depends on the context"),
        ({"on": False, "off_variation": None}, "fallback", "the fallback value in the code"),
    ],
)
def test_what_is_not_one_variation_for_everyone_is_said(opsctl, wired, targeting, to, label):
    wired.flags_at_provider.flags[KEY] = a_flag().targeted(**targeting).build()

    assert label in opsctl("flags", "get").out
    served = opsctl("flags", "get", "--json").json["flag"]["environments"]["test"]["serves"]
    assert served == {"value": None, "name": None, "to": to}


def test_status_of_a_flag_that_depends_on_the_visitor_says_so(opsctl, wired):
    wired.flags_at_provider.flags[KEY] = a_flag().targeted(depends_on_context=True).build()

    assert opsctl("status").last_line.startswith("depends: what the flag serves is not the same for everyone.")


def test_status_of_instances_that_do_not_answer_claims_nothing_about_browsers(opsctl, wired):
    wired.script([Sighting("worker-0")])

    assert "browsers     unknown: no instance answers\n" in opsctl("status").out


def test_status_of_an_instance_without_data_says_so_and_why(opsctl, wired):
    wired.script([a_sighting(version=0, mode=Mode.DEGRADED, source=DataSource.NONE, reason="ERROR CLIENT_NOT_READY")])

    result = opsctl("status")

    assert "no data yet: ERROR CLIENT_NOT_READY" in result.out
    assert "version 0" not in result.out
    assert result.last_line.startswith("the flag asks for full; not everyone follows yet.")


@pytest.mark.parametrize("width", [100, 80, 60, 40])
def test_config_show_fits_the_terminal(opsctl, width):
    out = opsctl("config", "show", width=width, environ={"OPSCTL_DATA_DIR": "/srv/x"}).out

    assert max(map(len, out.splitlines()[2:])) <= width
    assert all(name in out for name in ("timeout_s", "avatar_image_hosts", "/srv/x"))


@pytest.mark.parametrize("target", ["banana", "http://", "http://a:b@c", "ftp://x"])
def test_smoke_of_what_is_no_url_is_a_usage_error(opsctl, target):
    assert opsctl("smoke", "--yes", "--target", target, expect=2).err.startswith("error: --target: ")


def test_status_without_instances_claims_nothing_about_the_feed(opsctl):
    result = opsctl("status")

    assert "none found on this machine" in result.out
    assert result.last_line.startswith("full is what the flag asks for; no instance of the feed is here.")


def test_status_in_quiet_is_its_last_line(opsctl):
    assert opsctl("status", "--quiet", width=80).out.count("\n") == 1


def test_a_table_is_not_cut_when_quiet(opsctl):
    assert "SETTING" in opsctl("config", "show", "--quiet").out
