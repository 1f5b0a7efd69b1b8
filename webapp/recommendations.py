"""What a visitor may like, from what they and others like: item-based collaborative filtering, small and exact.

Pure functions of the posts and the people; the same input always gives the same answer.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from webapp.cast import Person
    from webapp.feed import Post

_TOPIC_WEIGHT = 0.15
_PEOPLE_SHOWN = 3
_POSTS_SHOWN = 3
_POPULAR_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Somebody to follow or a post to read, and why, to the visitor."""

    kind: Literal["person", "post"]
    id: str
    reason: str


def recommend(me: Person, people: Mapping[str, Person], posts: Sequence[Post]) -> list[Recommendation]:
    """Return people first, then posts, best first; what the visitor wrote or likes already is left out.

    Nobody is there twice, as a person or as the author of a post, as long as there are others.
    """
    found = _people_for(me, people, posts)
    return [*found, *_posts_for(me, people, posts, shown={one.id for one in found})]


def popular(posts: Iterable[Post], count: int = _POPULAR_SHOWN) -> list[Post]:
    """Return the most liked posts, the newer first among equals: the same for everybody."""
    return sorted(posts, key=lambda post: (len(post.likes), post.created, post.id), reverse=True)[:count]


def _people_for(me: Person, people: Mapping[str, Person], posts: Sequence[Post]) -> list[Recommendation]:
    liked = _likes_by_person(posts)
    mine = liked.get(me.id, {})
    scored = []
    for person in people.values():
        if person.id == me.id:
            continue
        theirs = liked.get(person.id, {})
        shared_posts = [mine[post_id] for post_id in mine.keys() & theirs.keys()]
        shared_topics = set(me.topics) & set(person.topics)
        score = _cosine(len(shared_posts), len(mine), len(theirs)) + _TOPIC_WEIGHT * len(shared_topics)
        topic = _foremost(Counter(topic for post in shared_posts for topic in post.topics), prefer=shared_topics)
        if score > 0 and topic is not None:
            scored.append((score, person, topic))
    scored.sort(key=lambda entry: (-entry[0], entry[1].id))
    return [
        Recommendation("person", person.id, f"because you and {_first_name(person)} both like {_spoken(topic)}")
        for _, person, topic in scored[:_PEOPLE_SHOWN]
    ]


def _posts_for(
    me: Person, people: Mapping[str, Person], posts: Sequence[Post], *, shown: set[str]
) -> list[Recommendation]:
    mine = [post for post in posts if me.id in post.likes]
    tastes = Counter(topic for post in mine for topic in post.topics) or Counter(me.topics)
    total = tastes.total()
    scored: list[tuple[float, Post, str]] = []
    for post in posts:
        if me.id in post.likes or post.author == me.id:
            continue
        nearest, closeness, score = None, 0.0, 0.0
        for other in mine:
            similarity = _similarity(post, other)
            score += similarity
            if similarity > closeness:
                nearest, closeness = other, similarity
        score += sum(_TOPIC_WEIGHT * tastes[topic] / total for topic in post.topics if total)
        if score > 0:
            scored.append((score, post, _why(post, nearest, tastes, people)))
    scored.sort(key=lambda entry: (-entry[0], entry[1].id))
    seen = set(shown)
    by_others: list[tuple[float, Post, str]] = []
    by_the_same: list[tuple[float, Post, str]] = []
    for entry in scored:
        author = entry[1].author
        (by_the_same if author in seen else by_others).append(entry)
        seen.add(author)
    return [Recommendation("post", post.id, reason) for _, post, reason in [*by_others, *by_the_same][:_POSTS_SHOWN]]


def _why(post: Post, nearest: Post | None, tastes: Mapping[str, int], people: Mapping[str, Person]) -> str:
    if nearest is None:
        topic = _foremost(Counter({topic: tastes.get(topic, 0) for topic in post.topics}), prefer=set())
        return f"because you like {_spoken(topic or 'posts like it')}"
    author = people.get(nearest.author)
    whose = f"{_first_name(author)}'s post" if author else "a post"
    about = sorted(set(post.topics) & set(nearest.topics)) or sorted(nearest.topics)
    return f"because you liked {whose}{f' about {_spoken(about[0])}' if about else ''}"


def _likes_by_person(posts: Iterable[Post]) -> dict[str, dict[str, Post]]:
    liked: dict[str, dict[str, Post]] = {}
    for post in posts:
        for person in post.likes:
            liked.setdefault(person, {})[post.id] = post
    return liked


def _similarity(one: Post, other: Post) -> float:
    return _cosine(len(one.likes & other.likes), len(one.likes), len(other.likes))


def _cosine(shared: int, one: int, other: int) -> float:
    return shared / math.sqrt(one * other) if shared else 0.0


def _foremost(counts: Counter[str], *, prefer: set[str]) -> str | None:
    """Return the topic that counts most; a preferred one wins among equals, and stands in for none."""
    if not counts:
        return min(prefer, default=None)
    return min(counts, key=lambda topic: (-counts[topic], topic not in prefer, topic))


def _first_name(person: Person) -> str:
    return person.name.split()[0]


def _spoken(topic: str) -> str:
    return topic.replace("-", " ")
