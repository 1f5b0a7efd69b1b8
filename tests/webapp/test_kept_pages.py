"""Whole answers that are kept for a moment: who gets one, and that nobody gets another one's, or an old one."""

from functools import partial

import pytest
from feed_parts import answer_json, flag_data, turn
from flask import request_started
from prometheus_client import generate_latest
from support.waiting import eventually

import webapp.application
from opsctl.core.modes import Mode
from webapp.rendered import RenderedPages

DEVICE = {"device": "a-device-of-these-tests"}
OTHER = {"device": "another-device-of-these"}


@pytest.fixture(autouse=True)
def kept_for_long(monkeypatch):
    """Keep answers for as long as a test may take on a busy machine."""
    keep_for(monkeypatch, 600.0)


def keep_for(monkeypatch, seconds):
    made = partial(RenderedPages, keep_s=seconds)
    monkeypatch.setattr(webapp.application, "RenderedPages", made)


@pytest.fixture
def by_flask():
    """The paths of the requests that Flask answered."""
    seen = []

    def note(_sender, **_):
        seen.append("answered")

    request_started.connect(note)
    yield seen
    request_started.disconnect(note)


def page(feed, cookies, *, host="localhost", method="GET", **more):
    client = feed.app.test_client(use_cookies=False)
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return client.open("/", method=method, headers={"Host": host, **({"Cookie": cookie} if cookie else {})}, **more)


def mode_of(answer):
    return "degraded" if 'data-mode="degraded"' in answer.text else "full"


def test_who_would_see_the_same_gets_the_very_answer_that_another_one_got(killed_feed, by_flask):
    first = page(killed_feed, DEVICE)

    second = page(killed_feed, OTHER)

    assert len(by_flask) == 1
    assert (second.status, list(second.headers), second.data) == (first.status, list(first.headers), first.data)
    assert "Set-Cookie" not in second.headers
    assert second.headers["Cache-Control"] == "private, no-cache"
    assert "default-src 'none'" in second.headers["Content-Security-Policy"]


def test_a_full_page_is_kept_once_it_has_every_avatar(full_feed, by_flask):
    def an_answer_without_flask():
        before = len(by_flask)
        answer = page(full_feed, DEVICE)
        return answer if len(by_flask) == before else None

    kept = eventually(an_answer_without_flask, what="a kept answer")

    assert mode_of(kept) == "full"
    assert "/images/" in kept.text


def test_who_comes_for_the_first_time_gets_a_device_of_their_own(killed_feed):
    page(killed_feed, DEVICE)

    answers = [page(killed_feed, {}) for _ in range(3)] + [page(killed_feed, {"device": "odd"})]

    assert len({answer.headers["Set-Cookie"] for answer in answers}) == 4
    assert {answer.data for answer in answers} == {page(killed_feed, DEVICE).data}
    assert "Set-Cookie" not in page(killed_feed, DEVICE).headers


def test_two_people_never_share_an_answer(full_feed):
    names = {"sandy": "Sandy Sun", "noor": "Noor Haddad", "ivo": "Ivo Kos"}

    for _ in range(2):
        for person, name in names.items():
            assert f"<title>Lantern · {name}" in page(full_feed, DEVICE | {"visitor": person}).text


def test_whoever_says_to_be_nobody_of_the_cast_sees_what_a_new_visitor_sees(killed_feed):
    assert page(killed_feed, DEVICE | {"visitor": "nobody"}).data == page(killed_feed, DEVICE).data


def test_a_kill_and_a_restore_are_on_the_next_page(start_feed, avatar_server):
    data = flag_data(on=True)
    feed = start_feed(data_source=data, avatar_api_url=avatar_server.url)
    assert [mode_of(page(feed, DEVICE)) for _ in range(2)] == ["full", "full"]

    turn(data, on=False)
    eventually(lambda: feed.gate.state.mode is Mode.DEGRADED, what="the kill")
    assert [mode_of(page(feed, DEVICE)) for _ in range(2)] == ["degraded", "degraded"]

    turn(data, on=True)
    eventually(lambda: feed.gate.state.mode is Mode.FULL, what="the restore")
    assert [mode_of(page(feed, DEVICE)) for _ in range(2)] == ["full", "full"]


def test_where_the_mode_depends_on_the_device_each_gets_their_own(start_feed, avatar_server):
    data = flag_data(on=True)
    data.update(
        data.flag("show-avatars-and-reccs")
        .boolean_flag()
        .on(True)
        .fallthrough_variation(True)
        .off_variation(False)
        .variation_for_key("device", DEVICE["device"], False)
    )
    feed = start_feed(data_source=data, avatar_api_url=avatar_server.url)

    for _ in range(2):
        assert mode_of(page(feed, DEVICE)) == "degraded"
        assert mode_of(page(feed, OTHER)) == "full"


def test_a_post_and_a_like_are_on_the_next_page(killed_feed):
    page(killed_feed, DEVICE)
    post = killed_feed.feed.write("noor", "Platform nine is flooded.")

    assert "Platform nine is flooded." in page(killed_feed, DEVICE).text
    assert 'data-mode="degraded"' in page(killed_feed, DEVICE).text

    before = page(killed_feed, DEVICE).text
    killed_feed.feed.toggle_like(post.id, "sandy")
    assert 'aria-pressed="true"' in page(killed_feed, DEVICE).text.partition(f'data-like="{post.id}"')[2][:200]
    assert page(killed_feed, DEVICE).text != before


def test_the_policy_names_the_host_that_was_asked_for(killed_feed):
    for _ in range(2):
        for host in ("localhost:5000", "127.0.0.1:5000"):
            assert f"ws://{host} " in page(killed_feed, DEVICE, host=host).headers["Content-Security-Policy"]


def test_what_is_kept_is_for_hosts_of_the_feed_only(killed_feed):
    page(killed_feed, DEVICE)

    assert page(killed_feed, DEVICE, host="evil.example").status_code == 400


def test_other_methods_get_their_own_answers(killed_feed):
    kept = page(killed_feed, DEVICE)

    head = page(killed_feed, DEVICE, method="HEAD")

    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == kept.headers["Content-Length"] == str(len(kept.data))
    assert page(killed_feed, DEVICE, method="POST").status_code == 405


def test_a_full_page_without_every_avatar_is_made_anew(start_feed, avatar_server, by_flask):
    avatar_server.script = lambda handler: answer_json(handler, {}, status=500)
    feed = start_feed(data_source=flag_data(on=True), avatar_api_url=avatar_server.url)

    for _ in range(3):
        assert mode_of(page(feed, DEVICE)) == "full"

    assert len(by_flask) == 3


def test_a_kept_answer_counts_as_any_other(killed_feed, by_flask):
    for _ in range(5):
        page(killed_feed, DEVICE)

    assert len(by_flask) == 1
    assert killed_feed.metrics.traffic.total.requests == 5
    assert killed_feed.metrics.traffic.within(60).latency.count == 5
    text = generate_latest(killed_feed.metrics.registry).decode()
    assert 'feed_requests_total{route="/",status="200"} 5.0' in text
    assert 'feed_request_seconds_count{route="/"} 5.0' in text


def test_a_flood_of_hosts_makes_no_heap_of_answers(killed_feed):
    for number in range(300):
        assert page(killed_feed, DEVICE, host=f"localhost:{number + 1}").status_code == 200

    kept = killed_feed.app.wsgi_app
    while not hasattr(kept, "_kept"):
        kept = kept._app
    assert len(kept._kept) <= 128


def test_an_answer_is_made_anew_after_its_moment(monkeypatch, start_feed, by_flask):
    keep_for(monkeypatch, 0.05)
    feed = start_feed(data_source=flag_data(on=False))
    page(feed, DEVICE)

    eventually(lambda: page(feed, DEVICE) and len(by_flask) > 1, what="a page that Flask made")
