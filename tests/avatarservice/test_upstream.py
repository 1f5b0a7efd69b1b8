"""The stand-in in front of another avatar API: a real process between a caller and a real server."""

from __future__ import annotations

import ssl

import pytest
from support.remote_control import Certificates
from support.scripted_http import Answer, ScriptedServer

pytestmark = pytest.mark.acceptance

SEARCH = "/v1/images/search"


def test_a_search_is_answered_by_the_api_behind_with_the_caller_s_key(start_avatar_service):
    api = start_avatar_service()
    proxy = start_avatar_service("--before", api.url)

    image = proxy.get(SEARCH).json()[0]["url"]
    with_key = proxy.get(f"{SEARCH}?limit=200", **{"x-api-key": "any"}).json()

    assert image.startswith(f"{api.url}/images/")
    assert len(with_key) == 100
    assert api.get("/stats").json()["calls"] == proxy.get("/stats").json()["calls"] == 2


def test_what_fails_on_purpose_does_not_reach_the_api_behind(start_avatar_service):
    api = start_avatar_service()
    proxy = start_avatar_service("--before", api.url)

    proxy.put_knobs({"error_rate": 1.0})
    failed = proxy.get(SEARCH).status
    proxy.put_knobs({"error_rate": 0.0, "rate_limit_per_s": 1.0})
    limited = [proxy.get(SEARCH).status for _ in range(2)]

    assert (failed, limited) == (500, [200, 429])
    assert proxy.get("/stats").json() | {"images": 0} == {
        "calls": 3, "passed_on": 1, "images": 0, "errors": 1, "rate_limited": 1, "waiting": 0,
    }  # fmt: skip
    assert api.get("/stats").json()["calls"] == 1


def test_nothing_but_searches_is_passed_on(start_avatar_service):
    with ScriptedServer(Answer(body=[])) as api:
        proxy = start_avatar_service("--before", f"{api.url}/base")

        statuses = [proxy.get(path).status for path in ("/images/abc.svg", "/", "//127.0.0.1:1/", f"/x{SEARCH}")]
        proxy.get(SEARCH, Cookie="device=1", Authorization="Bearer 1")

    assert statuses == [404] * 4
    assert [(method, path) for method, path, _, _ in api.requests] == [("GET", f"/base{SEARCH}")]
    assert {"Cookie", "Authorization", "X-Api-Key"}.isdisjoint(map(str.title, api.requests[0][2]))


def test_a_redirect_to_somewhere_else_is_not_followed(start_avatar_service):
    with ScriptedServer(Answer(body=[])) as elsewhere:
        there = Answer(302, headers={"Location": f"{elsewhere.url}/"}, body=[])
        with ScriptedServer(there) as api:
            proxy = start_avatar_service("--before", api.url)
            answer = proxy.http.request("GET", proxy.url + SEARCH, redirect=False)

    assert (answer.status, answer.headers.get("Location")) == (302, None)
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    ("answer", "status", "counted"),
    [
        (Answer(429, headers={"Retry-After": "7"}, body={}), 429, "rate_limited"),
        (Answer(503, body={}), 503, "errors"),
        (Answer(body=b"x" * 2_000_000), 502, "errors"),
    ],
    ids=["rate limit", "failure", "too long"],
)
def test_how_the_api_behind_fails_is_passed_on_and_counted(start_avatar_service, answer, status, counted):
    with ScriptedServer(answer) as api:
        proxy = start_avatar_service("--before", api.url)
        got = proxy.get(SEARCH)

    assert (got.status, got.headers.get("Retry-After")) == (status, answer.headers.get("Retry-After"))
    assert proxy.get("/stats").json()[counted] == 1


def test_an_api_behind_that_is_gone_is_a_bad_gateway(start_avatar_service):
    assert start_avatar_service("--before", "http://127.0.0.1:9").get(SEARCH).status == 502


def test_the_certificate_of_the_api_behind_is_verified(start_avatar_service, tmp_path):
    certificates = Certificates(tmp_path)
    files = certificates.settings_for("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files["OPSCTL_CONTROL_TLS_CERT"], files["OPSCTL_CONTROL_TLS_KEY"])
    api = ScriptedServer(Answer(body=[{"url": "https://images.example/1"}]))
    api._server.socket = context.wrap_socket(api._server.socket, server_side=True)
    with api:
        url = api.url.replace("http:", "https:")
        unknown = start_avatar_service("--before", url).get(SEARCH)
        known = start_avatar_service("--before", url, SSL_CERT_FILE=str(certificates.ca)).get(SEARCH)

    assert (unknown.status, known.status) == (502, 200)
    assert known.json() == [{"url": "https://images.example/1"}]
    assert len(api.requests) == 1


def test_an_address_that_is_no_url_is_refused(start_avatar_service):
    process = start_avatar_service("--before", "example.com").process

    assert process.wait(60) == 2
    assert "is not a URL" in process.stderr.read()
