"""The routes of client-side and mobile SDKs, as they look on the wire."""

import base64
import contextlib
import hashlib
import hmac
import itertools
import json
import urllib.request

import pytest
from support.waiting import DEADLINE_S, eventually

pytestmark = pytest.mark.acceptance
NUMBERS = itertools.count(1)
SANDY = {"kind": "user", "key": "sandy"}
EVERYWHERE = {"clientSideAvailability": {"usingEnvironmentId": True, "usingMobileKey": True}}


def encoded(context, *, padded=False):
    text = base64.urlsafe_b64encode(json.dumps(context).encode()).decode()
    return text if padded else text.rstrip("=")


@pytest.fixture
def service(shared_flag_service):
    return shared_flag_service


@pytest.fixture
def make_flag(service):
    def make_flag(**body):
        key = f"client-side-{next(NUMBERS)}"
        answer = service.request("POST", "flags/default", {"key": key, "name": key, "isFlagOn": True, **body})
        assert answer.status == 201, answer.data
        return key

    return make_flag


@contextlib.contextmanager
def stream(service, path, method="GET", body=None, headers=None):
    """Open a stream, and yield a function that returns its next event and data."""
    request = urllib.request.Request(f"{service.url}{path}", data=body, method=method, headers=headers or {})
    with urllib.request.urlopen(request, timeout=DEADLINE_S) as response:

        def next_event():
            event = None
            for line in response:
                text = line.decode().rstrip("\n")
                if text.startswith("event: "):
                    event = text.removeprefix("event: ")
                elif text.startswith("data:") and event:
                    data = text.removeprefix("data:").strip()
                    return event, json.loads(data) if data else None
            return None

        yield next_event


def test_browsers_and_phones_are_shown_what_is_available_to_each(service, make_flag):
    both, browsers, phones, neither = (
        make_flag(clientSideAvailability={"usingEnvironmentId": browser, "usingMobileKey": phone})
        for browser, phone in ((True, True), (True, False), (False, True), (False, False))
    )

    seen_in_browsers = service.fetch("GET", f"/sdk/evalx/{service.client_side_id()}/contexts/{encoded(SANDY)}").json()
    key = {"Authorization": service.mobile_key()}
    seen_on_phones = service.fetch("GET", f"/msdk/evalx/contexts/{encoded(SANDY)}", headers=key).json()

    assert {both, browsers} <= seen_in_browsers.keys()
    assert not {phones, neither} & seen_in_browsers.keys()
    assert {both, phones} <= seen_on_phones.keys()
    assert not {browsers, neither} & seen_on_phones.keys()


def test_an_evaluated_flag_has_what_sdks_read(service, make_flag):
    key = make_flag(**EVERYWHERE)
    path = f"/sdk/evalx/{service.client_side_id()}/contexts/{encoded(SANDY)}"

    bare, reasoned = (service.fetch("GET", path + query).json()[key] for query in ("", "?withReasons=true"))

    assert (bare["value"], bare["variation"], bare["flagVersion"], bare["trackEvents"]) == (True, 0, 1, False)
    assert type(bare["version"]) is int
    assert bare.get("reason") is None
    assert reasoned["reason"] == {"kind": "FALLTHROUGH"}


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize(
    ("path", "context"),
    [
        ("/sdk/evalx/{env}/contexts/{context}", SANDY),
        (
            "/sdk/evalx/{env}/users/{context}",
            {"key": "sandy", "anonymous": False, "email": "a@b", "custom": {"a": 1}, "privateAttributeNames": ["a"]},
        ),
        ("/sdk/eval/{env}/users/{context}", {"key": "sandy"}),
        ("/sdk/eval/{env}/contexts/{context}", SANDY),
        ("/msdk/evalx/contexts/{context}", SANDY),
        ("/msdk/evalx/users/{context}", {"key": "sandy"}),
        ("/msdk/eval/users/{context}", {"key": "sandy"}),
        ("/msdk/eval/contexts/{context}", SANDY),
    ],
)
def test_contexts_and_users_in_the_path(service, make_flag, path, context, padded):
    key = make_flag(**EVERYWHERE)
    url = path.format(env=service.client_side_id(), context=encoded(context, padded=padded))

    answer = service.fetch("GET", url, headers={"Authorization": service.mobile_key()})

    found = answer.json()[key]
    assert (found["value"] if "evalx" in path else found) is True
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    "path",
    [
        *("/sdk/evalx/{env}/context", "/sdk/evalx/{env}/user", "/sdk/eval/{env}/context", "/sdk/eval/{env}/user"),
        *("/msdk/evalx/context", "/msdk/evalx/user", "/msdk/eval/context", "/msdk/eval/user"),
    ],
)
def test_contexts_and_users_in_the_body_of_a_report(service, make_flag, path):
    key = make_flag(**EVERYWHERE)
    context = {"key": "sandy"} if path.endswith("user") else SANDY
    headers = {"Authorization": service.mobile_key(), "Content-Type": "application/json"}

    answer = service.fetch("REPORT", path.format(env=service.client_side_id()), json.dumps(context).encode(), headers)

    assert key in answer.json()


def test_a_poll_for_what_is_known_already_is_a_304(service, make_flag):
    make_flag(**EVERYWHERE)
    path = f"/sdk/evalx/{service.client_side_id()}/contexts/{encoded(SANDY)}"
    first = service.fetch("GET", path)

    again = service.fetch("GET", path, headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status, again.data) == (304, b"")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"kind":"user"}', b'{"kind":"kind","key":"a"}', b'{"kind":"multi"}', b'"sandy"']
)
def test_what_is_no_context_is_a_400_that_the_page_can_read(service, body):
    answer = service.fetch("REPORT", f"/sdk/evalx/{service.client_side_id()}/context", body)

    assert (answer.status, answer.json()["code"]) == (400, "invalid_request")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_what_is_no_base64_is_a_400(service):
    assert service.fetch("GET", f"/sdk/evalx/{service.client_side_id()}/contexts/%C3%A9").status == 400
    assert service.fetch("GET", f"/sdk/evalx/{service.client_side_id()}/contexts/a").status == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"/sdk/evalx/{'0' * 24}/contexts/{encoded(SANDY)}", 404),
        ("GET", f"/eval/{'0' * 24}/{encoded(SANDY)}", 404),
        ("GET", f"/sdk/goals/{'0' * 24}", 404),
        ("POST", f"/events/bulk/{'0' * 24}", 404),
        ("GET", f"/msdk/evalx/contexts/{encoded(SANDY)}", 401),
        ("GET", f"/meval/{encoded(SANDY)}", 401),
        ("GET", "/mping", 401),
        ("POST", "/mobile", 401),
    ],
)
def test_strangers_are_turned_away(service, method, path, status):
    for credential in ("", "mob-unknown", service.sdk_key(), service.token("admin")):
        answer = service.fetch(method, path, b"[]" if method == "POST" else None, {"Authorization": credential})
        assert answer.status == status


def test_a_preflight_allows_what_sdks_send(service):
    asked = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "REPORT",
        "Access-Control-Request-Headers": "content-type,x-launchdarkly-user-agent,x-launchdarkly-of-tomorrow",
    }

    answer = service.fetch("OPTIONS", f"/sdk/evalx/{service.client_side_id()}/context", headers=asked)

    assert answer.status in {200, 204}
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "REPORT" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"content-type", "x-launchdarkly-user-agent", "x-launchdarkly-of-tomorrow"} <= set(allowed)


def test_a_page_may_read_the_date(service):
    answer = service.fetch("POST", f"/events/bulk/{service.client_side_id()}", b"[]")

    assert answer.status == 202
    assert "Date" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.headers["Date"]


@pytest.mark.parametrize("is_mobile", [False, True])
@pytest.mark.parametrize("method", ["GET", "REPORT"])
def test_a_stream_begins_with_everything_and_goes_on_with_what_is_served_differently(
    service, make_flag, is_mobile, method
):
    key, other = make_flag(**EVERYWHERE), make_flag(**EVERYWHERE)
    path = "/meval" if is_mobile else f"/eval/{service.client_side_id()}"
    place, body = (f"{path}/{encoded(SANDY)}", None) if method == "GET" else (path, json.dumps(SANDY).encode())
    headers = {"Authorization": service.mobile_key(), "Content-Type": "application/json"}
    with stream(service, f"{place}?withReasons=true", method, body, headers) as next_event:
        event, flags = next_event()
        assert (event, flags[key]["value"], flags[other]["value"]) == ("put", True, True)

        service.semantic_patch({"kind": "turnFlagOff"}, flag=key)
        event, patch = next_event()
        assert (event, patch["key"], patch["value"], patch["reason"]) == ("patch", key, False, {"kind": "OFF"})
        assert patch["version"] > flags[key]["version"]
        service.request("DELETE", f"flags/default/{key}")

        event, gone = next_event()
        assert (event, gone["key"]) == ("delete", key)
        assert gone["version"] > patch["version"]


@pytest.mark.parametrize("is_mobile", [False, True])
def test_a_ping_stream_pings_at_first_and_after_a_change(service, make_flag, is_mobile):
    key = make_flag()
    path = "/mping" if is_mobile else f"/ping/{service.client_side_id()}"
    with stream(service, path, headers={"Authorization": service.mobile_key()}) as next_event:
        assert next_event() == ("ping", None)

        service.semantic_patch({"kind": "turnFlagOff"}, flag=key)

        assert next_event() == ("ping", None)


def test_goals_are_empty(service):
    assert service.fetch("GET", f"/sdk/goals/{service.client_side_id()}").json() == []


@pytest.mark.parametrize("path", ["/events/bulk/{env}", "/mobile", "/mobile/events", "/mobile/events/bulk"])
def test_events_are_counted_once_per_payload_id(service, path):
    def custom():
        return service.fetch("GET", "/status").json()["environments"]["default/test"]["events"].get("custom", 0)

    before, payload = custom(), f"payload-{next(NUMBERS)}-{path}"
    headers = {"Authorization": service.mobile_key(), "X-LaunchDarkly-Payload-ID": payload}
    for _ in range(2):
        answer = service.fetch("POST", path.format(env=service.client_side_id()), b'[{"kind":"custom"}]', headers)
        assert (answer.status, answer.data) == (202, b"")

    assert custom() == before + 1


def test_diagnostics_are_taken_and_events_in_an_image_too(service):
    env = service.client_side_id()
    assert service.fetch("POST", f"/events/diagnostic/{env}", b"{}").status == 202
    key = {"Authorization": service.mobile_key()}
    assert service.fetch("POST", "/mobile/events/diagnostic", b"{}", key).status == 202

    image = service.fetch("GET", f"/a/{env}.gif?d={encoded([{'kind': 'custom'}])}")

    assert (image.status, image.headers["Content-Type"]) == (200, "image/gif")


def test_secure_mode_asks_browsers_for_the_hash_and_phones_for_none(flag_service):
    patch = [{"op": "replace", "path": "/secureMode", "value": True}]
    assert flag_service.request("PATCH", "projects/default/environments/test", patch).status == 200
    path = f"/sdk/evalx/{flag_service.client_side_id()}/contexts/{encoded(SANDY)}"
    digest = hmac.new(flag_service.sdk_key().encode(), b"sandy", hashlib.sha256).hexdigest()

    for query, status in (("", 400), ("?h=", 400), (f"?h={digest[:-1]}0x", 400), (f"?h={digest}", 200)):
        assert flag_service.fetch("GET", path + query).status == status
    key = {"Authorization": flag_service.mobile_key()}
    assert flag_service.fetch("GET", f"/msdk/evalx/contexts/{encoded(SANDY)}", headers=key).status == 200


def test_streams_end_when_the_service_stops(flag_service):
    with stream(flag_service, f"/eval/{flag_service.client_side_id()}/{encoded(SANDY)}") as next_event:
        assert next_event()[0] == "put"

        assert flag_service.stop() == 0

        assert next_event() is None


def test_a_stream_that_is_not_read_holds_nobody_up(service, make_flag):
    key = make_flag(**EVERYWHERE)
    path = f"/eval/{service.client_side_id()}/{encoded(SANDY)}"
    with stream(service, path) as unread, stream(service, path) as read:
        assert unread()[0] == read()[0] == "put"
        for number in range(20):
            service.semantic_patch({"kind": "turnFlagOff" if number % 2 == 0 else "turnFlagOn"}, flag=key)
        seen = eventually(lambda: (event := read())[1].get("key") == key and event, what="the change")

        assert seen[0] == "patch"
