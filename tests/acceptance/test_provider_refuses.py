"""The provider refuses, stalls or answers wrongly: real processes, with a proxy between command and provider."""

import json
import re
import time
from datetime import UTC, datetime

import pytest
from support.between import PLACE, Between
from support.flag_service import FlagServiceProcess
from support.stack import FLAG, Stack, clean_environ, run_opsctl
from support.waiting import DEADLINE_S, eventually

pytestmark = pytest.mark.acceptance

PATCH = {"method": "PATCH", "path": f"/api/v2/flags/default/{FLAG}"}
FOREVER_MS = 4_000_000_000_000


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with Stack(tmp_path_factory.mktemp("refuses") / "data", environ={"OPSCTL_POST_INTERVAL": "0"}) as running:
        yield running


@pytest.fixture
def world(stack):
    with Between(stack) as between:
        between.provider.require_approval(required=False)
        between.provider.withdraw_all()
        between.provider.turn(on=True)
        yield between


@pytest.fixture(scope="module")
def faulty_service(tmp_path_factory):
    """A flag service that fails on demand, and commands for it; nobody runs the feed."""
    directory = tmp_path_factory.mktemp("faulty")
    service = FlagServiceProcess(directory / "data", "--faults")
    service.start()
    environ = clean_environ(OPSCTL_DATA_DIR=str(service.data_dir))
    yield service, lambda *arguments: run_opsctl(*arguments, environ=environ, cwd=directory)
    service.stop()


def served(world):
    return world.stack.opsctl("status", "--json").json["instances"][0]["mode"]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_write_that_failed_at_the_provider_is_made_again_and_stands_once_in_its_audit_log(world, status):
    before = world.provider.targeting["version"]
    fault = world.proxy.reply(status, times=2, **PATCH)

    killed = world.opsctl("kill", "--yes", "--reason", f"after {status}", "--json").json

    assert (killed["outcome"], killed["version"]["written"]) == ("confirmed", before + 1)
    assert fault.hits == 2
    assert world.provider.entries().count(("turned off the flag", f"after {status}")) == 1
    assert served(world) == "degraded"


@pytest.mark.parametrize("break_off", ["reset", "drop_answer"])
def test_a_connection_that_breaks_before_or_after_the_write_took_effect_never_writes_twice(world, break_off):
    before = world.provider.targeting["version"]
    getattr(world.proxy, break_off)(times=1, **PATCH)

    killed = world.opsctl("kill", "--yes", "--reason", break_off, "--json").json

    is_lost_after = break_off == "drop_answer"
    assert (killed["outcome"], killed["version"]["after"]) == ("confirmed", before + 1)
    assert world.proxy.count("PATCH") == (1 if is_lost_after else 2)
    assert [why for _what, why in world.provider.entries()].count(break_off) == 1
    assert any("it was read back, off at version" in note for note in killed["notes"]) is is_lost_after


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("command", ["kill", "restore"])
def test_an_error_after_the_write_took_effect_is_read_back_and_not_written_again(faulty_service, status, command):
    service, opsctl = faulty_service
    before = service.turn(on=command == "kill")
    fault = {"kind": "status", "status": status, "on": ["rest"], "method": "PATCH", "times": 1, "after": True}
    answer = service.fetch(
        "POST",
        "/faults",
        json.dumps(fault).encode(),
        {"Authorization": service.token("admin"), "Content-Type": "application/json"},
    )

    done = opsctl(command, "--yes", "--no-wait", "--json", "--reason", f"{command} {status}").json

    assert answer.status == 201
    assert (done["changed"], done["version"]) == (True, {"before": before, "after": before + 1, "written": before + 1})
    assert "it was read back" in done["notes"][0]
    items = service.request("GET", f"auditlog?limit=20&spec=proj/default:env/test:flag/{FLAG}").json()["items"]
    assert [item.get("comment") for item in items].count(f"{command} {status}") == 1


def test_a_restore_whose_answer_is_lost_is_read_back_and_not_made_twice(world):
    before = world.provider.turn(on=False)
    world.proxy.drop_answer(times=1, **PATCH)

    restored = world.opsctl("restore", "--yes", "--json").json

    assert (restored["outcome"], restored["version"]["after"]) == ("confirmed", before + 1)
    assert world.proxy.count("PATCH") == 1
    assert served(world) == "full"


def test_an_answer_that_claims_more_than_the_provider_shows_is_not_believed(world):
    """Something between answers the write in the provider's place: nothing was written."""
    flag = world.provider.request("GET", f"/api/v2/flags/default/{FLAG}")
    flag["environments"]["test"] |= {"on": False, "version": flag["environments"]["test"]["version"] + 1}
    world.proxy.reply(200, body=flag, **PATCH)

    result = world.opsctl("kill", "--yes", "--timeout", "3s", expect=3)

    assert "the provider took the change, and still shows it on at version" in " ".join(result.out.split())
    assert result.out.rstrip().splitlines()[-1].startswith("pending: written, but not everyone confirmed in time.")


def test_a_conflict_that_clears_is_survived(world):
    world.proxy.reply(409, body={"code": "optimistic_locking_error", "message": "Conflict"}, times=2, **PATCH)

    assert world.opsctl("kill", "--yes", "--json").json["outcome"] == "confirmed"
    assert world.proxy.count("PATCH") == 3


@pytest.mark.parametrize("command", ["kill", "restore"])
def test_a_conflict_that_does_not_clear_is_refused_with_6(world, command):
    world.provider.turn(on=command == "kill")
    before = world.provider.targeting
    world.proxy.reply(409, body={"code": "optimistic_locking_error", "message": "Conflict"}, **PATCH)

    result = world.opsctl(command, "--yes", expect=6)

    assert "has a conflicting change (HTTP 409)" in result.err
    assert "5 attempts" in result.err
    assert world.provider.targeting == before


def test_a_kill_goes_ahead_of_what_is_pending_and_says_so(world):
    world.provider.schedule(FOREVER_MS, {"kind": "updateTrackEvents", "trackEvents": True})
    world.proxy.reply(
        400, body={"code": "invalid_request", "message": "a pending scheduled change"}, method="PATCH", path=f"{FLAG}$"
    )

    killed = world.opsctl("kill", "--yes", "--json").json

    assert killed["outcome"] == "confirmed"
    assert any(
        note.startswith("not stopped by this: a scheduled change is to make changes (updateTrackEvents) at 2096-")
        for note in killed["notes"]
    ), killed["notes"]


def test_looking_for_what_is_pending_holds_up_no_kill(world):
    world.proxy.stall(path="scheduled-changes|approval-requests")

    began_s = time.monotonic()
    killed = world.opsctl("kill", "--yes", "--json").json

    assert killed["outcome"] == "confirmed"
    assert time.monotonic() - began_s < 10


def test_a_restore_that_something_pending_forbids_is_refused_and_says_what_is_pending(world):
    world.provider.turn(on=False)
    world.provider.schedule(FOREVER_MS, {"kind": "turnFlagOff"})
    refusal = {"code": "invalid_request", "message": "it would break a pending scheduled change"}
    world.proxy.reply(400, body=refusal, **PATCH)

    result = world.opsctl("restore", "--yes", expect=6)

    assert "pending: a scheduled change is to turn it off at 2096-" in result.err
    assert f"withdraw or apply what is pending at {world.proxy.url}{PLACE}/approval-requests" in result.err
    assert "ignoreConflicts" not in "".join(request.target for request in world.proxy.requests)
    assert not world.provider.targeting["on"]


def test_a_required_approval_is_refused_with_the_commands_that_lead_on(world):
    world.provider.require_approval(required=True)

    result = world.opsctl("kill", "--yes", expect=6)

    assert "wants an approval first (HTTP 405)" in result.err
    assert f"opsctl kill {FLAG} --env test --request-approval" in result.err
    assert f"opsctl kill {FLAG} --env test --break-glass --reason" in result.err
    assert f"{PLACE}/approval-requests" in result.err
    assert world.provider.targeting["on"]


def test_a_restore_that_needs_an_approval_offers_no_break_glass(world):
    world.provider.turn(on=False)
    world.provider.require_approval(required=True)

    assert "break-glass" not in world.opsctl("restore", "--yes", expect=6).err


def test_approval_is_asked_for_once_and_the_change_made_and_proven_when_it_is_given(world):
    world.provider.require_approval(required=True)
    ask = ("kill", "--yes", "--request-approval", "--reason", "checkout is slow", "--json")

    first = world.opsctl(*ask, expect=6).json
    again = world.opsctl(*ask, expect=6).json
    (request,) = world.provider.requests()
    still_on = world.provider.targeting["on"]
    world.provider.approve(request["_id"])
    done = world.opsctl(*ask).json

    assert (first["outcome"], first["changed"], first["approval"]["is_new"]) == ("approval_requested", False, True)
    assert again["approval"] == {**first["approval"], "is_new": False}
    assert first["approval"]["id"] == request["_id"]
    assert request["description"] == f"Kill {FLAG}: checkout is slow"
    assert first["approval"]["url"].endswith(f"{PLACE}/approval-requests/{request['_id']}")
    assert still_on
    assert (done["outcome"], done["changed"], done["approval"]["review"]) == ("confirmed", True, "approved")
    assert served(world) == "degraded"
    assert len(world.provider.requests()) == 1


def test_a_request_whose_answer_is_lost_is_not_made_twice(world):
    world.provider.require_approval(required=True)
    world.proxy.drop_answer(method="POST", times=1)

    result = world.opsctl("kill", "--yes", "--request-approval", expect=6)

    assert len(world.provider.requests()) == 1
    assert world.provider.requests()[0]["_id"] in result.out


def test_a_rate_limit_is_waited_out_as_long_as_the_provider_says(world):
    reset_ms = int((time.time() + 4) * 1000)
    world.proxy.reply(429, headers={"X-Ratelimit-Reset": str(reset_ms)}, times=1, **PATCH)

    result = world.opsctl("kill", "--yes", "--timeout", "20s")

    patches = [request.at_s for request in world.proxy.requests if request.method == "PATCH"]
    assert re.search(r"has had too many requests \(HTTP 429\).*trying again in [\d,]+ ms", result.err)
    assert len(patches) == 2
    assert time.time() * 1000 >= reset_ms


def test_a_rate_limit_longer_than_the_deadline_fails_at_once_and_says_for_how_long(world):
    world.proxy.reply(429, headers={"Retry-After": "300"}, **PATCH)

    result = world.opsctl("kill", "--yes", expect=5)

    assert "try again in 300 s" in result.err
    assert world.proxy.count("PATCH") == 1


def test_a_restore_loses_to_a_newer_kill_and_names_who_made_it(world):
    world.provider.turn(on=False)
    held = world.proxy.delay(1.5, **PATCH)
    restore = world.start("restore", "--yes", "--reason", "fine again")
    eventually(lambda: held.hits, what="the restore's write")

    world.provider.turn(on=True, comment="too early")
    newest = world.provider.turn(on=False, comment="still broken")
    out, err = restore.communicate(timeout=DEADLINE_S)

    today = datetime.now(UTC).strftime("%Y-%m-%d")
    said = " ".join(out.split())
    assert restore.returncode == 7, err
    assert re.search(rf'changed by .* turned off the flag at {today} \d\d:\d\d:\d\d UTC: "still broken"', said)
    assert f"superseded: somebody turned it off again, version {newest}; nothing was written." in said
    assert not world.provider.targeting["on"]
    assert "fine again" not in [why for _what, why in world.provider.entries()]


def test_a_kill_is_never_conditional(world):
    held = world.proxy.delay(1.0, **PATCH)
    kill = world.start("kill", "--yes", "--reason", "now")
    eventually(lambda: held.hits, what="the kill's write")

    world.provider.turn(on=False)
    world.provider.turn(on=True)
    out, err = kill.communicate(timeout=DEADLINE_S)

    assert kill.returncode == 0, out + err
    assert not world.provider.targeting["on"]
    assert world.provider.entries()[0] == ("turned off the flag", "now")


@pytest.mark.parametrize("status", [400, 422])
def test_a_provider_that_knows_no_condition_is_looked_at_before_and_after_instead(world, status):
    world.provider.turn(on=False)
    world.proxy.reply(status, body={"code": "invalid_request", "message": "no such operation"}, times=1, **PATCH)

    restored = world.opsctl("restore", "--yes", "--reason", "fine", "--json").json

    assert restored["outcome"] == "confirmed"
    assert any(note.startswith("the provider knows no condition on the version") for note in restored["notes"])
    assert world.provider.entries()[0] == ("turned on the flag", "fine")


def test_a_conditional_restore_reads_like_any_other_in_the_providers_audit_log(world):
    world.provider.turn(on=False)

    world.opsctl("restore", "--yes", "--reason", "fine", "--incident", "INC-1")

    (patch,) = (request for request in world.proxy.requests if request.method == "PATCH")
    assert b'"op":"test"' in patch.body.replace(b" ", b"")
    assert world.provider.entries()[0] == ("turned on the flag", "fine (INC-1)")
