"""The people and posts that come with the feed are whole, believable in their likes, and ours."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import pytest

from webapp.cast import load_cast


@pytest.fixture(scope="module")
def cast():
    return load_cast()


def test_sandy_comes_first_and_there_is_company(cast):
    assert (cast.first.id, cast.first.name, cast.first.handle) == ("sandy", "Sandy", "@sandy")
    assert len(cast.people) >= 44
    assert len(cast.posts) >= 320


def test_ids_can_stand_in_addresses_and_handles_are_unique(cast):
    assert all(re.fullmatch(r"[a-z]{2,20}", person) for person in cast.people)
    assert all(re.fullmatch(r"p\d{3}", post.id) for post in cast.posts)
    assert len({person.handle for person in cast.people.values()}) == len(cast.people)


def test_every_post_fits_and_says_something_of_its_own(cast):
    texts = [post.text for post in cast.posts]
    openings = Counter(" ".join(text.lower().split()[:5]) for text in texts)

    assert max(map(len, texts)) <= 240
    assert min(map(len, texts)) >= 30
    assert len(set(texts)) == len(texts)
    assert openings.most_common(1)[0][1] == 1


def test_nothing_in_a_post_is_markup_or_invisible(cast):
    for post in cast.posts:
        assert not re.search(r"[<>\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]|https?:", post.text), post.id


def test_everybody_posts_and_nobody_twice_in_a_row(cast):
    authors = [post.author for post in cast.posts]

    assert min(Counter(authors)[person] for person in cast.people) >= 5
    assert all(one != next_one for one, next_one in pairwise(authors))


def test_topics_are_shared_by_enough_people_and_posts_to_recommend_from(cast):
    people = Counter(topic for person in cast.people.values() for topic in person.topics)
    posts = Counter(topic for post in cast.posts for topic in post.topics)

    assert len(posts) >= 14
    assert set(people) == set(posts)
    assert min(people.values()) >= 5
    assert min(posts.values()) >= 20
    assert all(1 <= len(post.topics) <= 3 for post in cast.posts)


def test_likes_follow_interests_and_never_oneself(cast):
    likes = [(post, cast.people[person]) for post in cast.posts for person in post.likes]
    coherent = sum(bool(set(post.topics) & set(person.topics)) for post, person in likes)

    assert all(person.id != post.author for post, person in likes)
    assert coherent / len(likes) > 0.9
    assert all(post.likes for post in cast.posts)
    assert min(Counter(person.id for _, person in likes).values()) >= 6


def test_people_who_share_a_topic_like_more_of_the_same_posts_than_others(cast):
    liked = {person: {post.id for post in cast.posts if person in post.likes} for person in cast.people}

    def overlap(is_kin):
        pairs = [
            len(liked[one] & liked[other]) / len(liked[one] | liked[other])
            for one in liked
            for other in liked
            if one < other and is_kin(len(set(cast.people[one].topics) & set(cast.people[other].topics)))
        ]
        return sum(pairs) / len(pairs)

    assert overlap(lambda shared: shared >= 2) > 2 * overlap(lambda shared: shared == 0)
