"""Dry runs of changes at the real flag service, and at providers that answer otherwise."""

from pathlib import Path

import pytest
from builders import KEY, REF
from support.scripted_http import Answer, ScriptedServer

from opsctl.adapters.launchdarkly_checks import LaunchDarklyChecks
from opsctl.adapters.launchdarkly_http import RestConnection
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.settings import Secret, Settings


def checks_at(url, token="api-1234567890"):
    settings = Settings(access_token=Secret(token), api_uri=url, data_dir=Path("unused"))
    return LaunchDarklyChecks(RestConnection(settings))


def targeting_of(service):
    return service.request("GET", f"flags/default/{KEY}").json()["environments"]["test"]


@pytest.mark.parametrize("on", [True, False])
def test_a_change_that_would_be_made_is_not_made(shared_flag_service, on):
    before = targeting_of(shared_flag_service)

    checks_at(shared_flag_service.url, shared_flag_service.token()).check_turn(REF, on=on, comment="only looking")

    assert targeting_of(shared_flag_service) == before


def test_a_token_that_may_not_write_is_refused_as_in_a_real_change(shared_flag_service):
    with pytest.raises(OpsError) as caught:
        checks_at(shared_flag_service.url, shared_flag_service.token("reader")).check_turn(REF, on=False, comment="")

    assert caught.value.code is ErrorCode.FORBIDDEN


@pytest.mark.parametrize(("on", "ignores"), [(False, True), (True, False)])
def test_a_kill_goes_ahead_of_what_is_pending_and_a_restore_does_not(on, ignores):
    with ScriptedServer(Answer(200, b"{}")) as server:
        checks_at(server.url).check_turn(REF, on=on, comment="")

    method, path, _, _ = server.requests[0]
    assert (method, "dryRun=true" in path, "ignoreConflicts=true" in path) == ("PATCH", True, ignores)


def test_an_approval_that_is_required_is_a_refusal():
    with ScriptedServer(Answer(405, b'{"message": "approval required"}')) as server, pytest.raises(OpsError) as caught:
        checks_at(server.url).check_turn(REF, on=False, comment="")

    assert caught.value.code is ErrorCode.APPROVAL_REQUIRED
