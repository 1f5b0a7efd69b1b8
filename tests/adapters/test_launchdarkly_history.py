"""What a flag went through: against the real flag service, and against answers that go wrong."""

import uuid
from pathlib import Path

import pytest
from support.faulty_proxy import FaultyProxy
from support.scripted_http import Answer, ScriptedServer

from opsctl.adapters.launchdarkly_history import LaunchDarklyHistory
from opsctl.adapters.launchdarkly_http import RestConnection
from opsctl.adapters.launchdarkly_rest import LaunchDarklyRest
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import FlagRef, NewFlag
from opsctl.core.watching import is_whole
from opsctl.settings import Secret, Settings

TOKEN = "api-00000000-0000-4000-8000-00000000beef"


def connection(url, token=TOKEN):
    return RestConnection(Settings(access_token=Secret(token), api_uri=url, data_dir=Path("unused"), timeout_s=5.0))


@pytest.fixture(scope="module")
def rest(shared_flag_service):
    settings = Settings(
        access_token=Secret(shared_flag_service.token("writer")), api_uri=shared_flag_service.url, data_dir=Path("x")
    )
    return LaunchDarklyRest(settings)


@pytest.fixture
def ref(rest):
    return FlagRef("default", "test", rest.create_flag("default", NewFlag(f"switch-{uuid.uuid4().hex}", "Switch")).key)


@pytest.fixture
def history(shared_flag_service):
    return LaunchDarklyHistory(connection(shared_flag_service.url, shared_flag_service.token("reader")))


def test_each_change_has_its_versions_who_and_why(rest, ref, history):
    rest.turn(ref, on=True, comment="open")
    rest.turn(ref, on=False, comment="spike (INC-1)")

    opened, killed = history.changes_since(ref, 1)

    assert (opened.from_version, opened.version, opened.was_on, opened.is_on) == (1, 2, False, True)
    assert (killed.from_version, killed.version, killed.was_on, killed.is_on) == (2, 3, True, False)
    assert (killed.entry.comment, "turned off" in killed.entry.what) == ("spike (INC-1)", True)


def test_only_what_came_after_the_version_is_told(rest, ref, history):
    for on in (True, False, True):
        rest.turn(ref, on=on, comment="")

    assert [change.version for change in history.changes_since(ref, 3)] == [4]
    assert history.changes_since(ref, 4) == ()


def test_the_creation_is_the_first_change(rest, ref, history):
    rest.turn(ref, on=True, comment="")

    created, _ = history.changes_since(ref, 0)

    assert (created.from_version, created.version, created.was_on) == (0, 1, False)
    assert is_whole([created], 0, 1)


def test_more_than_a_page_of_changes_is_told_in_order(rest, ref, history):
    for number in range(45):
        rest.turn(ref, on=number % 2 == 0, comment="")

    changes = history.changes_since(ref, 1)

    assert [change.version for change in changes] == list(range(2, 47))
    assert is_whole(changes, 1, 46)


def test_another_environment_is_another_history(rest, ref, history):
    rest.turn(FlagRef(ref.project, "production", ref.key), on=True, comment="")

    assert history.changes_since(ref, 1) == ()


def test_what_is_no_change_of_the_flag_is_left_out(rest, ref, history, shared_flag_service):
    path = f"projects/default/flags/{ref.key}/environments/test/scheduled-changes"
    body = {"executionDate": 4_102_444_800_000, "instructions": [{"kind": "turnFlagOn"}]}
    assert shared_flag_service.request("POST", path, body).status == 201
    rest.turn(ref, on=True, comment="")

    assert [change.version for change in history.changes_since(ref, 1)] == [2]


ENTRY = {"_id": "1", "date": 3, "titleVerb": "turned off the flag", "comment": ""}


def test_an_entry_without_the_flag_before_and_after_tells_no_change():
    with ScriptedServer(Answer(200, {"items": [ENTRY]}), Answer(200, ENTRY), Answer(200, {"items": []})) as server:
        assert LaunchDarklyHistory(connection(server.url)).changes_since(FlagRef("default", "test", "x"), 0) == ()


@pytest.mark.parametrize(
    "detail", [{**ENTRY, "currentVersion": {"environments": {"test": {"version": "x", "on": True}}}}, [], "x"]
)
def test_an_answer_that_is_no_entry_is_said_to_be_foreign(detail):
    with (
        ScriptedServer(Answer(200, {"items": [ENTRY]}), Answer(200, detail)) as server,
        pytest.raises(OpsError) as raised,
    ):
        LaunchDarklyHistory(connection(server.url)).changes_since(FlagRef("default", "test", "x"), 0)

    assert raised.value.code is ErrorCode.FAILED


def test_an_answer_that_is_no_list_is_said_to_be_foreign():
    with ScriptedServer(Answer(200, {"items": 3})) as server, pytest.raises(OpsError):
        LaunchDarklyHistory(connection(server.url)).changes_since(FlagRef("default", "test", "x"), 0)


def test_an_entry_is_looked_at_once(rest, ref, shared_flag_service):
    with FaultyProxy(shared_flag_service.url) as proxy:
        history = LaunchDarklyHistory(connection(proxy.url, shared_flag_service.token("reader")))
        rest.turn(ref, on=True, comment="")

        assert history.changes_since(ref, 1) == history.changes_since(ref, 1)

        assert proxy.count(path="/auditlog/") == 2
