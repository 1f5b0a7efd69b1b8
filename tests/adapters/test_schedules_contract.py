"""What holds for everything that schedules changes: the fake that the services are tested on, and the real thing."""

import time
import uuid
from pathlib import Path

import pytest
from fakes import FakeClock, InMemorySchedules
from support.scripted_http import Answer, ScriptedServer

from opsctl.adapters.launchdarkly_http import RestConnection
from opsctl.adapters.launchdarkly_rest import LaunchDarklyRest
from opsctl.adapters.launchdarkly_schedules import LaunchDarklySchedules
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import FlagRef, NewFlag
from opsctl.core.scheduling import marked
from opsctl.settings import Secret, Settings

TOKEN = "api-00000000-0000-4000-8000-00000000beef"


def settings_for(url, token=TOKEN):
    return Settings(access_token=Secret(token), api_uri=url, data_dir=Path("unused"), timeout_s=5.0)


@pytest.fixture(params=["fake", "flag service"])
def schedules(request):
    if request.param == "fake":
        return InMemorySchedules(clock=FakeClock(time.time()))
    service = request.getfixturevalue("shared_flag_service")
    return LaunchDarklySchedules(RestConnection(settings_for(service.url, service.token("writer"))))


@pytest.fixture
def ref(shared_flag_service):
    rest = LaunchDarklyRest(settings_for(shared_flag_service.url, shared_flag_service.token("writer")))
    return FlagRef("default", "test", rest.create_flag("default", NewFlag(f"switch-{uuid.uuid4().hex}", "Switch")).key)


def in_an_hour_ms():
    return int(time.time() * 1000) + 3_600_000


def test_what_was_scheduled_is_on_the_schedule(schedules, ref):
    at_ms = in_an_hour_ms()

    made = schedules.schedule_restore(ref, at_ms=at_ms, comment=marked("spike (INC-1)", at_ms))

    assert schedules.list_scheduled(ref) == (made,)
    assert (made.at_ms, made.turns_on, made.only_turns_on, made.is_ours) == (at_ms, True, True, True)


def test_they_are_listed_in_the_order_of_time(schedules, ref):
    later, sooner = in_an_hour_ms() + 5000, in_an_hour_ms()
    for at_ms in (later, sooner):
        schedules.schedule_restore(ref, at_ms=at_ms, comment="")

    assert [one.at_ms for one in schedules.list_scheduled(ref)] == [sooner, later]


def test_one_without_the_mark_or_with_that_of_another_moment_is_somebody_elses(schedules, ref):
    at_ms = in_an_hour_ms()
    schedules.schedule_restore(ref, at_ms=at_ms, comment="after the match")
    schedules.schedule_restore(ref, at_ms=at_ms + 1, comment=marked("spike", at_ms + 2))

    assert [one.is_ours for one in schedules.list_scheduled(ref)] == [False, False]


def test_what_was_withdrawn_is_gone_and_may_be_withdrawn_again(schedules, ref):
    at_ms = in_an_hour_ms()
    made = schedules.schedule_restore(ref, at_ms=at_ms, comment=marked("", at_ms))

    schedules.withdraw(ref, made)
    schedules.withdraw(ref, made)

    assert schedules.list_scheduled(ref) == ()


def test_its_clock_is_known_once_it_answered(schedules, ref):
    schedules.list_scheduled(ref)

    assert abs(schedules.ahead_s()) < 60


def test_a_provider_in_another_time_is_seen_by_the_date_of_its_answers(ref):
    date = {"Date": "Mon, 21 Sep 2026 14:13:20 GMT"}
    with ScriptedServer(Answer(200, {"items": []}, date)) as server:
        schedules = LaunchDarklySchedules(RestConnection(settings_for(server.url)))
        schedules.list_scheduled(ref)

    assert schedules.ahead_s() == pytest.approx(1_790_000_000.5 - time.time(), abs=10)


@pytest.mark.parametrize("body", [{}, {"items": [{"_id": 3}]}, [], {"items": [3]}])
def test_an_answer_that_is_no_schedule_is_said_to_be_foreign(ref, body):
    with ScriptedServer(Answer(200, body)) as server, pytest.raises(OpsError) as raised:
        LaunchDarklySchedules(RestConnection(settings_for(server.url))).list_scheduled(ref)

    assert raised.value.code is ErrorCode.FAILED


def test_where_the_audit_log_cannot_be_read_nothing_counts_as_made_by_opsctl(ref):
    one = {"_id": "a", "executionDate": 2, "_creationDate": 1, "instructions": [{"kind": "turnFlagOn"}]}
    with ScriptedServer(Answer(200, {"items": [one]}), Answer(403, {})) as server:
        (found,) = LaunchDarklySchedules(RestConnection(settings_for(server.url))).list_scheduled(ref)

    assert (found.turns_on, found.is_ours) == (True, False)
