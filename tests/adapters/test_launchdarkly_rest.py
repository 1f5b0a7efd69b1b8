"""The REST adapter: against the real flag service, and against answers that go wrong."""

import socket
import ssl
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from builders import REF
from support.scripted_http import Answer, ScriptedServer

from opsctl.adapters.launchdarkly_rest import LaunchDarklyRest, no_such_flag
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import FlagRef, NewFlag
from opsctl.settings import Secret, Settings

TOKEN = "api-00000000-0000-4000-8000-00000000beef"


def settings_for(url, *, token=TOKEN, timeout_s=5.0):
    return Settings(access_token=Secret(token), api_uri=url, data_dir=Path("unused"), timeout_s=timeout_s)


@pytest.fixture(scope="module")
def rest(shared_flag_service):
    return LaunchDarklyRest(settings_for(shared_flag_service.url, token=shared_flag_service.token("writer")))


@pytest.fixture
def ref(rest):
    """A kill switch of this test's own, off in every environment."""
    return FlagRef("default", "test", rest.create_flag("default", NewFlag(f"switch-{uuid.uuid4().hex}", "Switch")).key)


def failing(*answers, timeout_s=5.0):
    """Read a flag from a server with those answers; return the error and the server."""
    with ScriptedServer(*answers) as server:
        client = LaunchDarklyRest(settings_for(server.url, timeout_s=timeout_s))
        with pytest.raises(OpsError) as raised:
            client.get_flag("default", REF.key)
    return raised.value, server


def test_the_seeded_kill_switch_reads_as_one(rest):
    flag = rest.get_flag(REF.project, REF.key)

    assert [variation.label for variation in flag.variations] == ["Enabled (true)", "Disabled (false)"]
    assert {"test", "production"} <= flag.targeting.keys()
    assert not flag.temporary


def test_turning_it_on_and_off_raises_the_version_and_says_why(rest, ref):
    before = rest.get_flag(ref.project, ref.key).targeting["test"].version

    on = rest.turn(ref, on=True, comment="").targeting["test"]
    off = rest.turn(ref, on=False, comment="drill (INC-1)").targeting["test"]

    assert (on.on, off.on) == (True, False)
    assert before < on.version < off.version
    newest, older = rest.list_changes(ref, limit=2)
    assert (newest.comment, "turned off" in newest.what) == ("drill (INC-1)", True)
    assert "turned on" in older.what


def test_a_change_leaves_the_other_environment_alone(rest, ref):
    rest.turn(ref, on=True, comment="")

    assert not rest.get_flag(ref.project, ref.key).targeting["production"].on


def test_production_is_critical_and_test_is_not(rest):
    assert rest.get_environment("default", "production").critical
    assert not rest.get_environment("default", "test").critical


def test_a_created_kill_switch_is_off_and_listed(rest):
    created = rest.create_flag("default", NewFlag("show-search", "Show search", "Shut it off.", ("search",)))

    assert not created.targeting["test"].on
    assert created.tags == ("search",)
    assert {"show-search", REF.key} <= {flag.key for flag in rest.list_flags("default", "test")}


def test_creating_a_flag_twice_is_a_conflict(rest):
    with pytest.raises(OpsError) as raised:
        rest.create_flag("default", NewFlag(REF.key, "again"))

    assert raised.value.code is ErrorCode.CONFLICT
    assert raised.value.request_id


def test_an_unknown_flag_names_the_close_ones(rest):
    with pytest.raises(OpsError) as raised:
        rest.get_flag("default", "show-avatars-and-recs")

    assert raised.value.code is ErrorCode.FLAG_NOT_FOUND
    assert "did you mean show-avatars-and-reccs?" in raised.value.hint


def test_an_unknown_project_is_named(rest):
    with pytest.raises(OpsError, match="no project nope") as raised:
        rest.get_flag("nope", REF.key)

    assert raised.value.code is ErrorCode.BAD_CONFIG


def test_listing_or_creating_in_an_unknown_project_names_it(rest):
    for call in (
        lambda: rest.list_flags("nope", "test"),
        lambda: rest.create_flag("nope", NewFlag("a", "A")),
    ):
        with pytest.raises(OpsError, match="no project nope") as raised:
            call()
        assert raised.value.code is ErrorCode.BAD_CONFIG


def test_an_unknown_environment_names_those_there_are(rest):
    with pytest.raises(OpsError) as raised:
        rest.get_environment("default", "prod")

    assert raised.value.code is ErrorCode.BAD_CONFIG
    assert "test" in raised.value.hint
    assert "production" in raised.value.hint


def test_a_readers_token_may_read_and_not_write(shared_flag_service):
    reader = LaunchDarklyRest(settings_for(shared_flag_service.url, token=shared_flag_service.token("reader")))

    assert reader.get_flag("default", REF.key).key == REF.key
    with pytest.raises(OpsError) as raised:
        reader.turn(REF, on=False, comment="")
    assert raised.value.code is ErrorCode.FORBIDDEN
    assert "writer" in raised.value.hint


def test_a_wrong_token_is_refused_and_not_shown(shared_flag_service):
    with pytest.raises(OpsError) as raised:
        LaunchDarklyRest(settings_for(shared_flag_service.url)).get_flag("default", REF.key)

    assert raised.value.code is ErrorCode.BAD_CREDENTIALS
    assert TOKEN not in f"{raised.value.message}{raised.value.hint}"


def test_without_a_token_nothing_is_asked():
    with pytest.raises(OpsError) as raised:
        LaunchDarklyRest(Settings(data_dir=Path("unused")))

    assert raised.value.code is ErrorCode.BAD_CREDENTIALS
    assert "opsctl serve" in raised.value.hint


@pytest.mark.parametrize(
    ("status", "code", "may_retry"),
    [
        (400, ErrorCode.REFUSED, False),
        (401, ErrorCode.BAD_CREDENTIALS, False),
        (403, ErrorCode.FORBIDDEN, False),
        (405, ErrorCode.APPROVAL_REQUIRED, False),
        (409, ErrorCode.CONFLICT, True),
        (418, ErrorCode.FAILED, False),
        (422, ErrorCode.REFUSED, False),
        (429, ErrorCode.RATE_LIMITED, True),
        (500, ErrorCode.UNREACHABLE, True),
        (503, ErrorCode.UNREACHABLE, True),
    ],
)
def test_each_status_has_its_code_and_keeps_the_providers_words(status, code, may_retry):
    body = {"code": "x", "message": "because of that.", "id": "30ce6058"}

    error, server = failing(Answer(status, body))

    assert error.code is code
    assert "because of that" in error.message
    assert f"HTTP {status}" in error.message
    assert error.request_id == "30ce6058"
    assert error.hint
    assert (error.retry_after_s is not None) is may_retry
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "soon"}, 1.0),
        ({"X-Ratelimit-Reset": "0"}, 0.0),
        ({"X-Ratelimit-Reset": "garbage"}, 1.0),
        ({"X-Ratelimit-Reset": "nan"}, 1.0),
        ({"Retry-After": "inf"}, 1.0),
        ({"Retry-After": "Sun, 22 Nov 2026 16:00:00 GMT"}, 1.0),
        ({"Retry-After": "-5"}, 0.0),
        ({}, 1.0),
    ],
)
def test_a_rate_limit_says_how_long_it_lasts(headers, wait_s):
    assert failing(Answer(429, {}, headers))[0].retry_after_s == wait_s


def test_a_rate_limit_that_ends_at_a_moment_is_counted_from_now():
    reset_ms = int((time.time() + 5) * 1000)

    assert failing(Answer(429, {}, {"X-Ratelimit-Reset": str(reset_ms)}))[0].retry_after_s == pytest.approx(5, abs=2)


def test_control_characters_in_the_providers_words_do_not_get_through():
    error, _server = failing(Answer(400, {"message": "no\x1b[31m\r\nerror: forged \u202edeny"}))

    assert "\x1b" not in error.message
    assert "\n" not in error.message
    assert "\u202e" not in error.message


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("the flag has a pending scheduled change", "a pending scheduled change or approval is in the way"),
        ("an approval request is open", "a pending scheduled change or approval is in the way"),
        ("key must match the pattern", "correct what it names"),
        (None, "correct what it names"),
    ],
)
def test_a_refusal_names_a_pending_change_only_where_the_provider_does(said, hint):
    error, _server = failing(Answer(400, {"message": said}))

    assert error.hint.startswith(hint)
    assert (error.code is ErrorCode.PENDING_CHANGE) is hint.startswith("a pending")


def test_a_flag_that_cannot_be_is_not_offered_to_be_made():
    assert "flags create" not in no_such_flag("default", "../x", []).hint
    assert "opsctl flags create show-search makes it" in no_such_flag("default", "show-search", []).hint


def test_an_error_page_that_is_not_json_is_still_an_error():
    assert failing(Answer(502, b"<html>Bad gateway</html>"))[0].code is ErrorCode.UNREACHABLE


def test_a_redirect_is_not_followed_and_the_token_goes_nowhere_else():
    with ScriptedServer(Answer(200, {})) as elsewhere:
        error, _server = failing(Answer(302, {}, {"Location": f"{elsewhere.url}/api/v2/flags"}))

        assert elsewhere.requests == []
    assert error.code is ErrorCode.UNREACHABLE
    assert "LD_BASE_URI" in error.hint


@pytest.mark.parametrize("body", [b"<html>sign in</html>", [1, 2], {"key": "x"}, "text", {"items": 5}, None])
def test_an_answer_that_is_no_flag_is_a_clear_failure(body):
    error, _server = failing(Answer(200, body))

    assert error.code is ErrorCode.FAILED
    assert "LD_BASE_URI" in error.hint


def test_a_body_without_end_is_not_read_to_its_end():
    def flood(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(10**9))
        handler.end_headers()
        for _ in range(10**9 // 65536):
            handler.wfile.write(b"x" * 65536)

    error, _server = failing(Answer(behave=flood))

    assert "larger than 16 MB" in error.message


def test_a_server_that_drips_bytes_is_given_up_in_time():
    def drip(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(1000):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)

    started_s = time.monotonic()
    error, _server = failing(Answer(behave=drip), timeout_s=0.5)

    assert "did not answer within 500 ms" in error.message
    assert "give it longer with --timeout" in error.hint

    assert error.code is ErrorCode.UNREACHABLE
    assert time.monotonic() - started_s < 10


def test_a_server_that_hangs_up_may_be_asked_again():
    error, _server = failing(Answer(behave=lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)))

    assert error.code is ErrorCode.UNREACHABLE
    assert error.retry_after_s is not None


def test_nobody_listening_is_said_and_not_tried_again():
    with ScriptedServer(Answer(200, {})) as server:
        url = server.url

    with pytest.raises(OpsError, match="connection refused") as raised:
        LaunchDarklyRest(settings_for(url)).get_flag("default", REF.key)

    assert raised.value.code is ErrorCode.UNREACHABLE
    assert raised.value.retry_after_s is None


def test_a_name_that_does_not_resolve_is_unreachable():
    with pytest.raises(OpsError) as raised:
        LaunchDarklyRest(settings_for("http://nowhere.invalid")).get_flag("default", REF.key)

    assert raised.value.code is ErrorCode.UNREACHABLE


def test_a_certificate_that_cannot_be_trusted_is_not_trusted(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("no openssl here to make a certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ScriptedServer(Answer(200, {})) as server:
        server._server.socket = context.wrap_socket(server._server.socket, server_side=True)
        with pytest.raises(OpsError, match="certificate") as raised:
            LaunchDarklyRest(settings_for(server.url.replace("http:", "https:"))).get_flag("default", REF.key)

        assert server.requests == []
    assert raised.value.code is ErrorCode.UNREACHABLE


def test_a_kill_is_one_semantic_patch_that_no_scheduled_change_stops():
    with ScriptedServer(Answer(405, {})) as server:
        client = LaunchDarklyRest(settings_for(server.url))
        for on in (False, True):
            with pytest.raises(OpsError):
                client.turn(FlagRef("my project", "test", "a/b"), on=on, comment="drill")

    (method, kill, headers, body), (_, restore, _, _) = server.requests
    assert method == "PATCH"
    assert kill == "/api/v2/flags/my%20project/a%2Fb?ignoreConflicts=true"
    assert restore == "/api/v2/flags/my%20project/a%2Fb"
    assert headers["Content-Type"] == "application/json; domain-model=launchdarkly.semanticpatch"
    assert headers["LD-API-Version"] == "20240415"
    assert headers["Authorization"] == TOKEN
    assert headers["User-Agent"].startswith("opsctl/")
    assert body == b'{"environmentKey": "test", "instructions": [{"kind": "turnFlagOff"}], "comment": "drill"}'


def test_all_pages_of_a_long_list_are_read():
    def page(*keys):
        flag = {"name": "", "kind": "boolean", "variations": [], "temporary": False, "archived": False}
        return Answer(200, {"items": [{**flag, "key": key} for key in keys], "totalCount": 3})

    with ScriptedServer(page("a", "b"), page("c"), Answer(500, {})) as server:
        flags = LaunchDarklyRest(settings_for(server.url)).list_flags("default", "test")

    assert [flag.key for flag in flags] == ["a", "b", "c"]
    assert "offset=2" in server.requests[1][1]


@pytest.mark.acceptance
def test_the_client_loads_without_its_models_and_leaves_the_package_whole():
    """In a process of its own: what others import in this one must not matter."""
    script = """
import sys
from opsctl.adapters.launchdarkly_client import load
load("api_client", "ApiClient")
assert len([name for name in sys.modules if name.startswith("launchdarkly_api.models.")]) == 0
assert "launchdarkly_api" not in sys.modules
import launchdarkly_api
assert launchdarkly_api.FeatureFlagsApi and launchdarkly_api.models.FeatureFlag
from urllib3.http2 import inject_into_urllib3, probe
assert probe is sys.modules["urllib3.connection"].http2_probe
assert launchdarkly_api.ApiClient().deserialize('{"items": []}', "Environments", "application/json").items == []
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=110)
