"""The page's templates, by themselves: what stands in the page before any script runs."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

import webapp

AVATAR = "https://avatars.example/cat.svg"
HOSTILE = """<script>alert('"')</script>"""


class Page(HTMLParser):
    """The elements of a page as (tag, attributes, is in a template), and the text outside templates."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.text, self._templates = [], "", 0
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self._templates += tag == "template"
        self.elements.append((tag, dict(attrs), self._templates > 0))

    def handle_endtag(self, tag):
        self._templates -= tag == "template"

    def handle_data(self, data):
        self.text += "" if self._templates else data

    def all(self, tag=None, attribute=None, *, in_template=False):
        return [
            attrs
            for name, attrs, inside in self.elements
            if inside == in_template and tag in (None, name) and (attribute is None or attribute in attrs)
        ]


@pytest.fixture(scope="module")
def templates():
    folder = Path(webapp.__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=select_autoescape(), undefined=StrictUndefined
    )
    environment.globals["url_for"] = lambda endpoint, **values: f"/{endpoint}/{values.get('filename', '')}"
    return environment


@pytest.fixture
def render(templates):
    def render(mode="full", **changes):
        url = AVATAR if mode == "full" else None
        noor = {"id": "noor", "name": "Noor Haddad", "handle": "@noor", "bio": "Stations.", "avatar_url": url}
        sandy = {"id": "sandy", "name": "Sandy", "handle": "@sandy", "bio": "Trains.", "avatar_url": url}
        post = {
            "id": "p001", "author": noor, "text": "Blue hour.", "topics": ["film-photo"], "like_count": 3,
            "created_iso": "2026-01-01T00:00:00+00:00", "ago": "2 min ago", "liked_by_me": True,
        }  # fmt: skip
        values = {
            "user": sandy, "avatar_image": url, "show_avatar": mode == "full", "posts": [post], "people": [sandy, noor],
            "show_recommendations": mode == "full", "mode": mode, "epoch": [7, 0], "flag_key": "the-flag",
            "source": "live", "pinned": False, "popular": [{"post": post, "like_count": 3}],
            "recommendations": [{"kind": "person", "person": noor, "reason": "because of trains"}] * (mode == "full"),
        }  # fmt: skip
        return Page(templates.get_template("index.html").render({**values, **changes}))

    return render


def test_the_full_page_shows_pictures_and_recommendations(render):
    page = render("full")

    assert {image["src"] for image in page.all("img")} == {AVATAR}
    assert len(page.all(attribute="data-recommendations")) == 1
    assert page.all(attribute="data-popular") == []
    assert page.all(attribute="data-notice") == []
    assert "Welcome, Sandy!" in page.text


def test_the_degraded_page_shows_no_picture_no_recommendation_and_says_why(render):
    page = render("degraded")

    assert page.all("img") == []
    assert page.all(attribute="data-recommendations") == []
    assert len(page.all(attribute="data-popular")) == 1
    assert len(page.all(attribute="data-notice")) == 1
    assert "Popular right now" in page.text
    assert "Picked for you" not in page.text


def test_a_page_that_is_degraded_by_hand_is_marked_so(render):
    by_hand, killed = (render("degraded", pinned=pinned).all("html")[0] for pinned in (True, False))

    assert "data-pinned" in by_hand
    assert "data-pinned" not in killed


@pytest.mark.parametrize("mode", ["full", "degraded"])
def test_what_a_kill_needs_stands_ready_in_the_page(render, mode):
    page = render(mode)

    assert len(page.all(attribute="data-popular", in_template=True)) == 1
    assert len(page.all(attribute="data-notice", in_template=True)) == 1
    assert page.all("img", in_template=True) == []
    assert len(page.all("symbol")) >= 1
    assert len([use for use in page.all("use") if use["href"] == "#default-avatar"]) == len(
        page.all(None, "data-avatar")
    )


def test_the_page_says_what_scripts_need_in_attributes(render):
    root = render("degraded").all("html")[0]

    assert root["data-mode"] == "degraded"
    assert root["data-epoch"] == "[7, 0]"
    assert root["data-flag-key"] == "the-flag"
    assert root["data-source"] == "live"
    assert root["lang"] == "en"


@pytest.mark.parametrize("mode", ["full", "degraded"])
def test_nothing_is_inline_and_nothing_is_fetched_from_elsewhere(render, mode):
    page = render(mode)

    assert all("src" in script for script in page.all("script"))
    assert page.all("style") == []
    for _, attributes, _ in page.elements:
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
    for attributes in [*page.all("script"), *page.all("link")]:
        assert (attributes.get("src") or attributes.get("href")).startswith("/static/")


def test_every_picture_has_a_name_and_a_size(render):
    for image in render("full").all("img"):
        assert image["alt"].startswith("Picture of ")
        assert image["width"] == image["height"]
        assert image["referrerpolicy"] == "no-referrer"


def test_forms_work_without_scripts(render):
    forms = {form["action"]: form["method"] for form in render().all("form")}

    assert forms == {"/posts": "post", "/posts/p001/like": "post", "/visit-as": "post"}


def test_an_empty_feed_says_so(render):
    hidden = render().all("p", "data-empty")[0]
    shown = render(posts=[]).all("p", "data-empty")[0]

    assert "hidden" in hidden
    assert "hidden" not in shown
    assert "The feed is empty. Check back later!" in render(posts=[]).text


def test_full_mode_without_recommendations_shows_what_is_popular(render):
    assert len(render("full", recommendations=[]).all(attribute="data-popular")) == 1
    assert len(render("full", show_recommendations=False).all(attribute="data-popular")) == 1


def test_text_from_people_is_never_markup(render):
    evil = {"id": "evil", "name": HOSTILE, "handle": HOSTILE, "bio": HOSTILE, "avatar_url": f'{AVATAR}"onerror="x'}
    post = {
        "id": "p9", "author": evil, "text": HOSTILE, "topics": [HOSTILE], "created_iso": "", "ago": HOSTILE,
        "like_count": 0, "liked_by_me": False,
    }  # fmt: skip

    page = render(
        user=evil, posts=[post], people=[evil], flag_key=HOSTILE, popular=[{"post": post, "like_count": 1}],
        recommendations=[{"kind": "post", "post": post, "reason": HOSTILE}],
    )  # fmt: skip

    assert [script for script in page.all("script") if "src" not in script] == []
    assert all("onerror" not in image for image in page.all("img"))
    assert page.text.count(HOSTILE) >= 6


def test_tints_are_the_ones_the_script_gives(templates):
    """tests/js/labels.test.mjs has the same table."""
    table = {"sandy": "tone-7", "noor": "tone-1", "bao": "tone-4", "zofia": "tone-6", "": "tone-7", "9x": "tone-1"}
    macros = templates.get_template("partials/macros.html").module

    assert {person: str(macros.tone(person)) for person in table} == table


def test_error_pages_are_friendly_and_escape_what_they_say(templates):
    html = templates.get_template("error.html").render(status=404, title="Nothing here", message=HOSTILE)

    page = Page(html)
    assert "404" in page.text
    assert HOSTILE in page.text
    assert page.all("script") == []
    assert re.search(r"<title>Lantern · Nothing here</title>", html)
