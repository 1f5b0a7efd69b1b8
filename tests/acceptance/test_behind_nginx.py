"""docs/examples/nginx.conf, as it stands there, in front of `opsctl serve --workers 2`."""

import json
import socket
import ssl
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import urllib3
from support.fleet import Fleet
from support.nginx import NAME, Nginx
from support.socket_server import RawClient
from support.stack import Stack
from support.tls_browser import TlsBrowser
from support.waiting import DEADLINE_S, eventually

BROWSERS = 6
EVERYONE = {"connected": 30, "confirmed": 30}
SMALL = (
    "--visitors",
    "10",
    "--sockets",
    "30",
    "--duration",
    "6s",
    "--seed",
    "5",
    "--timeout",
    "60s",
    "--json",
    "--yes",
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    environ = {"OPSCTL_BEHIND_PROXY": "yes", "OPSCTL_ALLOWED_HOSTS": NAME, "OPSCTL_POST_INTERVAL": "0"}
    with Stack(tmp_path_factory.mktemp("feed") / "data", "--workers", "2", environ=environ) as running:
        yield running


@pytest.fixture(scope="module")
def nginx(stack, tmp_path_factory):
    with Nginx(tmp_path_factory.mktemp("nginx"), stack.url.removeprefix("http://")) as running:
        yield running


@pytest.fixture
def restored(stack):
    stack.opsctl("restore", "--yes", "--timeout", "30s")
    return stack


@pytest.fixture(autouse=True)
def names(monkeypatch):
    """The example's name is this machine."""
    look_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *more, **named: look_up("127.0.0.1" if host == NAME else host, *more, **named),
    )


def visitor(nginx, address="127.0.0.1"):
    return urllib3.PoolManager(ca_certs=str(nginx.ca), retries=False, timeout=DEADLINE_S, source_address=(address, 0))


def browser(nginx):
    return TlsBrowser(nginx.url, ca=nginx.ca)


def asset(nginx, http):
    html = http.request("GET", nginx.url).data.decode()
    return nginx.url + html.partition('<link rel="stylesheet" href="')[2].partition('"')[0]


def test_nginx_accepts_the_example(nginx):
    code, said = nginx.check()

    assert code == 0, said


def test_the_page_loads_over_tls_and_its_cookies_are_for_tls_alone(nginx):
    page = visitor(nginx).request("GET", nginx.url, headers={"Accept-Encoding": "gzip"})

    assert page.status == 200
    assert "Secure" in page.headers["Set-Cookie"]
    assert page.headers["Content-Encoding"] == "gzip"
    assert page.headers["Strict-Transport-Security"].startswith("max-age=")
    assert f"wss://{NAME}:{nginx.port}" in page.headers["Content-Security-Policy"]


def test_without_tls_one_is_sent_to_the_site(nginx):
    answer = urllib3.request("GET", f"http://127.0.0.1:{nginx.plain_port}/x?y=1", redirect=False, retries=False)

    assert answer.status == 308
    assert answer.headers["Location"] == f"https://{NAME}/x?y=1"


def test_another_name_gets_no_certificate(nginx):
    with pytest.raises(ssl.SSLError), socket.create_connection(("127.0.0.1", nginx.port)) as raw:
        ssl._create_unverified_context().wrap_socket(raw, server_hostname="another.example.com")


def test_a_kill_and_a_restore_are_confirmed_by_the_browsers_behind_nginx(nginx, restored):
    opened = [browser(nginx) for _ in range(BROWSERS)]
    try:
        killed = restored.opsctl("kill", "--yes", "--json").json
        told = [one.await_event("flag_update")["mode"] for one in opened]
        back = restored.opsctl("restore", "--yes", "--json").json
    finally:
        for one in opened:
            one.close()

    assert killed["browsers"]["confirmed"] == back["browsers"]["confirmed"] == BROWSERS
    assert told == ["degraded"] * BROWSERS


def test_a_reload_of_nginx_keeps_the_websockets(nginx, restored):
    one = browser(nginx)
    try:
        nginx.reload()
        confirmed = restored.opsctl("kill", "--yes", "--json").json["browsers"]["confirmed"]
        told = one.await_event("flag_update")["mode"]
    finally:
        one.close()

    assert (told, confirmed) == ("degraded", 1)


def test_a_browser_that_does_not_read_holds_up_no_other(nginx, restored):
    trusted = ssl.create_default_context(cafile=nginx.ca)
    with socket.create_connection(("127.0.0.1", nginx.port), timeout=DEADLINE_S) as raw:
        slow = RawClient.on(trusted.wrap_socket(raw, server_hostname=NAME), f"{NAME}:{nginx.port}")
        opened = [browser(nginx) for _ in range(BROWSERS)]
        try:
            receipt = restored.opsctl("kill", "--yes", "--timeout", "2s", "--json", expect=3).json
            told = [one.await_event("flag_update")["mode"] for one in opened]
        finally:
            for one in opened:
                one.close()
            slow.close()

    assert receipt["browsers"]["confirmed"] == BROWSERS
    assert receipt["browsers"]["connected"] == BROWSERS + 1
    assert told == ["degraded"] * BROWSERS


def test_the_feed_limits_posts_by_the_address_of_the_visitor_whatever_he_says(nginx):
    def post(http, number):
        headers = {"Accept": "application/json", "X-Forwarded-For": f"10.0.0.{number}", "Forwarded": "for=10.1.1.1"}
        return http.request_encode_body(
            "POST", f"{nginx.url}/posts", {"text": "Hello"}, headers, encode_multipart=False
        )

    many = [post(visitor(nginx, "127.0.0.9"), number) for number in range(60)]
    another = post(visitor(nginx, "127.0.0.10"), 1)

    assert {one.status for one in many} == {201, 429}
    assert "a lot of posts" in next(one.data.decode() for one in many if one.status == 429)
    assert another.status == 201


def test_nobody_outside_is_told_how_the_feed_is_doing(nginx):
    http = visitor(nginx)

    assert [http.request("GET", f"{nginx.url}/{path}").status for path in ("healthz", "readyz", "metrics")] == [404] * 3


def test_a_load_balancer_is_told_whether_to_send_visitors(nginx):
    asked = {"Host": "10.0.0.7:8081", "X-Forwarded-For": "10.0.0.1"}

    answer = urllib3.request("GET", f"{nginx.health_url}/readyz", headers=asked, retries=False)
    rest = urllib3.request("GET", f"{nginx.health_url}/metrics", retries=False)

    assert (answer.status, answer.json()) == (200, {"status": "ready"})
    assert rest.status == 404


@pytest.mark.parametrize(
    ("request_of_it", "status"),
    [
        ({"method": "POST", "url": "/posts", "body": b"text=" + b"x" * 20_000}, 413),
        ({"method": "GET", "url": "/", "headers": {"Cookie": "x" * 20_000}}, 400),
        ({"method": "GET", "url": "/" + "x" * 20_000}, 414),
    ],
    ids=["body", "header", "address"],
)
def test_what_is_too_large_is_refused(nginx, request_of_it, status):
    asked = {**request_of_it, "url": nginx.url + request_of_it["url"]}

    assert visitor(nginx).request(**asked).status == status


def test_files_with_a_version_are_answered_from_the_cache(nginx):
    http = visitor(nginx)
    url = asset(nginx, http)

    first, again = (http.request("GET", url, headers={"Accept-Encoding": "gzip"}) for _ in range(2))
    plain = http.request("GET", url)

    assert [first.headers["X-Cache"], again.headers["X-Cache"], plain.headers["X-Cache"]] == ["MISS", "HIT", "MISS"]
    assert again.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert again.headers["Content-Encoding"] == "gzip"
    assert again.data == plain.data


@pytest.fixture
def full_feed():
    """Where a feed answers that has no place for another connection."""

    class Full(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Full) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("why", ["away", "full"])
def test_of_two_feeds_one_that_takes_nobody_is_left_out(why, stack, full_feed, tmp_path):
    second = {"# server 127.0.0.1:5010": f"server {stack.url.removeprefix('http://')}"}
    with Nginx(tmp_path, {"away": "127.0.0.1:1", "full": full_feed}[why], second) as nginx:
        pages = [visitor(nginx).request("GET", nginx.url).status for _ in range(4)]

    assert pages == [200] * 4


def test_without_a_feed_one_is_told_to_come_back(tmp_path):
    with Nginx(tmp_path, "127.0.0.1:1") as nginx:
        page = visitor(nginx).request("GET", nginx.url)
        ready = eventually(
            lambda: urllib3.request("GET", f"{nginx.health_url}/readyz", retries=False), what="the health of no feed"
        )

    assert (page.status, page.headers["Retry-After"]) == (503, "5")
    assert ready.status == 503


@pytest.fixture(scope="module")
def local_nginx(stack, tmp_path_factory):
    """By a name that other processes know."""
    with Nginx(tmp_path_factory.mktemp("local"), stack.url.removeprefix("http://"), name="localhost") as running:
        yield running


def test_a_simulation_s_connected_browsers_time_the_switch_through_tls(local_nginx, restored):
    trusting = {"SSL_CERT_FILE": str(local_nginx.ca)}
    ran = restored.opsctl("simulate", "compare", "--target", local_nginx.url, *SMALL, environ=trusting, timeout_s=150)

    *looks, result = map(json.loads, ran.out.splitlines())
    assert [(flip["shown"]["browsers"], flip["browsers"]) for flip in result["flips"]] == [(30, EVERYONE)] * 2
    assert {look["sockets"] for look in looks if look["phase"]} == {30}
    assert [phase["figures"]["failed"] for phase in result["phases"]] == [0, 0, 0]


def test_a_simulation_of_a_feed_whose_certificate_is_not_trusted_is_refused_before_any_load(local_nginx, restored):
    refused = restored.opsctl("simulate", "compare", "--target", local_nginx.url, *SMALL[:-2], "--yes", expect=5)

    what, fix = refused.err.splitlines()[-2:]
    assert what.startswith(f"error: the certificate of {local_nginx.url} is not trusted: ")
    assert fix == "fix:   if its CA is your own, name that before the command: SSL_CERT_FILE=ca.pem opsctl …"
    assert restored.opsctl("status", "--json").json["provider"]["on"]


def test_browsers_that_do_not_trust_the_certificate_say_why_they_are_lost(local_nginx):
    with closing(Fleet(local_nginx.url, 3)) as fleet:
        connected = fleet.next("connected")

    (why,) = connected["why"]
    assert (connected["browsers"], connected["lost"]) == (0, 3)
    assert why.startswith("certificate refused, ")
