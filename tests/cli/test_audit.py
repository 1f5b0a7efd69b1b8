"""`audit list`, `audit verify` and `audit timeline`, as people and programs read them."""

import json
from dataclasses import replace

import pytest
from builders import an_entry
from support.audit import NOW_S, a_row, an_unknown

from opsctl.cli.render.timeline import escaped, to_markdown
from opsctl.core.audit_chain import START, Link
from opsctl.core.audit_parts import Reach
from opsctl.core.audit_verdict import Defect, Verdict
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.incidents import incident_of

KILL = a_row(
    reason="checkout p99 above 2 s",
    incident="INC-4312",
    instances=Reach(total=4, confirmed=4, max_ms=63.0),
    browsers=Reach(total=9815, confirmed=9812, p50_ms=88.0, p99_ms=240.0, max_ms=910.0),
)
RESTORE = a_row("r1", "restore", at_s=NOW_S + 3725, reason="fine again", incident="INC-4312")


@pytest.fixture
def recorded(wired, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    __import__("time").tzset()
    wired.audit_log.found = [KILL, RESTORE]
    return wired


def at(after_s):
    return int((NOW_S + after_s) * 1000)


def test_list_reads_newest_first_at_80_columns(opsctl, recorded, golden):
    foreign = an_entry("e9", what="turned off the flag", who="Noor", at_ms=at(9000), comment="from the UI")
    recorded.flags_at_provider.entries = [foreign]
    recorded.audit_log.found += [an_unknown(a_row("c9", at_s=NOW_S + 10_000))]

    golden("audit_list", opsctl("audit", "list", width=80).out)


def test_list_keeps_figures_beside_their_units_and_fits_the_terminal(opsctl, recorded):
    reach = Reach(total=3, confirmed=3, p50_ms=38.0, p99_ms=72.0, max_ms=72.0)
    recorded.audit_log.found = [replace(KILL, instances=replace(reach, total=2), browsers=reach)]

    out = opsctl("audit", "list", width=80).out

    assert "p99 72\n" not in out
    assert "p99 72 ms" in out
    assert max(map(len, out.splitlines())) <= 80


def test_list_says_on_a_line_of_its_own_who_did_it_where_the_terminal_is_too_narrow(opsctl, recorded):
    recorded.audit_log.found = [replace(KILL, outcome="approval_requested", who="the release team's own token")]

    out = opsctl("audit", "list", width=80).out

    assert "    by the release team's own token\n" in out
    assert max(map(len, out.splitlines())) <= 80
    assert "approval requested   the release team's own token" in opsctl("audit", "list").out


def test_verify_claims_no_order_where_nothing_is_recorded(opsctl, wired):
    wired.audit_log.verdict = Verdict(records=0, commands=0, end=START)

    assert opsctl("audit", "verify").last_line == "empty: nothing is recorded here yet."


def test_list_says_of_a_break_glass_that_it_was_recorded_as_nothing_was_written(opsctl, recorded):
    recorded.audit_log.found = [replace(KILL, command="break-glass", written_ms=6.0, written_version=None)]

    out = opsctl("audit", "list").out

    assert "recorded in 6 ms" in out
    assert "written in" not in out


def test_list_in_json_has_everything(opsctl, recorded):
    found = opsctl("audit", "list", "--json").json

    newest, oldest = found["rows"]
    assert (newest["command"], newest["source"], newest["exit_code"]) == ("restore", "local", 0)
    assert oldest["before"] == {"on": True, "version": 7, "mode": "full"}
    assert oldest["after"] == {"on": False, "version": 8, "mode": "degraded"}
    assert oldest["browsers"]["p99_ms"] == 240.0
    assert oldest["started"] == "2026-09-21T14:13:20.000+00:00"
    assert found["error"] is None


def test_list_with_nothing_in_it_says_so(opsctl):
    assert "nothing yet." in opsctl("audit", "list").out


@pytest.mark.parametrize("since", ["soon", "-1h", ""])
def test_a_since_that_is_no_duration_is_a_usage_error(opsctl, since):
    failed = opsctl("audit", "list", f"--since={since}", expect=2)

    assert "--since" in failed.err
    assert "opsctl audit list --since 2h" in failed.err


@pytest.mark.parametrize("limit", ["0", "501", "many"])
def test_a_limit_that_makes_no_sense_is_a_usage_error(opsctl, limit):
    assert "--limit" in opsctl("audit", "list", "--limit", limit, expect=2).err


def test_a_log_that_cannot_be_read_exits_1(opsctl, wired):
    wired.audit_log.verdict = OpsError(ErrorCode.FAILED, "the audit log cannot be read", hint="look at who owns it")

    assert "cannot be read" in opsctl("audit", "list", expect=1).err


def test_a_provider_that_cannot_be_asked_is_said_above_the_local_rows(opsctl, recorded):
    def refuse(_ref):
        raise OpsError(ErrorCode.UNREACHABLE, "LaunchDarkly cannot be reached")

    recorded.flags_at_provider.changes = refuse

    out = opsctl("audit", "list").out

    assert "not asked" in out
    assert "LaunchDarkly cannot be reached; what follows is the log of this machine alone" in out
    assert "checkout p99" in out


def test_control_characters_in_a_reason_do_not_reach_the_terminal(opsctl, wired):
    wired.audit_log.found = [replace(KILL, reason="a\x1b[2Jb\r\nforged", who="x\u202ey")]

    shown = opsctl("audit", "list").out

    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\nforged" not in shown


def test_verify_of_a_log_in_order_exits_0(opsctl, wired):
    wired.audit_log.verdict = Verdict(records=4, commands=2, end=Link(4, "ab" * 32), torn=1)

    out = opsctl("audit", "verify").out

    assert "4   2 commands" in out
    assert "1 torn by a crash" in out
    assert out.splitlines()[-1] == "in order: every record is as it was written."


def test_verify_names_the_first_bad_row_and_exits_1(opsctl, wired):
    defect = Defect(line=12, seq=12, what="was changed: its hash is not the one of what it says")
    wired.audit_log.verdict = Verdict(records=11, commands=6, end=Link(11, "ab" * 32), defect=defect)

    failed = opsctl("audit", "verify", expect=1)

    assert "first bad    line 12, sequence number 12: was changed" in failed.out
    assert failed.last_line.startswith("not in order.  keep it as evidence and begin anew: mkdir ")
    assert opsctl("audit", "verify", "--json", expect=1).json["defect"]["seq"] == 12


def test_verify_of_a_torn_line_says_that_it_will_be_sealed(opsctl, wired):
    wired.audit_log.verdict = Verdict(records=1, commands=1, end=Link(1, "ab" * 32), loose_bytes=40)

    assert "40 bytes that a crash left; the next command seals them" in opsctl("audit", "verify").out


def test_verify_needs_no_provider_and_quiet_is_one_line(opsctl, wired):
    wired.audit_log.verdict = Verdict(records=4, commands=2, end=Link(4, "ab" * 32))

    assert opsctl("audit", "verify", "--quiet").out == "in order: every record is as it was written.\n"


# The timeline


def test_timeline_is_markdown_for_the_post_mortem(opsctl, recorded, golden):
    recorded.flags_at_provider.entries = [
        an_entry("e1", what="turned off the flag", at_ms=at(0.2), comment="checkout p99 above 2 s (INC-4312)"),
        an_entry("e2", what="turned on the flag", at_ms=at(60), who="Noor", comment="looked fine to me"),
        an_entry("e3", what="turned off the flag", at_ms=at(95), who="Noor", comment=""),
    ]

    golden("audit_timeline", opsctl("audit", "timeline", "--incident", "INC-4312").out)


def test_timeline_goes_to_a_file(opsctl, recorded, tmp_path):
    done = opsctl("audit", "timeline", "--incident", "INC-4312", "--output", str(tmp_path / "t.md"))

    assert done.out == ""
    assert "written to" in done.err
    assert (tmp_path / "t.md").read_text().startswith("# Incident INC-4312: what happened\n")


def test_timeline_in_json_has_the_rows_and_the_times(opsctl, recorded):
    found = opsctl("audit", "timeline", "--incident", "INC-4312", "--json").json

    assert [span["seconds"] for span in found["degraded"]] == [3725.0]
    assert [row["by_others"] for row in found["rows"]] == [False, False]


def test_a_file_that_cannot_be_written_is_found_before_anything_is_read(opsctl, wired, tmp_path):
    failed = opsctl("audit", "timeline", "--incident", "INC-1", "--output", str(tmp_path / "no" / "t.md"), expect=2)

    assert "--output" in failed.err


def test_an_incident_that_nothing_names_exits_1(opsctl, recorded):
    assert "names the incident INC-9" in opsctl("audit", "timeline", "--incident", "INC-9", expect=1).err


def test_timeline_without_an_incident_is_a_usage_error(opsctl):
    assert "--incident" in opsctl("audit", "timeline", expect=2).err


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("show-avatars-and-reccs", "show-avatars-and-reccs"),
        ("root@desk", "root@desk"),
        ("3.5 s", "3.5 s"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("[click](javascript:x)", r"\[click\](javascript:x)"),
        ("![x](http://evil)", r"\!\[x\](http://evil)"),
        ("a | b", r"a \| b"),
        ("*bold* _it_ `code` ~no~", r"\*bold\* \_it\_ \`code\` \~no\~"),
        ("# heading", r"\# heading"),
        ("- item", r"\- item"),
        ("1. item", r"1\. item"),
        ("> quote", "&gt; quote"),
        ("&lt;", "&amp;lt;"),
        ("back\\slash", "back\\\\slash"),
        ("two\nlines\x1b[2J", r"two lines\[2J"),
    ],
)
def test_text_from_outside_makes_no_markup(text, safe):
    assert escaped(text) == safe


def test_nothing_from_outside_gets_into_the_timeline_unescaped():
    nasty = "</td>|<img src=x onerror=alert(1)>[a](b)\n# x"
    names = {"reason": nasty, "who": nasty, "detail": nasty, "message": nasty, "late": nasty, "provider": nasty}
    row = replace(KILL, incident="INC|<b>", notes=(nasty,), **names)
    incident = incident_of("INC|<b>", [row], errors={}, verdict=Verdict(0, 0, START), now_s=NOW_S + 1)

    text = to_markdown(incident)

    assert "<img" not in text
    assert "<b>" not in text
    assert "](b)" not in text.replace(r"\](b)", "")
    assert all(line.count("|") - line.count(r"\|") == 6 for line in text.splitlines() if line.startswith("| 2026"))


def test_every_field_of_a_timeline_is_json(opsctl, recorded):
    assert json.loads(opsctl("audit", "timeline", "--incident", "INC-4312", "--json").out)


def test_every_field_that_is_written_is_documented(opsctl, recorded):
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
    entry = an_entry("e1", what="turned off the flag", at_ms=at(0.2), comment="checkout p99 above 2 s (INC-4312)")
    recorded.flags_at_provider.entries = [entry]
    text = page.split("## Common parts\n")[1].split("\n## ")[0]
    text += page.split("## `audit list`\n")[1].split("\n## `flags list`")[0]

    def keys_of(value):
        if isinstance(value, dict):
            yield from value
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from keys_of(inner)

    for arguments in (("list",), ("verify",), ("timeline", "--incident", "INC-4312")):
        written = set(keys_of(opsctl("audit", *arguments, "--json").json))

        assert {key for key in written if f'"{key}"' not in text and f"`{key}`" not in text} == set()
