"""Rate limits and what web pages need: headers that official clients and browsers go by."""

import http.client
import json
import time
from urllib.parse import urlsplit

import launchdarkly_api as ld
import pytest
from support.flag_service import FlagServiceProcess
from support.rest_client import rest_api
from support.waiting import DEADLINE_S

WINDOW_MS = 10_000
FLAG = "flags/default/show-avatars-and-reccs"


@pytest.fixture
def limited(tmp_path):
    """Start a flag service that answers so many requests in a window."""
    processes = []

    def limited(*arguments):
        process = FlagServiceProcess(tmp_path / "limited", *arguments)
        processes.append(process)
        process.start()
        return process

    yield limited
    for process in processes:
        process.stop()


def wait_for_a_window_with_time_left():
    """See to it that all that follows falls into one window."""
    left_ms = WINDOW_MS - time.time() * 1000 % WINDOW_MS
    if left_ms < WINDOW_MS / 2:
        time.sleep(left_ms / 1000)


def wait_until_reset(answer):
    time.sleep(max(0, int(answer.headers["X-Ratelimit-Reset"]) / 1000 - time.time()))


def send(service, method, path, **headers):
    parts = urlsplit(service.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=DEADLINE_S)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers=sent)
    response = connection.getresponse()
    response.body = response.read()
    connection.close()
    return response


def test_the_headers_are_always_there_and_nothing_is_refused_by_itself(shared_flag_service):
    answers = [shared_flag_service.request("GET", FLAG) for _ in range(30)]

    assert {answer.status for answer in answers} == {200}
    for answer in answers:
        assert int(answer.headers["X-Ratelimit-Global-Remaining"]) > 0
        assert int(answer.headers["X-Ratelimit-Route-Remaining"]) > 0
        until_reset_ms = int(answer.headers["X-Ratelimit-Reset"]) - time.time() * 1000
        assert -60_000 < until_reset_ms <= WINDOW_MS
        assert "Retry-After" not in answer.headers


def test_errors_have_the_headers_too_and_a_bad_token_is_not_counted(shared_flag_service):
    missing = shared_flag_service.request("GET", "flags/default/nobody")
    refused = shared_flag_service.request("GET", FLAG, headers={"Authorization": "api-none"})

    assert (missing.status, "X-Ratelimit-Reset" in missing.headers) == (404, True)
    assert (refused.status, "X-Ratelimit-Reset" in refused.headers) == (401, False)


def test_the_limit_of_the_account_holds_over_all_routes_and_tokens_until_the_window_ends(limited):
    service = limited("--rate-limit", "3")
    wait_for_a_window_with_time_left()

    answers = [
        service.request("GET", FLAG),
        service.request("GET", "projects", role="admin"),
        service.request("GET", "projects/nobody"),
        service.request("GET", FLAG, role="reader"),
    ]

    assert [answer.status for answer in answers] == [200, 200, 404, 429]
    assert [answer.headers["X-Ratelimit-Global-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    body = answers[-1].json()
    assert (body["code"], body["message"]) == (
        "rate_limited",
        "You've exceeded the API rate limit. Try again later.",
    )
    wait_until_reset(answers[-1])
    assert service.request("GET", FLAG).status == 200


def test_a_route_is_a_method_and_a_pattern_of_addresses(limited):
    service = limited("--route-rate-limit", "1")
    wait_for_a_window_with_time_left()

    answers = [
        service.request("GET", "projects/default"),
        service.request("GET", "projects/other"),
        service.request("GET", "projects"),
        service.request("PATCH", "projects/default", []),
    ]

    assert [answer.status for answer in answers] == [200, 429, 200, 200]
    assert [answer.headers["X-Ratelimit-Route-Remaining"] for answer in answers] == ["0", "0", "0", "0"]


def test_a_write_that_is_refused_changes_nothing_and_sdks_are_never_limited(limited):
    service = limited("--rate-limit", "1")
    wait_for_a_window_with_time_left()
    service.request("GET", "projects")

    refused = service.request("DELETE", FLAG)
    assert refused.status == 429
    polls = {send(service, "GET", "/sdk/latest-all", Authorization=service.sdk_key()).status for _ in range(5)}
    assert polls == {200}
    wait_until_reset(refused)
    assert service.request("GET", FLAG).status == 200


def test_the_official_client_raises_and_shows_body_and_headers(limited):
    service = limited("--rate-limit", "1")
    wait_for_a_window_with_time_left()
    projects = rest_api(service, "ProjectsApi")
    projects.get_projects()

    with pytest.raises(ld.exceptions.ApiException) as refused:
        projects.get_projects()

    assert refused.value.status == 429
    assert json.loads(refused.value.body)["code"] == "rate_limited"
    assert int(refused.value.headers["X-Ratelimit-Reset"]) % WINDOW_MS == 0


@pytest.mark.parametrize("path", ["/api/v2/projects", f"/api/v2/{FLAG}", "/api/v2/tokens/x/reset"])
def test_a_page_may_ask_whether_it_may_call_without_a_token(shared_flag_service, path):
    answer = send(
        shared_flag_service,
        "OPTIONS",
        path,
        Origin="https://tools.example",
        Access_Control_Request_Method="PATCH",
        Access_Control_Request_Headers="authorization,content-type,ld-api-version",
    )

    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "https://tools.example"
    assert {"GET", "POST", "PUT", "PATCH", "DELETE"} <= set(answer.headers["Access-Control-Allow-Methods"].split(", "))
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"authorization", "content-type", "ld-api-version"} <= set(allowed)
    assert answer.headers["Access-Control-Max-Age"] == "300"


def test_a_page_may_read_answers_and_refusals_and_when_to_come_back(shared_flag_service):
    token = shared_flag_service.token("reader")
    answers = [
        send(shared_flag_service, "GET", "/api/v2/projects", Authorization=token, Origin="https://tools.example"),
        send(shared_flag_service, "GET", "/api/v2/projects", Origin="https://tools.example"),
        send(shared_flag_service, "GET", "/api/v2/nowhere", Authorization=token, Origin="https://tools.example"),
    ]

    assert [answer.status for answer in answers] == [200, 401, 404]
    for answer in answers:
        assert answer.headers["Access-Control-Allow-Origin"] == "https://tools.example"
        assert "X-Ratelimit-Reset" in answer.headers["Access-Control-Expose-Headers"]
        assert "Origin" in answer.headers["Vary"]
    plain = send(shared_flag_service, "GET", "/api/v2/projects", Authorization=token)
    assert plain.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "PUT"])
def test_every_method_can_be_tunnelled_through_a_post(account, method):
    bodies = {"PATCH": [], "DELETE": None, "PUT": {}}
    key = f"tunnelled-{method.lower()}"
    account.request("POST", "flags/default", {"name": key, "key": key})
    path = "projects/default/flag-defaults" if method == "PUT" else f"flags/default/{key}"

    answer = account.request("POST", path, bodies[method], headers={"X-HTTP-Method-Override": method})

    assert answer.status == {"PATCH": 200, "DELETE": 204, "PUT": 400}[method]
