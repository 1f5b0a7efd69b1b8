"""A prerequisite changes the mode while the switch keeps its version: open pages follow both ways."""

import json

import pytest
import urllib3
from support.stack import FLAG
from support.waiting import eventually


@pytest.fixture
def turn_prerequisite(restored):
    """Make the kill switch depend on another flag; returns what turns that one."""
    local = json.loads((restored.data_dir / "flag-service.json").read_text())
    http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(20))
    flags = f"{local['url']}/api/v2/flags/default"

    def send(method, path, body, content_type="application/json"):
        headers = {"Authorization": local["tokens"]["writer"], "Content-Type": content_type}
        answer = http.request(method, f"{flags}{path}", body=json.dumps(body), headers=headers)
        assert answer.status < 300, answer.data
        return answer.json()

    def change(flag, instruction):
        semantic = "application/json; domain-model=launchdarkly.semanticpatch"
        send("PATCH", f"/{flag}", {"environmentKey": "test", "instructions": [instruction]}, semantic)

    def turn(*, on):
        change("backend-is-fine", {"kind": "turnFlagOn" if on else "turnFlagOff"})

    fine = send("POST", "", {"key": "backend-is-fine", "name": "Backend is fine"})["variations"][0]["_id"]
    turn(on=True)
    change(FLAG, {"kind": "addPrerequisite", "key": "backend-is-fine", "variationId": fine})
    yield turn
    change(FLAG, {"kind": "removePrerequisite", "key": "backend-is-fine"})


def test_a_prerequisite_degrades_an_open_page_and_brings_it_back_and_both_are_confirmed(
    restored, visit, turn_prerequisite
):
    page = visit(restored.url)
    page.wait_until_connected()
    page.wait_for_mode("full")

    for on, mode in ((False, "degraded"), (True, "full"), (False, "degraded"), (True, "full")):
        turn_prerequisite(on=on)
        page.wait_for_mode(mode)
        eventually(lambda: confirmed(restored) == 1, what=f"the confirmation of {mode}")

    assert page.avatars() > 0
    assert page.errors() == []


def confirmed(stack):
    (instance,) = stack.opsctl("status", "--json").json["instances"]
    return instance["browsers"]["confirmed"]
