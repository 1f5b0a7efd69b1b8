"""The wire itself: status codes, headers and bodies that clients depend on without saying so."""

import email.utils
import gzip
import http.client
import json
import uuid
from urllib.parse import urlsplit

import pytest

EVENTS = [{"kind": "custom", "creationDate": 1, "key": "clicked"}]


@pytest.fixture
def connect(shared_flag_service):
    parts = urlsplit(shared_flag_service.url)
    return lambda: http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)


@pytest.fixture
def send(connect, shared_flag_service):
    """Send one request; `credential` is an SDK key unless given."""

    def send(method, path, body=None, credential=None, **headers):
        connection = connect()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent.setdefault("Authorization", shared_flag_service.sdk_key() if credential is None else credential)
        connection.request(method, path, body=body, headers=sent)
        response = connection.getresponse()
        response.body = response.read()
        connection.close()
        return response

    return send


@pytest.fixture
def count_of_custom_events(send):
    def count():
        status = json.loads(send("GET", "/status").body)
        return status["environments"]["default/test"]["events"].get("custom", 0)

    return count


def error_of(response):
    body = json.loads(response.body)
    assert response.headers["Content-Type"].startswith("application/json")
    assert uuid.UUID(body["id"])
    assert body["message"]
    return response.status, body["code"]


def test_a_poll_has_an_etag_and_is_304_until_something_changes(send, flag_service, connect):
    path = "/sdk/latest-all"
    first = send("GET", path)
    again = send("GET", path, If_None_Match=first.headers["ETag"])

    assert sorted(json.loads(first.body)) == ["flags", "segments"]
    assert (again.status, again.body) == (304, b"")
    mine = urlsplit(flag_service.url)
    connection = http.client.HTTPConnection(mine.hostname, mine.port, timeout=20)
    headers = {"Authorization": flag_service.sdk_key()}
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    response.read()
    flag_service.turn(on=False)
    connection.request("GET", path, headers={**headers, "If-None-Match": response.headers["ETag"]})
    assert connection.getresponse().status == 200
    connection.close()


def test_the_stream_is_chunked_names_the_environment_and_begins_with_everything(connect, shared_flag_service):
    ready = json.loads(shared_flag_service.ready_file.read_text())
    connection = connect()
    connection.request("GET", "/all", headers={"Authorization": f"api_key {shared_flag_service.sdk_key()}"})
    response = connection.getresponse()

    assert response.headers["Transfer-Encoding"] == "chunked"
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert response.headers["X-LD-EnvID"] == ready["environments"]["test"]["client_side_id"]
    assert response.readline() == b"event: put\n"
    put = json.loads(response.readline().removeprefix(b"data: "))
    assert (put["path"], sorted(put["data"])) == ("/", ["flags", "segments"])
    connection.close()


@pytest.mark.parametrize("path", ["/all", "/sdk/latest-all", "/sdk/stream", "/sdk/poll", "/bulk", "/diagnostic"])
@pytest.mark.parametrize("credential", ["", "sdk-unknown", "api"])
def test_sdk_routes_refuse_every_other_credential(send, shared_flag_service, path, credential):
    method = "POST" if path in {"/bulk", "/diagnostic"} else "GET"

    response = send(method, path, credential=shared_flag_service.token("admin") if credential == "api" else credential)

    assert error_of(response) == (401, "unauthorized")


def test_chunked_bodies_are_read_by_the_rest_api_and_every_answer_has_a_date(connect, shared_flag_service):
    connection = connect()
    flag = {"key": f"chunked-{uuid.uuid4().hex[:8]}", "name": "Sent in pieces"}
    headers = {"Authorization": shared_flag_service.token(), "Content-Type": "application/json"}
    pieces = [piece.encode() for piece in json.dumps(flag)]

    connection.request("POST", "/api/v2/flags/default", iter(pieces), headers, encode_chunked=True)
    created = connection.getresponse()

    assert (created.status, json.loads(created.read())["name"]) == (201, "Sent in pieces")
    assert email.utils.parsedate_to_datetime(created.headers["Date"])
    connection.request("GET", "/api/v2/nope", headers=headers)
    missing = connection.getresponse()
    assert (missing.status, bool(missing.read()), "Date" in missing.headers) == (404, True, True)
    connection.close()


def test_events_are_read_plain_zipped_and_chunked_and_each_payload_counts_once(send, count_of_custom_events):
    before = count_of_custom_events()
    body = json.dumps(EVENTS).encode()

    for headers, sent in (
        ({"X_LaunchDarkly_Payload_ID": "1"}, body),
        ({"X_LaunchDarkly_Payload_ID": "1"}, body),
        ({"X_LaunchDarkly_Payload_ID": "2", "Content_Encoding": "gzip"}, gzip.compress(body)),
        ({"X_LaunchDarkly_Payload_ID": "3"}, iter([body[:5], body[5:]])),
        ({}, body),
    ):
        response = send("POST", "/bulk", body=sent, **headers)
        assert (response.status, response.body) == (202, b"")
        assert response.headers["Date"]

    assert count_of_custom_events() == before + 4


def test_a_connection_is_still_in_step_after_a_chunked_body(connect, shared_flag_service):
    connection = connect()
    headers = {"Authorization": shared_flag_service.sdk_key(), "Transfer-Encoding": "chunked"}
    for _ in range(3):
        connection.request("POST", "/bulk", body=iter([b"[", b"]"]), headers=headers, encode_chunked=True)
        response = connection.getresponse()
        response.read()
        assert response.status == 202
    connection.close()


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"not json", {}),
        (b"{}", {}),
        (b"[" * 100_000, {}),
        (b"plain", {"Content_Encoding": "gzip"}),
        (gzip.compress(b"[]")[:-3], {"Content_Encoding": "gzip"}),
        (gzip.compress(b" " * 30_000_000), {"Content_Encoding": "gzip"}),
        (b" " * 11_000_000, {}),
        (b"[]", {"Content_Encoding": "br"}),
        (b'[{"kind": "index", "context": {"kind": "user", "key": "\xed\xa0\x80"}}]', {}),
        (json.dumps(EVENTS).encode("utf-16"), {}),
    ],
    ids=["text", "object", "deep", "no gzip", "cut gzip", "gzip bomb", "too long", "brotli", "surrogate", "utf-16"],
)
def test_events_that_cannot_be_read_are_a_400_since_other_refusals_end_an_sdks_events(send, body, headers):
    assert error_of(send("POST", "/bulk", body=body, **headers)) == (400, "invalid_request")


@pytest.mark.parametrize("body", [b'{"comment": "\xed\xa0\x80"}', '{"comment": "é"}'.encode("utf-16")])
def test_a_change_that_is_not_in_utf_8_is_a_400(send, shared_flag_service, body):
    path = f"/api/v2/flags/default/{shared_flag_service.flag}"
    headers = {"Content_Type": "application/json; domain-model=launchdarkly.semanticpatch"}

    response = send("PATCH", path, body, shared_flag_service.token("writer"), **headers)

    assert error_of(response) == (400, "invalid_request")
    assert "not valid JSON" in json.loads(response.body)["message"]


def test_a_diagnostic_event_is_accepted(send):
    assert send("POST", "/diagnostic", body=b"{}").status == 202


@pytest.mark.parametrize("role", ["reader", "writer", "admin"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v2"),
        ("GET", "/api/v2/caller-identity"),
        ("GET", "/api/v2/projects"),
        ("GET", "/api/v2/projects/default"),
        ("GET", "/api/v2/projects/default/environments"),
        ("GET", "/api/v2/projects/default/environments/test"),
        ("GET", "/api/v2/flags/default"),
        ("GET", "/api/v2/flags/default/show-avatars-and-reccs"),
        ("GET", "/api/v2/auditlog"),
        ("POST", "/api/v2/flags/default"),
        ("PATCH", "/api/v2/flags/default/nope"),
        ("DELETE", "/api/v2/flags/default/nope"),
        ("POST", "/api/v2/projects/default/environments"),
        ("PATCH", "/api/v2/projects/default/environments/nope"),
    ],
)
def test_who_may_do_what(send, shared_flag_service, role, method, path):
    """A write that is allowed gets as far as its body: 400 or 404."""
    statuses = {send(method, path, body=b"[]", credential=shared_flag_service.token(role)).status}

    allowed = {200} if method == "GET" else {400, 404}
    assert statuses <= (allowed if role != "reader" or method == "GET" else {403})
    assert send(method, path, body=b"[]", credential=shared_flag_service.sdk_key()).status == 401


def rest(send, service, method, path, body=None, **headers):
    return send(method, path, body=body, credential=service.token("writer"), **headers)


FLAG = "/api/v2/flags/default/show-avatars-and-reccs"


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_method_that_a_route_does_not_have_is_a_405(send, shared_flag_service, method):
    response = rest(send, shared_flag_service, method, FLAG)

    assert error_of(response) == (405, "method_not_allowed")
    assert "PATCH" in response.headers["Allow"]


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "expected"),
    [
        ("GET", "/nowhere", None, {}, (404, "not_found")),
        ("GET", "/api/v2/flags/moon", None, {}, (404, "not_found")),
        ("GET", "/api/v2/flags/default/%2e%2e%2f..%00", None, {}, (404, "not_found")),
        ("GET", "/api/v2/auditlog/x", None, {}, (404, "not_found")),
        ("GET", "/api/v2/auditlog?limit=21", None, {}, (400, "invalid_request")),
        ("GET", "/api/v2/auditlog?spec=x", None, {}, (400, "invalid_request")),
        ("GET", "/api/v2/auditlog?before=-1", None, {}, (400, "invalid_request")),
        ("GET", f"{FLAG}?env=moon", None, {}, (400, "invalid_request")),
        ("GET", "/api/v2/flags/default?env=moon", None, {}, (400, "invalid_request")),
        ("GET", "/api/v2/projects?filter=colour:x", None, {}, (400, "invalid_request")),
        ("POST", "/api/v2/flags/default?clone=x", b"{}", {}, (404, "not_found")),
        ("GET", "/api/v2/flags/default?limit=x", None, {}, (400, "invalid_request")),
        ("GET", "/api/v2/flags/default?sort=x", None, {}, (400, "invalid_request")),
        ("GET", "/api/v2/flags/default", None, {"LD_API_Version": "20191212"}, (400, "invalid_request")),
        ("PATCH", FLAG, b"{", {}, (400, "invalid_request")),
        ("PATCH", FLAG, b"[" * 100_000, {}, (400, "invalid_request")),
        ("PATCH", FLAG, b'{"instructions":[{"kind":"turnFlagOff"}]}', {}, (400, "invalid_request")),
        ("PATCH", FLAG, b"7", {}, (422, "invalid_request")),
        ("PATCH", FLAG, b'{"patch":{}}', {}, (422, "invalid_request")),
        ("PATCH", FLAG, b'{"merge":7}', {}, (400, "invalid_request")),
        ("PATCH", FLAG, b" " * 11_000_000, {}, (413, "invalid_request")),
        ("POST", "/api/v2/flags/default", b"[]", {}, (400, "invalid_request")),
        ("POST", "/api/v2/flags/default", b'{"key":"a b","name":"x"}', {}, (400, "invalid_request")),
        ("POST", "/api/v2/flags/default", b'{"key":"ok"}', {}, (400, "invalid_request")),
        ("POST", "/api/v2/flags/default", b'{"key":"ok","name":NaN}', {}, (400, "invalid_request")),
    ],
)
def test_bad_requests_get_launchdarklys_error_bodies(send, shared_flag_service, method, path, body, headers, expected):
    assert error_of(rest(send, shared_flag_service, method, path, body, **headers)) == expected


def test_a_method_may_be_tunnelled_through_a_post(send, shared_flag_service):
    response = rest(
        send,
        shared_flag_service,
        "POST",
        FLAG,
        b'[{"op":"test","path":"/key","value":"x"}]',
        X_HTTP_Method_Override="patch",
    )

    assert error_of(response) == (409, "optimistic_locking_error")


def test_a_reader_cannot_write_through_a_tunnel(send, shared_flag_service):
    response = send("POST", FLAG, b"[]", credential=shared_flag_service.token("reader"), X_HTTP_Method_Override="PATCH")

    assert error_of(response) == (403, "forbidden")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1:8765", "localhost.evil", ""])
def test_a_request_under_another_name_than_loopbacks_is_refused(send, host):
    assert error_of(send("GET", "/status", Host=host)) == (400, "invalid_request")


@pytest.mark.parametrize("host", ["localhost:8765", "127.0.0.1", "[::1]:8765", "flags.localhost"])
def test_every_loopback_name_is_answered(send, host):
    assert send("GET", "/status", Host=host).status == 200


def test_the_status_holds_no_secret(send, shared_flag_service):
    ready = json.loads(shared_flag_service.ready_file.read_text())
    secrets = [*ready["tokens"].values(), *(one["sdk_key"] for one in ready["environments"].values())]

    text = send("GET", "/status", credential="").body.decode()

    assert not [secret for secret in secrets if secret in text]
