"""Transcripts of `--dry-run`: the blast radius."""

from builders import KEY, REF, a_flag, a_sighting, an_entry
from support.pins import a_pin

from opsctl.core.approving import ApprovalRequest
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.modes import Mode
from opsctl.core.scheduling import ScheduledChange

NOW_MS = 1_790_000_000_000
APPROVAL = OpsError(
    ErrorCode.APPROVAL_REQUIRED, "LaunchDarkly wants an approval first (HTTP 405)", hint="add --request-approval"
)


def history(wired):
    wired.flags_at_provider.entries += [
        an_entry("1", at_ms=NOW_MS - 7_200_000, who="Noor", what="turned off the flag", comment="spike (INC-1)"),
        an_entry("2", at_ms=NOW_MS - 6_480_000, who="Sandy", what="turned on the flag", comment="fine again"),
    ]


def test_a_dry_run_shows_the_blast_radius(opsctl, wired, golden, in_utc):
    history(wired)
    wired.schedules.changes = [ScheduledChange("s1", NOW_MS + 1_800_000, NOW_MS, ("turnFlagOn",), is_ours=True)]
    wired.approvals.requests = (ApprovalRequest("a1", NOW_MS, ("turnFlagOff",), description="Kill it"),)
    wired.script(
        [
            a_sighting("worker-0", connected=4906, avatar_rate=61.2, avatar_calls=52_113),
            a_sighting("worker-1", connected=12),
        ]
    )

    golden("kill_blast", opsctl("kill", "--dry-run", "--reason", "spike", width=80).out)


def test_a_dry_run_asks_the_provider_whether_it_would_do_it(opsctl, wired):
    result = opsctl("kill", "--dry-run", "--reason", "spike")

    assert wired.checker.asked == [(REF, False, "spike")]
    assert "accepted     local flag service would make the change" in result.out
    assert wired.flags_at_provider.writes == []


def test_what_the_provider_would_refuse_is_shown_with_all_the_rest_and_exits_6(opsctl, wired):
    history(wired)
    wired.checker.error = APPROVAL
    wired.script([a_sighting(connected=3)])

    result = opsctl("kill", "--dry-run", expect=6)

    assert "refused      LaunchDarkly wants an approval first (HTTP 405)" in result.out
    assert "browsers     3 connected now" in result.out
    assert "last kill    2 h ago   lasted 12 min   Noor" in result.out
    assert result.last_line == f"dry run: the provider would refuse it.  fix: opsctl kill {KEY} --request-approval"


def test_a_provider_that_does_not_say_is_no_refusal(opsctl, wired):
    wired.checker.error = OpsError(ErrorCode.UNREACHABLE, "it broke the connection off")

    assert "not checked  it broke the connection off" in opsctl("kill", "--dry-run").out


def test_what_cannot_be_read_says_why(opsctl, wired):
    wired.schedules.fail_list = [OpsError(ErrorCode.FORBIDDEN, "no")]
    wired.approvals.error = OpsError(ErrorCode.UNREACHABLE, "it does not answer")
    wired.flags_at_provider.list_changes = lambda *_, **__: (_ for _ in ()).throw(
        OpsError(ErrorCode.FORBIDDEN, "hidden")
    )

    out = opsctl("kill", "--dry-run").out

    assert "scheduled    not known: not shown to this token, or not in this plan" in out
    assert "approvals    not known: it does not answer" in out
    assert "last change  not known: hidden" in out


def test_nothing_pending_and_nothing_in_the_log_is_said_too(opsctl):
    out = opsctl("kill", "--dry-run").out

    assert "scheduled    none" in out
    assert "approvals    none" in out
    assert "last kill    none" in out


def test_a_kill_that_lasts_is_shown_in_the_dry_run_of_the_restore(opsctl, wired):
    wired.flags_at_provider.flags[KEY] = a_flag().killed().build()
    wired.flags_at_provider.entries.append(
        an_entry("1", at_ms=NOW_MS - 240_000, who="Noor", what="turned off the flag", comment="spike")
    )
    wired.script([a_sighting(mode=Mode.DEGRADED, connected=3)])

    out = opsctl("restore", "--dry-run").out

    assert 'last kill    4 min ago   for 4 min so far   Noor   "spike"' in out
    assert "people get   avatars and personal recommendations again" in out


def test_a_dry_run_of_what_is_done_already_asks_no_verdict(opsctl, wired):
    opsctl("restore", "--dry-run")

    assert wired.checker.asked == []


def test_a_pin_in_force_is_shown(opsctl, wired):
    wired.pins.pins.append(a_pin(1))

    assert "pinned       pin 1   by sandy@ops-1, 4 min ago" in opsctl("kill", "--dry-run").out


def test_a_dry_run_in_json_has_everything(opsctl, wired):
    history(wired)
    wired.schedules.changes = [ScheduledChange("s1", NOW_MS + 1_800_000, NOW_MS, ("turnFlagOn",))]
    wired.approvals.error = OpsError(ErrorCode.FORBIDDEN, "no")
    wired.script([a_sighting(connected=3, avatar_rate=12.34)])

    report = opsctl("kill", "--dry-run", "--json").json

    assert (report["outcome"], report["changed"]) == ("planned", False)
    assert report["verdict"] == {"is_accepted": True, "error": None}
    assert report["avatar_rate"] == 12.3
    assert report["scheduled"] == [
        {"id": "s1", "at_ms": NOW_MS + 1_800_000, "instructions": ["turnFlagOn"], "turns_on": True, "is_ours": False}
    ]
    assert report["approvals"] == {"error": {"code": "forbidden", "message": "no"}}
    assert (report["last_kill"]["start"]["who"], report["last_kill"]["length_s"]) == ("Noor", 720.0)
    assert report["last_change"]["who"] == "Sandy"
    assert report["pin"] is None


def test_a_refusal_in_json_has_its_code(opsctl, wired):
    wired.checker.error = APPROVAL

    verdict = opsctl("kill", "--dry-run", "--json", expect=6).json["verdict"]

    assert (verdict["is_accepted"], verdict["error"]["code"]) == (False, "approval_required")


def test_texts_of_others_cannot_drive_the_terminal(opsctl, wired):
    wired.flags_at_provider.entries.append(an_entry("1", at_ms=NOW_MS, who="\x1b[31mevil", comment="\x1b[2J"))
    wired.approvals.requests = (ApprovalRequest("a1", NOW_MS, ("\x1b[0m",), description="\x1b[1m"),)

    assert "\x1b" not in opsctl("kill", "--dry-run", expect=0).out
