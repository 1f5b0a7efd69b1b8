"""The provider's audit log page by page, against the real flag service; and who acts here."""

import getpass
from dataclasses import replace
from itertools import islice

import pytest
from builders import REF
from support.scripted_http import Answer, ScriptedServer

from opsctl.adapters.launchdarkly_audit import LaunchDarklyAudit
from opsctl.adapters.launchdarkly_http import RestConnection
from opsctl.adapters.operator import operator_of
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.settings import Settings
from opsctl.settings.secret import Secret


def changes_at(url, token="api-00000000-aaaa"):
    settings = Settings(api_uri=url, access_token=Secret.parse(token) if token else None)
    return LaunchDarklyAudit(lambda: RestConnection(settings)).changes(REF)


def test_all_pages_are_read_and_each_entry_comes_once_newest_first(flag_service):
    for number in range(45):
        flag_service.turn(on=number % 2 == 1, comment=f"change {number}")

    found = list(changes_at(flag_service.url, flag_service.token()))

    comments = [entry.comment for entry in found if entry.comment]
    assert comments == [f"change {number}" for number in reversed(range(45))]
    assert len({entry.id for entry in found}) == len(found)


def test_no_page_is_read_that_is_not_needed():
    items = [{"_id": str(number), "date": 10**12 - number, "titleVerb": "x"} for number in range(20)]
    with ScriptedServer(Answer(body={"items": items}), Answer(status=500)) as server:
        found = list(islice(changes_at(server.url), 20))

        assert len(found) == 20
        assert len(server.requests) == 1


def test_entries_of_one_millisecond_end(flag_service):
    items = [{"_id": str(number), "date": 10**12, "titleVerb": "x"} for number in range(20)]
    with ScriptedServer(Answer(body={"items": items})) as server:
        assert len(list(changes_at(server.url))) == 20
        assert len(server.requests) == 2


@pytest.mark.parametrize("body", [{}, {"items": [{}]}, {"items": [{"_id": "1", "date": "now"}]}, []])
def test_an_answer_that_is_something_else_is_an_error_that_says_so(body):
    with ScriptedServer(Answer(body=body)) as server, pytest.raises(OpsError) as failed:
        list(changes_at(server.url))

    assert failed.value.code is ErrorCode.FAILED
    assert "is not one of the LaunchDarkly REST API" in failed.value.message


def test_that_there_is_no_token_shows_when_the_log_is_asked():
    changes = changes_at("http://127.0.0.1:9", token=None)

    with pytest.raises(OpsError) as failed:
        next(changes)
    assert failed.value.code is ErrorCode.BAD_CREDENTIALS


def test_the_operator_is_the_setting_or_else_user_and_machine(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "ops-1.example.org")
    monkeypatch.setenv("LOGNAME", "sandy")

    assert operator_of(Settings()) == "sandy@ops-1"
    assert operator_of(replace(Settings(), operator="Noor (on call)")) == "Noor (on call)"


def test_a_user_that_nobody_knows_is_unknown(monkeypatch):
    def unknown():
        raise KeyError("getpwuid(): uid not found: 4242")

    monkeypatch.setattr(getpass, "getuser", unknown)

    assert operator_of(Settings()).startswith("unknown@")
