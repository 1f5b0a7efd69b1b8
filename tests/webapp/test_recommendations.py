"""What a visitor may like."""

from datetime import UTC, datetime

from feed_parts import small_cast

from webapp.cast import load_cast
from webapp.feed import Feed
from webapp.recommendations import popular, recommend

CAST = small_cast()


def posts_of(cast=CAST):
    return Feed(cast, seed=1, now=lambda: datetime(2026, 11, 27, 12, 0, tzinfo=UTC)).all()


def for_person(person_id, cast=CAST, posts=None):
    return recommend(cast.people[person_id], cast.people, posts or posts_of(cast))


def test_somebody_with_the_same_taste_is_recommended_with_the_reason():
    first = for_person("sandy")[0]

    assert (first.kind, first.id) == ("person", "noor")
    assert first.reason == "because you and Noor both like night trains"


def test_a_post_is_recommended_for_what_others_who_like_the_same_like():
    posts = [one for one in for_person("sandy") if one.kind == "post"]

    assert posts[0].id == "p5"
    assert posts[0].reason == "because you liked Mei's post about tea"


def test_nobody_is_recommended_themselves_or_what_they_like_already():
    for person_id in CAST.people:
        found = for_person(person_id)
        liked = {post.id for post in posts_of() if person_id in post.likes}
        assert all(one.id != person_id and one.id not in liked for one in found)


def test_two_people_get_different_recommendations():
    assert for_person("sandy") != for_person("ivo")


def test_a_like_changes_what_is_recommended():
    posts = posts_of()
    before = for_person("ivo", posts=posts)

    next(post for post in posts if post.id == "p4").likes.add("ivo")

    assert for_person("ivo", posts=posts) != before


def test_without_a_like_topics_decide():
    posts = posts_of()
    for post in posts:
        post.likes.discard("sandy")

    found = [one for one in for_person("sandy", posts=posts) if one.kind == "post"]

    assert {one.reason for one in found} <= {"because you like night trains", "because you like tea"}
    assert found


def test_without_posts_there_are_only_people_of_the_same_topics():
    found = recommend(CAST.people["sandy"], CAST.people, [])

    assert {one.id for one in found} == {"noor", "mei"}


def test_everybody_of_the_bundled_cast_gets_people_and_posts():
    cast = load_cast()
    posts = posts_of(cast)

    for person_id in cast.people:
        kinds = [one.kind for one in for_person(person_id, cast, posts)]
        assert kinds == ["person"] * 3 + ["post"] * 3, person_id


def test_nobody_is_recommended_twice_as_long_as_there_are_others():
    cast = load_cast()
    authors = {post.id: post.author for post in posts_of(cast)}

    for person_id in cast.people:
        found = for_person(person_id, cast)
        shown = [one.id if one.kind == "person" else authors[one.id] for one in found]
        assert len(set(shown)) == len(shown), person_id


def test_the_same_input_gives_the_same_answer():
    assert for_person("sandy") == for_person("sandy")


def test_what_is_popular_is_what_most_people_like():
    counts = [len(post.likes) for post in popular(posts_of(), 3)]

    assert counts == sorted((len(post.likes) for post in posts_of()), reverse=True)[:3]
