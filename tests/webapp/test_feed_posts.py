"""The posts of the feed."""

from datetime import UTC, datetime

import pytest
from feed_parts import POSTS, small_cast

from webapp.cast import load_cast
from webapp.feed import KEPT_POSTS, LONGEST_POST, BadPostError, Feed

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def a_feed(cast=None, seed=1):
    return Feed(cast or small_cast(), seed=seed, now=lambda: NOON)


def test_the_order_of_posts_is_the_seeds():
    cast = load_cast()

    one, same, other = (a_feed(cast, seed) for seed in (1, 1, 2))

    assert [post.id for post in one.all()] == [post.id for post in same.all()]
    assert [post.id for post in one.all()] != [post.id for post in other.all()]


def test_reading_the_feed_does_not_change_it():
    feed = a_feed()

    assert feed.newest(3) == feed.newest(3)


def test_the_newest_post_comes_first():
    feed = a_feed()
    created = [post.created for post in feed.all()]

    assert created == sorted(created, reverse=True)
    assert all(time < NOON for time in created)


def test_an_arriving_post_comes_first_and_keeps_its_likes():
    feed = a_feed(load_cast())

    post = feed.arrive()

    assert feed.newest(1) == [post]
    assert post.created == NOON


def test_the_cast_goes_on_posting_under_new_ids():
    feed = a_feed()

    arrived = [feed.arrive().id for _ in POSTS]

    assert {post_id.rpartition("-")[2] for post_id in arrived} == {"2"}


def test_no_post_is_in_the_feed_twice():
    feed = a_feed()

    for _ in range(3 * len(POSTS) + 1):
        feed.arrive()

    texts = [post.text for post in feed.all()]
    assert len(texts) == len(set(texts)) == len(POSTS)


def test_a_cast_without_posts_makes_an_empty_feed():
    feed = a_feed(small_cast(posts=[]))

    assert feed.all() == []
    assert feed.arrive() is None


def test_only_the_newest_posts_are_kept():
    feed = a_feed()
    first = feed.all()[-1]

    for number in range(KEPT_POSTS):
        feed.write("sandy", f"Number {number}.")

    assert len(feed.all()) == KEPT_POSTS
    assert feed.get(first.id) is None


def test_what_a_visitor_writes_is_cleaned_and_shown():
    feed = a_feed()

    post = feed.write("sandy", "  tea\n\n is \u202e ready\x1b[2J ")

    assert (post.text, post.author) == ("tea is ready[2J", "sandy")
    assert feed.newest(1) == [post]


@pytest.mark.parametrize("text", ["", "  \n ", "\u200b\u202e"])
def test_an_empty_post_is_refused(text):
    with pytest.raises(BadPostError, match="Write something first"):
        a_feed().write("sandy", text)


def test_a_post_that_is_too_long_is_refused_with_its_length():
    with pytest.raises(BadPostError, match=f"{LONGEST_POST + 1} characters"):
        a_feed().write("sandy", "x" * (LONGEST_POST + 1))


def test_liking_twice_takes_the_like_back():
    feed = a_feed()

    assert "ivo" in feed.toggle_like("p1", "ivo").likes
    assert "ivo" not in feed.toggle_like("p1", "ivo").likes


def test_a_post_that_is_gone_cannot_be_liked():
    assert a_feed().toggle_like("nothing", "ivo") is None
