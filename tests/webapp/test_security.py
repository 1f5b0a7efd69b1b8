"""Hosts, origins and headers."""

import pytest
from feed_parts import flag_data, settings

from webapp.hosts import AllowedHosts

LOCAL = {"Host": "localhost:5000"}


@pytest.fixture
def client(killed_feed):
    return killed_feed.app.test_client()


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000", "LocalHost"]
)
def test_loopback_names_are_answered(client, host):
    assert client.get("/api/mode", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "evil.example:80",
        "a@localhost",
        "localhost;x",
        "10.0.0.1",
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/mode", "/metrics", "/socket.io/?EIO=4&transport=websocket"])
def test_other_hosts_are_refused(client, host, path):
    assert client.get(path, headers={"Host": host}).status_code == 400


def test_a_forwarded_host_is_not_believed(client):
    headers = {"Host": "evil.example", "X-Forwarded-Host": "localhost"}

    assert client.get("/", headers=headers).status_code == 400


def test_hosts_can_be_allowed(start_feed):
    feed = start_feed(data_source=flag_data(on=False), allowed_hosts=("feed.example",))

    assert feed.app.test_client().get("/api/mode", headers={"Host": "feed.example:8080"}).status_code == 200


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        ("http://localhost:5000", "localhost:5000", True),
        ("https://localhost:5000", "localhost:5000", True),
        ("https://feed.example", "localhost:5000", True),
        ("http://localhost:5001", "localhost:5000", False),
        ("http://127.0.0.1:5000", "localhost:5000", False),
        ("https://evil.example", "localhost:5000", False),
        ("null", "localhost:5000", False),
        ("", "localhost:5000", False),
        ("file://", "localhost:5000", False),
        ("http://[::1", "localhost:5000", False),
    ],
)
def test_which_pages_may_connect(tmp_path, origin, host, allowed):
    hosts = AllowedHosts(settings(tmp_path, allowed_hosts=("feed.example",)))

    assert hosts.allows_origin(origin, host) is allowed


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    ],
)
@pytest.mark.parametrize("path", ["/posts", "/posts/p1/like", "/visit-as"])
def test_forms_of_other_sites_are_refused(client, path, headers):
    answer = client.post(path, data={"text": "spam", "person": "noor"}, headers={**LOCAL, **headers})

    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_the_feeds_own_forms_are_taken(client):
    headers = {**LOCAL, "Origin": "http://localhost:5000", "Sec-Fetch-Site": "same-origin"}

    assert client.post("/visit-as", data={"person": "noor"}, headers=headers).status_code == 303


def policy_of(answer):
    return dict(part.partition(" ")[::2] for part in answer.headers["Content-Security-Policy"].split("; "))


def test_the_policy_allows_nothing_inline_and_images_of_the_avatar_api_only(client, avatar_server):
    policy = policy_of(client.get("/", headers=LOCAL))

    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert policy["img-src"] == f"'self' {avatar_server.url}"
    assert policy["connect-src"] == "'self' ws://localhost:5000 wss://localhost:5000"
    assert policy["base-uri"] == policy["frame-ancestors"] == "'none'"


def test_the_policy_of_a_feed_without_avatar_api_allows_no_foreign_image(start_feed):
    answer = start_feed().app.test_client().get("/", headers=LOCAL)

    assert policy_of(answer)["img-src"] == "'self'"


@pytest.mark.parametrize("path", ["/", "/api/mode", "/nothing", "/static/favicon.svg"])
def test_every_answer_has_the_headers(client, path):
    headers = client.get(path, headers=LOCAL).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_health_and_metrics_are_for_this_machine_only(client, path):
    local = client.get(path, headers=LOCAL)
    foreign = client.get(path, headers=LOCAL, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    proxied = client.get(path, headers={**LOCAL, "X-Forwarded-For": "192.0.2.7"})

    assert (local.status_code, foreign.status_code, proxied.status_code) == (200, 404, 404)


@pytest.mark.parametrize(
    ("given", "headers"),
    [
        ({"allowed_hosts": ("feed.example",)}, {}),
        ({"allowed_hosts": ("feed.example",)}, {"Host": "feed.example"}),
        ({"behind_proxy": True}, {}),
        ({"host": "10.0.0.1"}, {"Host": "10.0.0.1:5000"}),
    ],
)
def test_where_a_proxy_may_ask_for_anybody_metrics_and_details_are_not_told(start_feed, given, headers):
    client = start_feed(data_source=flag_data(on=False), **given).app.test_client()

    assert client.get("/metrics", headers={**LOCAL, **headers}).status_code == 404
    assert client.get("/readyz", headers={**LOCAL, **headers}).json == {"status": "ready"}


@pytest.mark.parametrize("header", ["Via", "X-Real-IP", "X-Forwarded-Proto", "Forwarded"])
def test_any_sign_of_a_proxy_hides_the_metrics(client, header):
    assert client.get("/metrics", headers={**LOCAL, header: "x"}).status_code == 404


def cookies_of(answer):
    return " ".join(answer.headers.getlist("Set-Cookie"))


def test_behind_a_proxy_that_ends_tls_cookies_are_secure(start_feed):
    client = start_feed(data_source=flag_data(on=False), behind_proxy=True).app.test_client(use_cookies=False)
    tls = {**LOCAL, "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}

    assert "Secure" in cookies_of(client.get("/", headers=tls))
    assert "Secure" in cookies_of(client.post("/visit-as", data={"person": "noor"}, headers=tls))
    assert "Secure" not in cookies_of(client.get("/", headers=LOCAL))


def test_only_a_proxy_on_this_machine_is_believed_and_only_where_it_is_set(start_feed):
    tls = {**LOCAL, "X-Forwarded-Proto": "https", "X-Forwarded-For": "127.0.0.1"}
    unset = start_feed(data_source=flag_data(on=False)).app.test_client(use_cookies=False)
    proxied = start_feed(data_source=flag_data(on=False), behind_proxy=True).app.test_client(use_cookies=False)
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}

    assert "Secure" not in cookies_of(unset.get("/", headers=tls))
    assert "Secure" not in cookies_of(proxied.get("/", headers=tls, environ_base=elsewhere))
    assert proxied.get("/healthz", headers=tls, environ_base=elsewhere).status_code == 404


def test_a_feed_without_flag_data_is_ready_since_degraded_pages_are_good_pages(start_feed):
    answer = start_feed().app.test_client().get("/readyz", headers=LOCAL)

    assert (answer.status_code, answer.json["source"], answer.json["mode"]) == (200, "none", "degraded")


def test_a_draining_feed_is_not_ready(killed_feed, client):
    killed_feed.lifecycle.drain()

    assert client.get("/readyz", headers=LOCAL).status_code == 503
    assert client.get("/healthz", headers=LOCAL).status_code == 200


def test_metrics_tell_mode_epoch_and_requests(client):
    client.get("/", headers=LOCAL)

    text = client.get("/metrics", headers=LOCAL).text

    assert 'feed_mode{mode="degraded"} 1.0' in text
    assert 'feed_epoch{part="version"} 1.0' in text
    assert 'feed_requests_total{route="/",status="200"} 1.0' in text
    assert "feed_avatar_calls_total 0.0" in text
    assert "feed_sockets 0.0" in text


def test_two_feeds_in_one_process_count_for_themselves(start_feed):
    one, other = start_feed().app.test_client(), start_feed().app.test_client()

    one.get("/", headers=LOCAL)

    assert 'route="/"' not in other.get("/metrics", headers=LOCAL).text
