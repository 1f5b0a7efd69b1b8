"""Changes that leave the kill switch's version as it is: a real worker, a real flag service, real clients."""

import json

import pytest
from support.waiting import eventually

pytestmark = pytest.mark.acceptance


@pytest.fixture
def turn_prerequisite(flag_service):
    """Make the kill switch depend on another flag; returns what turns that one."""
    flags = f"flags/{flag_service.project}"
    made = flag_service.request("POST", flags, {"key": "backend-is-fine", "name": "Backend is fine"})
    assert made.status == 201, made.data
    fine = made.json()["variations"][0]["_id"]

    def turn(*, on):
        flag_service.semantic_patch({"kind": "turnFlagOn" if on else "turnFlagOff"}, flag="backend-is-fine")

    turn(on=True)
    flag_service.semantic_patch({"kind": "addPrerequisite", "key": "backend-is-fine", "variationId": fine})
    return turn


def test_a_prerequisite_moves_the_page_both_ways_at_one_version_and_is_acknowledged(
    worker, turn_prerequisite, open_browser
):
    eventually(lambda: worker.state()["mode"] is None, what="the dependence on the visitor")
    browser = open_browser(worker.url)
    state = browser.await_event("state")
    assert state["mode"] == "full"

    turn_prerequisite(on=False)
    off = browser.await_event("flag_update")
    eventually(lambda: worker.state()["browsers"]["confirmed"] == 1, what="the acknowledgement of off")
    turn_prerequisite(on=True)
    on = browser.await_event("flag_update")
    eventually(lambda: worker.state()["browsers"]["confirmed"] == 1, what="the acknowledgement of on")

    assert [off["mode"], on["mode"]] == ["degraded", "full"]
    assert state["epoch"] == off["epoch"] == on["epoch"]
    assert state["order"][0] == off["order"][0] == on["order"][0]
    assert state["order"][1] < off["order"][1] < on["order"][1]


def test_the_poll_is_answered_anew_when_only_the_order_changed(worker, turn_prerequisite):
    eventually(lambda: worker.state()["mode"] is None, what="the dependence on the visitor")
    first = worker.get("/api/mode", Cookie="visitor=noor")

    turn_prerequisite(on=False)
    eventually(lambda: json.loads(worker.get("/api/mode").data)["mode"] == "degraded", what="degraded")
    turn_prerequisite(on=True)

    def back():
        answer = worker.get("/api/mode", Cookie="visitor=noor", **{"If-None-Match": first.headers["ETag"]})
        return answer.status == 200 and json.loads(answer.data)["mode"] == "full" and json.loads(answer.data)

    again, before = eventually(back, what="full"), json.loads(first.data)
    assert again["epoch"] == before["epoch"]
    assert again["order"][1] > before["order"][1]
