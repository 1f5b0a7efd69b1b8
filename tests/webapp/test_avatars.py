"""Avatars from an API that may be slow, wrong or gone: a real local server misbehaves on purpose."""

import contextlib
import threading
import time

import feed_parts
import pytest
from feed_parts import answer, answer_json, settings
from support.waiting import eventually

from opsctl.settings import Secret
from webapp.avatar_api import AvatarApi, AvatarError, ImageOrigins
from webapp.avatars import Avatars


@pytest.fixture
def open_avatars(tmp_path, avatar_server):
    opened = []

    def start(*, deadline_s=5.0, limit_s=5.0, keep_s=600.0, **more):
        api = AvatarApi(settings(tmp_path, avatar_api_url=avatar_server.url, **more), limit_s=limit_s)
        avatars = Avatars(api, deadline_s=deadline_s, limit_s=limit_s, keep_s=keep_s)
        opened.append(avatars)
        return avatars

    yield start
    for avatars in opened:
        avatars.close()


def test_everybody_gets_an_avatar_of_their_own(open_avatars):
    urls = open_avatars().urls(["sandy", "noor", "ivo"])

    assert len({*urls.values()}) == 3
    assert None not in urls.values()


def test_an_avatar_is_asked_for_once_and_then_kept(open_avatars, avatar_server):
    avatars = open_avatars()
    first = avatars.urls(["sandy", "noor"])

    again = avatars.urls(["noor", "sandy", "sandy"])

    assert again == first
    assert avatar_server.calls == avatars.calls == 2


def test_an_avatar_that_is_not_to_be_kept_is_asked_for_by_each_page(start_feed, avatar_server):
    data = feed_parts.flag_data(on=True)
    feed = start_feed(data_source=data, avatar_api_url=avatar_server.url, avatar_keep_s=0.0)
    visitor = feed.app.test_client()

    visitor.get("/")
    calls = avatar_server.calls
    visitor.get("/")

    assert calls > 0
    assert avatar_server.calls == 2 * calls


@pytest.mark.parametrize("keep_s", [600.0, 0.0])
def test_pages_that_want_the_same_avatar_at_the_same_time_share_one_call(open_avatars, avatar_server, keep_s):
    release = threading.Event()

    def slowly(handler):
        release.wait(10)
        avatar_server.image(handler)

    avatar_server.script = slowly
    avatars = open_avatars(deadline_s=10.0, limit_s=10.0, keep_s=keep_s)
    found = []
    pages = [threading.Thread(target=lambda: found.append(avatars.urls(["sandy"])["sandy"])) for _ in range(20)]
    for page in pages:
        page.start()

    eventually(lambda: avatar_server.calls)
    release.set()
    for page in pages:
        page.join()

    assert avatar_server.calls == 1
    assert len(found) == 20
    assert None not in found


def test_calls_of_one_page_run_beside_each_other(open_avatars, avatar_server):
    together = threading.Barrier(5)

    def wait_for_the_others(handler):
        together.wait(10)
        avatar_server.image(handler)

    avatar_server.script = wait_for_the_others
    urls = open_avatars(deadline_s=10.0, limit_s=10.0).urls(["a", "b", "c", "d", "e"])

    assert None not in urls.values()


def test_a_page_does_not_wait_for_a_slow_api_and_the_next_one_has_the_avatar(open_avatars, avatar_server):
    release = threading.Event()

    def slowly(handler):
        release.wait(10)
        avatar_server.image(handler)

    avatar_server.script = slowly
    avatars = open_avatars(deadline_s=0.05, limit_s=10.0)

    assert avatars.urls(["sandy"]) == {"sandy": None}
    release.set()
    assert eventually(lambda: avatars.urls(["sandy"])["sandy"])
    assert avatar_server.calls == 1


def drip(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    for _ in range(100):
        try:
            handler.wfile.write(b" ")
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(0.02)


def drip_headers(handler):
    with contextlib.suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        for _ in range(100):
            handler.wfile.write(b"a")
            time.sleep(0.1)


def hang(_handler):
    time.sleep(1)


def reset(handler):
    handler.connection.close()


def huge(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", str(1 << 30))
    handler.end_headers()
    try:
        for _ in range(1 << 14):
            handler.wfile.write(b"[" * (1 << 16))
    except OSError:
        return


def redirect(handler):
    handler.send_response(302)
    handler.send_header("Location", "http://169.254.169.254/latest/meta-data")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


MISBEHAVIOURS = {
    "empty list": lambda handler: answer_json(handler, []),
    "empty object": lambda handler: answer_json(handler, {}),
    "null": lambda handler: answer_json(handler, None),
    "a number": lambda handler: answer_json(handler, 5),
    "no url": lambda handler: answer_json(handler, [{"id": "x"}]),
    "url of a wrong type": lambda handler: answer_json(handler, [{"url": 5}]),
    "html": lambda handler: answer(handler, b"<html>Bad gateway</html>"),
    "deep nesting": lambda handler: answer(handler, b"[" * 60_000),
    "not utf-8": lambda handler: answer(handler, b"\xff\xfe\xfd"),
    "error 500": lambda handler: answer_json(handler, [{"url": "x"}], status=500),
    "rate limit": lambda handler: answer_json(handler, {}, status=429),
    "a gigabyte": huge,
    "slow drip": drip,
    "slow drip of headers": drip_headers,
    "hang": hang,
    "reset": reset,
    "redirect": redirect,
}


@pytest.mark.parametrize("misbehaviour", MISBEHAVIOURS.values(), ids=MISBEHAVIOURS.keys())
def test_a_misbehaving_api_means_the_default_avatar(open_avatars, avatar_server, misbehaviour):
    avatar_server.script = misbehaviour
    avatars = open_avatars(limit_s=0.3)

    assert avatars.urls(["sandy"]) == {"sandy": None}
    assert (avatars.calls, avatars.errors) == (1, 1)


def test_an_api_that_is_gone_means_the_default_avatar(tmp_path):
    avatars = Avatars(AvatarApi(settings(tmp_path, avatar_api_url="http://127.0.0.1:9"), limit_s=1.0), deadline_s=5.0)

    assert avatars.urls(["sandy"]) == {"sandy": None}


def test_after_failures_the_api_is_left_alone(open_avatars, avatar_server):
    avatar_server.script = lambda handler: answer_json(handler, [], status=500)
    avatars = open_avatars()
    for number in range(5):
        avatars.urls([f"person-{number}"])
    assert avatars.is_open

    for number in range(100):
        avatars.urls([f"person-{number}"])

    assert avatar_server.calls == 5


def test_an_api_that_recovers_is_tried_and_used_again(open_avatars, avatar_server, monkeypatch):
    monkeypatch.setattr("webapp.avatar_breaker._OPEN_S", 0.1)
    avatars = open_avatars()
    works, avatar_server.script = avatar_server.script, lambda handler: answer_json(handler, [], status=500)
    for number in range(5):
        avatars.urls([f"person-{number}"])
    assert avatars.is_open

    avatar_server.script = works

    assert eventually(lambda: avatars.urls(["sandy"])["sandy"])
    assert not avatars.is_open
    was_open_s = avatars.open_s
    assert was_open_s >= 0.1
    avatars.urls(["sandy"])
    assert avatars.open_s == was_open_s, "it is closed, and its time stands still"


def test_the_key_goes_in_its_header(open_avatars, avatar_server):
    open_avatars(avatar_api_key=Secret("live_123456789")).urls(["sandy"])

    assert avatar_server.keys == ["live_123456789"]


def test_without_an_api_everybody_has_the_default_avatar():
    assert Avatars(None, deadline_s=1.0).urls(["sandy"]) == {"sandy": None}


CATS = {"avatar_api_url": "https://api.thecatapi.com"}
LOCAL = {"avatar_api_url": "http://127.0.0.1:4000"}


@pytest.mark.parametrize(
    ("given", "url"),
    [
        (CATS, "https://cdn2.thecatapi.com/images/abc.jpg"),
        (CATS, "https://api.thecatapi.com/images/abc.jpg"),
        ({**CATS, "avatar_image_hosts": ("img.example.com",)}, "https://img.example.com/a.png?size=48"),
        (LOCAL, "http://127.0.0.1:4000/images/abc.svg"),
        ({**LOCAL, "avatar_image_hosts": ("localhost:4001",)}, "http://localhost:4001/a.svg"),
    ],
)
def test_images_of_allowed_places_are_used(tmp_path, given, url):
    assert ImageOrigins.of(settings(tmp_path, **given)).allows(url)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "data:image/svg+xml,<svg/>",
        "file:///etc/passwd",
        "http://cdn2.thecatapi.com/images/abc.jpg",
        "https://evil.example.com/a.jpg",
        "https://cdn2.thecatapi.com.evil.example/a.jpg",
        "https://cdn2.thecatapi.com@evil.example/a.jpg",
        "https://user@cdn2.thecatapi.com/a.jpg",
        "https://cdn2.thecatapi.com:8443/a.jpg",
        'https://cdn2.thecatapi.com/"><script>alert(1)</script>',
        "https://cdn2.thecatapi.com/a b.jpg",
        "https://cdn2.thecatapi.com/a\n.jpg",
        "https://cdn2.thecatapi.com\\@evil.example/a.jpg",
        "//cdn2.thecatapi.com/a.jpg",
        "/images/a.jpg",
        "https://[::1/a.jpg",
        "http://169.254.169.254/latest/meta-data",
        "https://cdn2.thecatapi.com/" + "a" * 50_000,
        "",
    ],
)
def test_images_of_other_places_are_refused(tmp_path, url):
    assert not ImageOrigins.of(settings(tmp_path, **CATS)).allows(url)


def test_an_image_of_a_foreign_place_in_the_answer_is_an_error(tmp_path, avatar_server):
    avatar_server.script = lambda handler: answer_json(handler, [{"url": "https://evil.example.com/a.jpg"}])
    api = AvatarApi(settings(tmp_path, avatar_api_url=avatar_server.url), limit_s=5.0)

    with pytest.raises(AvatarError, match="not allowed") as failure:
        api.fetch()

    assert "evil" not in str(failure.value)
