"""Approval requests at the real flag service, and at providers that answer otherwise."""

from pathlib import Path

import pytest
from builders import KEY, REF
from support.scripted_http import Answer, ScriptedServer

from opsctl.adapters.launchdarkly_approvals import LaunchDarklyApprovals
from opsctl.adapters.launchdarkly_http import RestConnection
from opsctl.core.approving import ApprovalRequest
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.settings import Secret, Settings

PLACE = f"/api/v2/projects/default/flags/{KEY}/environments/test/approval-requests"


def approvals_at(url, token="api-1234567890"):
    settings = Settings(access_token=Secret(token), api_uri=url, data_dir=Path("unused"))
    return LaunchDarklyApprovals(RestConnection(settings), settings)


@pytest.fixture
def service(shared_flag_service):
    shared_flag_service.turn(on=True)
    yield shared_flag_service
    for item in shared_flag_service.request("GET", PLACE.removeprefix("/api/v2/")).json()["items"]:
        shared_flag_service.request("DELETE", f"{PLACE.removeprefix('/api/v2/')}/{item['_id']}")


def approve(service, request_id, kind="approve"):
    path = f"{PLACE.removeprefix('/api/v2/')}/{request_id}/reviews"
    assert service.request("POST", path, {"kind": kind}, role="admin").status == 200


@pytest.mark.parametrize(("on", "kind", "verb"), [(False, "turnFlagOff", "Kill"), (True, "turnFlagOn", "Restore")])
def test_what_was_asked_for_is_listed_until_it_is_carried_out(service, on, kind, verb):
    approvals = approvals_at(service.url, service.token())

    made = approvals.ask(REF, on=on, comment="slow checkout (INC-1)")
    (listed,) = approvals.list_open(REF)
    approve(service, made.id)
    (approved,) = approvals.list_open(REF)
    approvals.apply(REF, approved, comment="slow checkout (INC-1)")

    assert (made.is_new, made.review, made.only(kind)) == (True, "pending", True)
    assert made.description == f"{verb} {KEY}: slow checkout (INC-1)"
    assert listed.id == made.id
    assert not listed.is_new
    assert approved.is_approved
    assert approvals.list_open(REF) == ()


def test_the_newest_comes_first(service):
    approvals = approvals_at(service.url, service.token())
    older, newer = (approvals.ask(REF, on=False, comment="") for _ in range(2))

    listed = [one.id for one in approvals.list_open(REF)]

    assert sorted(listed) == sorted([older.id, newer.id])
    assert [one.created_ms for one in approvals.list_open(REF)] == sorted(
        (older.created_ms, newer.created_ms), reverse=True
    )


def test_a_declined_one_is_known_to_be(service):
    approvals = approvals_at(service.url, service.token())
    made = approvals.ask(REF, on=False, comment="")
    approve(service, made.id, kind="decline")

    assert approvals.list_open(REF)[0].is_declined


def test_one_that_is_not_approved_cannot_be_carried_out(service):
    approvals = approvals_at(service.url, service.token())
    made = approvals.ask(REF, on=False, comment="")

    with pytest.raises(OpsError, match="HTTP 400") as raised:
        approvals.apply(REF, made, comment="")

    assert raised.value.code in {ErrorCode.REFUSED, ErrorCode.PENDING_CHANGE}


def test_people_are_sent_to_the_flags_page_or_to_the_requests_where_there_are_no_pages():
    assert approvals_at("https://app.launchdarkly.com").place_of(REF) == (
        f"https://app.launchdarkly.com/default/test/features/{KEY}"
    )
    assert approvals_at("http://127.0.0.1:8765").place_of(REF) == f"http://127.0.0.1:8765{PLACE}"


@pytest.mark.parametrize("body", [{}, {"items": 5}, {"items": [{"_id": 1}]}, {"items": [{"status": "pending"}]}, [1]])
def test_an_answer_that_is_no_list_of_requests_is_a_clear_failure(body):
    with ScriptedServer(Answer(200, body)) as server, pytest.raises(OpsError, match="not one of the LaunchDarkly"):
        approvals_at(server.url).list_open(REF)


def test_keys_cannot_lead_to_another_address():
    with ScriptedServer(Answer(200, {"items": []})) as server:
        approvals = approvals_at(server.url)
        approvals.apply(REF, ApprovalRequest("../../x?y=z", 0, ()), comment="")

    assert server.requests[0][1] == f"{PLACE}/..%2F..%2Fx%3Fy%3Dz/apply"
