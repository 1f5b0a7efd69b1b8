"""Transcripts of `--browsers`, `--receipt` and `--request-approval`, and of changes that lost."""

import json
import stat

import pytest
from builders import KEY, REF, a_sighting
from fakes import ClosedPipe

from opsctl import __version__
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.modes import Mode

FULL = a_sighting(version=7, mode=Mode.FULL, connected=100)
NEARLY_ALL = a_sighting(
    version=8,
    mode=Mode.DEGRADED,
    connected=100,
    confirmed=99,
    latencies=[80] * 99,
    seen_ms=63,
    waiting=["browser 3f9a"],
)
DEAF = a_sighting("worker-1", version=8, mode=Mode.DEGRADED, is_deaf=True, seen_ms=270)


def is_on(wired):
    return wired.flags_at_provider.flags[KEY].targeting["test"].on


def test_a_kill_that_a_share_of_the_browsers_confirmed_reads_as_documented(opsctl, wired, golden):
    wired.script([FULL], [NEARLY_ALL, DEAF])

    golden("kill_share", opsctl("kill", "--yes", "--browsers", "99%", width=80).out)


def test_a_restore_that_lost_to_a_kill_reads_as_documented(opsctl, wired, golden):
    provider = wired.flags_at_provider
    provider.set(REF, on=False)
    turn = provider.turn

    def overtaken(*arguments, **options):
        provider.turn = turn
        provider.set(REF, on=True)
        provider.turn(REF, on=False, comment="still broken")
        return turn(*arguments, **options)

    provider.turn = overtaken

    golden("restore_superseded", opsctl("restore", "--yes", expect=7, width=80).out)
    assert not is_on(wired)


def test_asking_for_approval_reads_as_documented(opsctl, wired, golden):
    ask = ("kill", "--yes", "--request-approval", "--reason", "checkout p99 above 2 s")

    golden("kill_approval", opsctl(*ask, expect=6, width=80).out)
    golden("kill_approval_again", opsctl(*ask, expect=6, width=80).out)
    assert is_on(wired)


def test_a_required_approval_names_both_ways_on(opsctl, wired):
    wired.flags_at_provider.fail_writes(OpsError(ErrorCode.APPROVAL_REQUIRED, "wants an approval first"))

    result = opsctl("kill", "--yes", expect=6, environ={"OPSCTL_PROGRAM": "scripts/opsctl"})

    assert f"scripts/opsctl kill {KEY} --env test --request-approval" in result.err
    assert f"scripts/opsctl kill {KEY} --env test --break-glass" in result.err


def test_json_tells_of_the_approval_and_of_who_superseded(opsctl, wired):
    asked = opsctl("kill", "--yes", "--request-approval", "--json", expect=6).json
    wired.script([FULL])
    wired.flags_at_provider.after_write = lambda: meddle(wired)
    lost = opsctl("kill", "--yes", "--json", expect=7).json

    assert asked["approval"] == {
        "id": "request-1",
        "url": f"https://provider.example/test/{KEY}/request-1",
        "review": "pending",
        "created_ms": 0,
        "is_new": True,
    }
    assert (asked["outcome"], asked["changed"], asked["superseded_by"]) == ("approval_requested", False, None)
    assert (lost["outcome"], lost["superseded_by"]["comment"], lost["approval"]) == ("superseded", "too early", None)


def meddle(wired):
    wired.flags_at_provider.after_write = lambda: None
    wired.flags_at_provider.turn(REF, on=True, comment="too early")


def test_words_of_strangers_cannot_drive_the_terminal(opsctl, wired):
    wired.script([FULL])
    wired.flags_at_provider.after_write = lambda: (
        setattr(wired.flags_at_provider, "after_write", lambda: None),
        wired.flags_at_provider.turn(REF, on=True, comment="\x1b[2J\rgone"),
    )

    assert "\x1b" not in opsctl("kill", "--yes", expect=7).out


@pytest.mark.parametrize("share", ["most", "101%", "99", ""])
def test_a_share_that_is_none_is_a_usage_error(opsctl, wired, share):
    assert "write 99%, 99.5%, all or none" in opsctl("kill", "--yes", "--browsers", share, expect=2).err
    assert is_on(wired)


def test_approval_is_not_asked_for_with_an_end(opsctl, wired):
    result = opsctl("kill", "--yes", "--request-approval", "--for", "30m", expect=2)

    assert "--request-approval asks for the kill alone" in result.err
    assert wired.approvals.requests == []


def test_a_receipt_is_what_json_shows_and_more(opsctl, wired, tmp_path):
    wired.script([FULL], [NEARLY_ALL, DEAF])
    path = tmp_path / "receipt.json"

    shown = opsctl(
        "kill", "--yes", "--json", "--browsers", "99%", "--receipt", str(path), environ={"OPSCTL_OPERATOR": "sandy"}
    ).json

    receipt = json.loads(path.read_text())
    assert {name: receipt[name] for name in shown} == shown
    assert (receipt["operator"], receipt["opsctl_version"], receipt["exit_code"]) == ("sandy", __version__, 0)
    assert [(one["instance"], one["is_deaf"], one["followed_ms"]) for one in receipt["followers"]] == [
        ("worker-0", False, pytest.approx(63)),
        ("worker-1", True, pytest.approx(270)),
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".receipt")] == []


def test_a_receipt_is_kept_although_nobody_reads_the_report(opsctl, wired, tmp_path):
    wired.script([FULL], [NEARLY_ALL])
    path = tmp_path / "receipt.json"

    opsctl("kill", "--yes", "--browsers", "99%", "--receipt", str(path), stdout=ClosedPipe())

    assert json.loads(path.read_text())["outcome"] == "confirmed"


def test_a_receipt_that_is_lost_afterwards_is_an_error_and_the_report_stands(opsctl, wired, tmp_path):
    wired.script([FULL], [NEARLY_ALL])
    place = tmp_path / "receipts"
    place.mkdir()
    wired.flags_at_provider.after_write = place.rmdir

    result = opsctl("kill", "--yes", "--browsers", "99%", "--receipt", str(place / "receipt.json"), expect=1)

    assert "receipt.json could not be written: No such file or directory" in result.err
    assert result.last_line.startswith("degraded:")
    assert not is_on(wired)


def test_a_file_that_is_no_receipt_is_left_alone(opsctl, wired, tmp_path):
    path = tmp_path / "notes.json"
    path.write_text("[]")

    result = opsctl("kill", "--yes", "--receipt", str(path), expect=2)

    assert f"name another file: --receipt {tmp_path}/notes.2.json" in result.err
    assert (path.read_text(), is_on(wired)) == ("[]", True)


@pytest.mark.parametrize(
    ("error", "code"), [(ErrorCode.UNREACHABLE, 5), (ErrorCode.CONFLICT, 6), (ErrorCode.FAILED, 1)]
)
def test_a_command_that_fails_keeps_why(opsctl, wired, tmp_path, error, code):
    wired.flags_at_provider.fail_writes(OpsError(error, "it broke", hint="look", request_id="4711"))
    path = tmp_path / "receipt.json"

    opsctl("kill", "--yes", "--reason", "p99", "--incident", "INC-1", "--receipt", str(path), expect=code)

    receipt = json.loads(path.read_text())
    assert (receipt["command"], receipt["reason"], receipt["incident"]) == ("kill", "p99", "INC-1")
    assert (receipt["outcome"], receipt["exit_code"], receipt["error"]["code"]) == ("failed", code, error)
    assert receipt["error"]["request_id"] == "4711"
    assert receipt["started_at"] <= receipt["ended_at"]


def test_a_dry_run_leaves_no_receipt(opsctl, tmp_path):
    path = tmp_path / "receipt.json"

    result = opsctl("kill", "--dry-run", "--receipt", str(path), expect=2)

    assert "a dry run does nothing" in result.err
    assert not path.exists()
