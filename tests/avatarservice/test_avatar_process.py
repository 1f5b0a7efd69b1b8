"""The stand-in as a real process, over real HTTP."""

from __future__ import annotations

import json
import os
import socket
import threading
from xml.etree import ElementTree as ET

import pytest
import urllib3
from avatar_process import DEADLINE_S
from support.waiting import eventually

pytestmark = pytest.mark.acceptance


def test_search_answers_one_image_as_thecatapi_does(avatar_service):
    answer = avatar_service.get("/v1/images/search").json()

    assert len(answer) == 1
    assert set(answer[0]) == {"id", "url", "width", "height"}
    assert answer[0]["url"] == f"{avatar_service.url}/images/{answer[0]['id']}.svg"


def test_each_search_answers_another_image(avatar_service):
    ids = {avatar_service.get("/v1/images/search").json()[0]["id"] for _ in range(20)}

    assert len(ids) == 20


def test_limit_is_ten_without_a_key_and_a_hundred_with_one(avatar_service):
    without = avatar_service.get("/v1/images/search?limit=200").json()
    with_key = avatar_service.get("/v1/images/search?limit=200", **{"x-api-key": "any"}).json()

    assert (len(without), len(with_key)) == (10, 100)


@pytest.mark.parametrize("limit", ["0", "-1", "many", "1e9", ""])
def test_a_limit_that_is_no_count_is_refused_or_ignored_but_never_an_error(avatar_service, limit):
    status = avatar_service.get(f"/v1/images/search?limit={limit}").status

    assert status == (200 if limit == "" else 400)


def test_images_are_svg_that_browsers_may_keep_for_ever_and_can_never_run(avatar_service):
    image = avatar_service.http.request("GET", avatar_service.get("/v1/images/search").json()[0]["url"])

    assert image.headers["Content-Type"] == "image/svg+xml"
    assert image.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert image.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert image.headers["X-Content-Type-Options"] == "nosniff"
    assert ET.fromstring(image.data).tag == "{http://www.w3.org/2000/svg}svg"


def test_an_image_that_the_browser_has_is_not_sent_again(avatar_service):
    etag = avatar_service.get("/images/abc.svg").headers["ETag"]

    again = avatar_service.get("/images/abc.svg", **{"If-None-Match": etag})

    assert (again.status, again.data) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/images/../knobs.svg", "/images/%3Cb%3E.svg", "/images/a.png", "//", "/images/" + "a" * 5000]
)
def test_any_other_path_is_not_found(avatar_service, path):
    assert avatar_service.get(path).status == 404


def test_stats_count_searches_and_images(avatar_service):
    avatar_service.get("/v1/images/search")
    avatar_service.get("/v1/images/search")
    avatar_service.get("/images/abc.svg")

    stats = avatar_service.get("/stats").json()

    assert (stats["calls"], stats["images"]) == (2, 1)


def test_a_turned_knob_stays_until_it_is_turned_again(avatar_service):
    turned = avatar_service.put_knobs({"error_rate": 1.0}).json()
    failed = avatar_service.get("/v1/images/search")
    avatar_service.put_knobs({"error_rate": 0})

    assert turned["error_rate"] == 1.0
    assert failed.status == 500
    assert avatar_service.get("/v1/images/search").status == 200


def test_rate_limit_answers_429_with_the_time_to_wait(avatar_service):
    avatar_service.put_knobs({"rate_limit_per_s": 0.001})

    statuses = [avatar_service.get("/v1/images/search") for _ in range(3)]

    assert [answer.status for answer in statuses] == [200, 429, 429]
    assert statuses[1].headers["Retry-After"] == "1"
    assert avatar_service.get("/stats").json()["rate_limited"] == 2


def test_latency_comes_before_the_answer(avatar_service):
    avatar_service.put_knobs({"latency_ms": 60_000})

    with pytest.raises(urllib3.exceptions.TimeoutError):
        avatar_service.http.request("GET", f"{avatar_service.url}/v1/images/search", timeout=0.3)


@pytest.mark.parametrize(
    ("body", "content_type", "text"), [("empty", "application/json", b"[]"), ("html", "text/html", b"<!doctype html>")]
)
def test_a_wrong_body_is_a_200_all_the_same(avatar_service, body, content_type, text):
    avatar_service.put_knobs({"body": body})

    answer = avatar_service.get("/v1/images/search")

    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith(content_type)
    assert answer.data.startswith(text)


def test_a_huge_body_is_made_while_it_is_sent(avatar_service):
    avatar_service.put_knobs({"body": "huge"})

    answer = avatar_service.http.request("GET", f"{avatar_service.url}/v1/images/search", preload_content=False)
    first = answer.read(5_000_000)
    answer.close()

    assert len(first) == 5_000_000
    assert avatar_service.get("/healthz").status == 200


@pytest.mark.parametrize(
    "knobs",
    [
        {"latency": 1},
        {"latency_ms": -1},
        {"latency_ms": "1"},
        {"error_rate": 1.1},
        {"hang": 1},
        {"body": "odd"},
        [],
        None,
    ],
)
def test_a_wrong_knob_is_refused_and_nothing_is_turned(avatar_service, knobs):
    before = avatar_service.get("/knobs").json()

    refused = avatar_service.put_knobs(knobs)

    assert refused.status == 400
    assert refused.json()["message"]
    assert avatar_service.get("/knobs").json() == before


def test_knobs_cannot_be_turned_by_a_form_or_under_another_host_name(avatar_service):
    as_text = avatar_service.put_knobs({"hang": True}, content_type="text/plain")
    rebound = avatar_service.get("/knobs", Host="evil.example")

    assert (as_text.status, rebound.status) == (415, 400)
    assert avatar_service.get("/knobs").json()["hang"] is False


def test_it_says_who_it_is_and_takes_its_ready_file_away(avatar_service):
    ready = json.loads(avatar_service.ready_file.read_text())

    code = avatar_service.stop()

    assert ready["pid"] == avatar_service.process.pid
    assert code == 0
    assert not avatar_service.ready_file.exists()


def test_sigterm_stops_it_while_searches_hang(avatar_service):
    avatar_service.put_knobs({"hang": True})
    hanging = threading.Thread(target=_ignore_failure, args=(avatar_service,))
    hanging.start()
    eventually(lambda: avatar_service.get("/stats").json()["waiting"] == 1)

    code = avatar_service.stop()

    hanging.join(DEADLINE_S)
    assert code == 0
    assert not hanging.is_alive()


def test_it_stops_when_its_supervisor_dies(avatar_service):
    os.close(avatar_service.lifeline)
    avatar_service.lifeline = os.open(os.devnull, os.O_RDONLY)

    assert avatar_service.process.wait(DEADLINE_S) == 0


def test_an_inherited_listener_is_served_and_its_address_told(start_avatar_service):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        service = start_avatar_service(listen_fd=listener.fileno())

        assert service.url == f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert service.get("/healthz").status == 200


def test_a_taken_port_is_named_in_one_line_with_the_fix(start_avatar_service):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        service = start_avatar_service("--port", str(port))
        line = service.process.stderr.read()

    assert service.process.wait(DEADLINE_S) == 1
    assert f"port {port} is in use" in line
    assert f"--port {port + 1}" in line
    assert len(line.splitlines()) == 1


def _ignore_failure(service) -> None:
    try:
        service.get("/v1/images/search")
    except urllib3.exceptions.HTTPError:
        return
