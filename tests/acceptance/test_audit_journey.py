"""The record of what was done, with real processes: two logs in one list, faults of the disk, and an incident told."""

import json
import resource
import shutil
import subprocess
import sys

import pytest
import urllib3
from support.stack import FLAG, Stack

pytestmark = pytest.mark.acceptance

SEMANTIC_PATCH = "application/json; domain-model=launchdarkly.semanticpatch"


@pytest.fixture
def stack(tmp_path):
    with Stack(tmp_path / "data", environ={"OPSCTL_POST_INTERVAL": "0"}) as stack:
        yield stack


def in_the_user_interface(stack, kind, comment):
    """Somebody changes the switch with no opsctl at all."""
    ready = json.loads((stack.data_dir / "flag-service.json").read_text())
    body = {"environmentKey": "test", "instructions": [{"kind": kind}], "comment": comment}
    answer = urllib3.request(
        "PATCH",
        f"{ready['url']}/api/v2/flags/default/{FLAG}",
        json=body,
        headers={"Authorization": ready["tokens"]["admin"], "Content-Type": SEMANTIC_PATCH},
    )
    assert answer.status == 200, answer.data


def rows(stack, *arguments):
    return stack.opsctl("audit", "list", "--json", *arguments).json["rows"]


def shown(found):
    return [(row["command"], row["source"], row["outcome"]) for row in found]


def test_every_command_is_one_row_and_a_change_made_in_the_user_interface_shows_too(stack):
    stack.opsctl("kill", "--yes", "--reason", "slow", "--incident", "INC-1")
    stack.opsctl("kill", "--yes", "--reason", "slow", "--incident", "INC-1")
    in_the_user_interface(stack, "turnFlagOn", "looked fine to me")
    stack.opsctl("restore", "--yes")
    stack.opsctl("kill", "--dry-run")

    found = rows(stack)

    assert shown(found) == [
        ("restore", "local", "confirmed"),
        ("restore", "provider", "changed"),
        ("kill", "local", "confirmed"),
        ("kill", "both", "confirmed"),
    ]
    assert [row["written_version"] for row in found] == [None, None, None, 2]
    assert found[1]["reason"] == "looked fine to me"
    assert rows(stack, "--incident", "INC-1") == [found[2], found[3]]
    assert stack.opsctl("audit", "verify").out.splitlines()[-1].startswith("in order")


def test_break_glass_and_reconcile_are_one_row_each(stack):
    stack.opsctl("kill", "--break-glass", "--yes", "--reason", "provider is down", "--incident", "INC-2", expect=8)
    stack.opsctl("reconcile", "--yes")
    stack.opsctl("restore", "--yes")

    assert [row["command"] for row in rows(stack)] == ["restore", "reconcile", "break-glass"]
    assert {row["source"] for row in rows(stack)} == {"both", "local"}


def test_the_operator_can_be_named(stack):
    stack.opsctl("kill", "--yes", environ={"OPSCTL_OPERATOR": "Noor (on call)"})

    assert rows(stack)[0]["who"] == "Noor (on call)"


def test_an_incident_is_told_with_what_others_did_and_the_time_degraded(stack, tmp_path):
    stack.opsctl("kill", "--yes", "--reason", "checkout <slow>", "--incident", "INC-3")
    in_the_user_interface(stack, "turnFlagOn", "looked *fine* to me")
    stack.opsctl("kill", "--yes", "--reason", "not yet", "--incident", "INC-3")
    stack.opsctl("restore", "--yes", "--reason", "fine again", "--incident", "INC-3")
    stack.opsctl("kill", "--yes", "--incident", "INC-4")

    stack.opsctl("audit", "timeline", "--incident", "INC-3", "--output", str(tmp_path / "INC-3.md"))

    text = (tmp_path / "INC-3.md").read_text()
    assert "checkout &lt;slow&gt;" in text
    assert r"looked \*fine\* to me" in text
    assert "- Together: **" in text
    assert "INC-4" not in text
    assert text.count("\n| 2") == 4


def test_a_changed_record_is_named_and_exits_1(stack):
    stack.opsctl("kill", "--yes", "--reason", "slow")
    stack.opsctl("restore", "--yes")
    log = stack.data_dir / "audit.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"reason":"slow"', b'"reason":"mine"'))

    verdict = stack.opsctl("audit", "verify", "--json", expect=1).json

    assert (verdict["defect"]["line"], verdict["defect"]["seq"]) == (1, 1)
    assert "was changed" in verdict["defect"]["what"]


def test_the_log_can_be_verified_by_another_program(stack):
    """As docs/audit.md says."""
    if shutil.which("jq") is None:
        pytest.skip("needs jq")
    stack.opsctl("kill", "--yes", "--reason", "überlastet\x1b[2J")
    line = (stack.data_dir / "audit.jsonl").read_bytes().splitlines()[0]

    canonical = subprocess.run(["jq", "-acSj", "del(.hash)"], input=line, capture_output=True, check=True).stdout

    import hashlib

    assert hashlib.sha256(canonical).hexdigest() == json.loads(line)["hash"]


# F25, F28: where the log cannot be written


def full_disk(log):
    """Let the process write no file beyond the length that the log has, as on a full disk."""
    size = log.stat().st_size + 10

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


def test_a_full_disk_stops_no_kill_and_the_gap_is_flagged(stack):
    stack.opsctl("restore", "--yes")
    log = stack.data_dir / "audit.jsonl"
    before = log.read_bytes()

    done = subprocess.run(
        [sys.executable, "-P", "-m", "opsctl", "kill", "--yes", "--json", "--reason", "slow"],
        env=stack.environ,
        cwd=stack.data_dir.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=full_disk(log),
    )

    assert done.returncode == 0, done.stderr
    receipt = json.loads(done.stdout)
    assert (receipt["outcome"], receipt["changed"]) == ("confirmed", True)
    assert any("the audit log could not be written (No space left on device)" in note for note in receipt["notes"])
    assert log.read_bytes() == before, "nothing of it is in the log"
    assert stack.opsctl("status", "--json").json["provider"]["mode"] == "degraded"


def test_a_log_that_cannot_be_written_is_warned_of_and_made_up_for(stack):
    log = stack.data_dir / "audit.jsonl"
    log.mkdir()
    killed = stack.opsctl("kill", "--yes", "--reason", "slow")
    quiet = stack.opsctl("restore", "--yes", "--quiet")
    log.rmdir()
    restored = stack.opsctl("restore", "--yes")

    assert "warning: the audit log could not be written (Is a directory)" in killed.err
    assert "note" in killed.out
    assert "warning: the audit log could not be written" in quiet.err
    assert "audit" not in restored.err
    found = rows(stack)
    assert [(row["command"], row["recorded_late"]) for row in found] == [
        ("restore", None),
        ("restore", "Is a directory"),
        ("kill", "Is a directory"),
    ]
    assert stack.opsctl("audit", "verify", "--json").json["ok"]


def test_a_provider_that_is_away_does_not_hide_the_local_log(stack):
    stack.opsctl("kill", "--yes", "--reason", "slow")
    gone = {"LD_BASE_URI": "http://127.0.0.1:9", "LAUNCHDARKLY_ACCESS_TOKEN": "api-00000000-aaaa"}

    listed = stack.opsctl("audit", "list", "--json", environ=gone).json

    assert listed["error"]["code"] == "unreachable"
    assert [row["command"] for row in listed["rows"]] == ["kill"]
    assert listed["rows"][0]["source"] == "local"
