"""The people of the feed and what they post: fictional, and bundled with the package."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

TAUGHT_CONTEXT_KEY = "example-user-key"
"""The context key of the first person, Sandy, as LaunchDarkly's tutorials have it."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody a visitor can be. `context_key` is the key of their `user` context."""

    id: str
    name: str
    handle: str
    bio: str
    topics: tuple[str, ...]
    context_key: str


@dataclass(frozen=True, slots=True)
class CastPost:
    """A post that is yet to arrive, with the ids of the people of the cast who like it."""

    id: str
    author: str
    text: str
    topics: tuple[str, ...]
    likes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody, by id, in the order of the file; and all their posts."""

    people: Mapping[str, Person]
    posts: tuple[CastPost, ...]

    @property
    def first(self) -> Person:
        """Return who a new visitor is: Sandy."""
        return next(iter(self.people.values()))


def load_cast(directory: Traversable | None = None) -> Cast:
    """Read `people.json` and `posts.json` from `directory`, by default the bundled ones.

    Raises:
        ValueError: an entry is not as it should be; the message names the file and the entry.
    """
    content = resources.files("webapp") / "content" if directory is None else directory
    people = _entries(content, "people.json")
    posts = _entries(content, "posts.json")
    cast = cast_from(people, posts)
    if not cast.people:
        raise ValueError("people.json: needs at least one person")
    return cast


def cast_from(people: list[Any], posts: list[Any]) -> Cast:
    """Build a cast from parsed JSON.

    Raises:
        ValueError: an entry is not as it should be.
    """
    by_id: dict[str, Person] = {}
    for index, entry in enumerate(people):
        person = _person(entry, is_first=index == 0)
        if person.id in by_id:
            raise ValueError(f"people.json: {person.id!r} is there twice")
        by_id[person.id] = person
    seen: set[str] = set()
    cast_posts = []
    for entry in posts:
        post = _post(entry)
        if post.id in seen:
            raise ValueError(f"posts.json: {post.id!r} is there twice")
        unknown = {post.author, *post.likes} - by_id.keys()
        if unknown:
            raise ValueError(f"posts.json: {post.id!r} names people who are not in people.json: {sorted(unknown)}")
        seen.add(post.id)
        cast_posts.append(post)
    return Cast(MappingProxyType(by_id), tuple(cast_posts))


def _entries(content: Traversable, name: str) -> list[Any]:
    value = json.loads((content / name).read_text(encoding="utf-8"))
    if not isinstance(value, list):
        raise ValueError(f"{name}: must be an array")  # noqa: TRY004 - the contract is one kind of error
    return value


def _person(entry: Any, *, is_first: bool) -> Person:
    try:
        person_id = _text(entry["id"])
        return Person(
            id=person_id,
            name=_text(entry["name"]),
            handle=_text(entry["handle"]),
            bio=_text(entry["bio"]),
            topics=tuple(_text(topic) for topic in entry["topics"]),
            context_key=TAUGHT_CONTEXT_KEY if is_first else person_id,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"people.json: bad entry {entry!r}: {error}") from error


def _post(entry: Any) -> CastPost:
    try:
        return CastPost(
            id=_text(entry["id"]),
            author=_text(entry["author"]),
            text=_text(entry["text"]),
            topics=tuple(_text(topic) for topic in entry["topics"]),
            likes=frozenset(_text(person) for person in entry["likes"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"posts.json: bad entry {entry!r}: {error}") from error


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be text")
    return value
