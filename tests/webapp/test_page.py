"""The page in both modes, and what it is made of."""

import re
import threading

import pytest
from feed_parts import FLAG, PEOPLE, answer_json, flag_data, small_cast, turn
from flask import template_rendered
from support.waiting import eventually

from opsctl.core.modes import Mode

HOST = {"Host": "localhost"}


@pytest.fixture
def rendered():
    """What templates were rendered with, newest last."""
    seen = []

    def note(_sender, template, context, **_):
        seen.append((template.name, context))

    template_rendered.connect(note)
    yield seen
    template_rendered.disconnect(note)


def page(feed, **more):
    client = feed.app.test_client()
    for name, value in more.items():
        client.set_cookie(name, value)
    return client.get("/", headers=HOST)


def test_the_tutorials_five_values_in_full_mode(full_feed, rendered):
    assert page(full_feed).status_code == 200

    _, context = rendered[-1]
    assert context["user"].name == "Sandy Sun"
    assert context["avatar_image"].startswith("http://127.0.0.1:")
    assert context["show_avatar"] is True
    assert [post.id for post in context["posts"]] == [post.id for post in full_feed.feed.all()]
    assert context["show_recommendations"] is True
    assert context["recommendations"]


def test_the_tutorials_five_values_in_degraded_mode(killed_feed, rendered):
    assert page(killed_feed).status_code == 200

    _, context = rendered[-1]
    assert context["user"].name == "Sandy Sun"
    assert context["avatar_image"] is None
    assert context["show_avatar"] is False
    assert len(context["posts"]) == 5
    assert context["show_recommendations"] is False
    assert context["recommendations"] == []


@pytest.mark.parametrize("mode", ["full", "degraded"])
def test_the_page_says_its_mode_and_epoch(full_feed, killed_feed, rendered, mode):
    html = page(full_feed if mode == "full" else killed_feed).text

    assert f'data-mode="{mode}"' in html
    _, context = rendered[-1]
    assert (context["mode"], context["epoch"], context["flag_key"]) == (mode, [1, 0], FLAG)


def test_a_full_page_has_an_avatar_for_everybody_on_it(full_feed, rendered):
    page(full_feed)

    _, context = rendered[-1]
    assert all(post.author.avatar_url for post in context["posts"])
    assert all((one.person or one.post.author).avatar_url for one in context["recommendations"])


def test_a_degraded_page_has_no_third_party_image_and_asks_nobody(killed_feed, avatar_server):
    html = page(killed_feed).text

    assert re.findall(r'<img[^>]+src="http', html.partition("<template")[0]) == []
    assert avatar_server.url not in html
    assert (avatar_server.calls, killed_feed.avatars.calls) == (0, 0)


def test_an_avatar_api_that_recovers_during_a_kill_is_not_asked(start_feed, avatar_server):
    data = flag_data(on=True)
    works, avatar_server.script = avatar_server.script, lambda handler: answer_json(handler, [])
    feed = start_feed(data_source=data, avatar_api_url=avatar_server.url)
    page(feed)
    before = avatar_server.calls
    assert before > 0

    avatar_server.script = works
    turn(data, on=False)
    eventually(lambda: feed.gate.state.mode is Mode.DEGRADED)
    for _ in range(10):
        page(feed)
        feed.app.test_client().get("/api/personal?people=sandy,noor", headers=HOST)

    assert avatar_server.calls == before


def test_an_avatar_api_that_fails_never_fails_the_page(start_feed, avatar_server, rendered):
    avatar_server.script = lambda handler: answer_json(handler, [])
    feed = start_feed(data_source=flag_data(on=True), avatar_api_url=avatar_server.url)

    assert page(feed).status_code == 200

    _, context = rendered[-1]
    assert context["show_avatar"] is True
    assert context["avatar_image"] is None


def test_the_posts_stay_the_same_over_a_reload_and_a_kill(start_feed):
    data = flag_data(on=True)
    feed = start_feed(data_source=data)
    before, again = posts_in(page(feed).text), posts_in(page(feed).text)
    turn(data, on=False)
    eventually(lambda: feed.gate.state.mode is Mode.DEGRADED)

    killed = posts_in(page(feed).text)

    assert len(before) == 5
    assert before == again == killed


def posts_in(html):
    return re.findall(r'id="post-(p[0-9]+)"', html)


def test_a_page_is_rendered_once_for_everybody_who_sees_the_same(killed_feed, rendered):
    pages = [page(killed_feed).text for _ in range(5)]

    assert len(set(pages)) == 1
    assert len(rendered) == 1


def test_a_change_is_on_the_next_page(full_feed, rendered):
    page(full_feed)

    full_feed.feed.write("noor", "Just now.")

    assert "Just now." in page(full_feed).text
    full_feed.feed.toggle_like("p3", "sandy")
    page(full_feed)
    assert next(post for post in rendered[-1][1]["posts"] if post.id == "p3").liked_by_me is True


def test_an_avatar_that_came_late_is_on_the_next_page(start_feed, avatar_server):
    works, avatar_server.script = avatar_server.script, lambda handler: answer_json(handler, [])
    feed = start_feed(data_source=flag_data(on=True), avatar_api_url=avatar_server.url)
    assert avatar_server.url not in page(feed).text

    avatar_server.script = works

    assert f"{avatar_server.url}/images/" in page(feed).text


def test_what_is_popular_is_on_the_page_in_both_modes(full_feed, killed_feed, rendered):
    page(full_feed)
    page(killed_feed)

    full, degraded = (
        [(one.post.id, one.like_count, one.post.author.avatar_url) for one in context["popular"]]
        for _, context in rendered
    )
    assert full == degraded
    assert full[0] == ("p4", 3, None)


def test_an_empty_feed_says_so(start_feed):
    feed = start_feed(data_source=flag_data(on=True), cast=small_cast(posts=[]))

    assert "The feed is empty. Check back later!" in page(feed).text


def test_text_of_posts_is_escaped(killed_feed):
    html = page(killed_feed).text

    assert "<b>It rose.</b>" not in html
    assert "It rose. &lt;b&gt;" in html


def test_two_people_get_their_own_recommendations(full_feed, rendered):
    page(full_feed, visitor="sandy")
    page(full_feed, visitor="ivo")

    (_, sandy), (_, ivo) = rendered
    assert ivo["user"].id == "ivo"
    assert sandy["recommendations"] != ivo["recommendations"]


def test_people_can_be_chosen(killed_feed, rendered):
    page(killed_feed)

    assert [person.id for person in rendered[-1][1]["people"]] == [person["id"] for person in PEOPLE]


def test_a_new_device_gets_a_cookie_for_a_year_that_scripts_cannot_read(killed_feed):
    answer = page(killed_feed)

    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert re.match(r"device=[\w-]{22};", cookie)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Max-Age=31536000" in cookie


def test_a_known_device_keeps_its_cookie(killed_feed):
    assert page(killed_feed, device="Hr48S_KV3H6rkE43GKMWew").headers.getlist("Set-Cookie") == []


def test_a_page_that_waits_for_avatars_while_the_feed_is_killed_leaves_degraded(start_feed, avatar_server, rendered):
    data = flag_data(on=True)
    feed = start_feed(data_source=data, avatar_api_url=avatar_server.url, avatar_deadline_s=10.0)

    first = threading.Lock()

    def kill_meanwhile(handler):
        if first.acquire(blocking=False):
            turn(data, on=False)
        eventually(lambda: feed.gate.state.mode is Mode.DEGRADED)
        avatar_server.image(handler)

    avatar_server.script = kill_meanwhile
    page(feed)

    _, context = rendered[-1]
    assert (context["mode"], context["show_avatar"], context["epoch"]) == ("degraded", False, [2, 0])


def test_a_page_without_flag_data_is_degraded(start_feed, rendered):
    assert page(start_feed()).status_code == 200

    _, context = rendered[-1]
    assert (context["mode"], context["epoch"], context["source"]) == ("degraded", [0, 0], "none")
