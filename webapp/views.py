"""What templates and browsers get to see of people and posts: one shape for the page, its API and the live events."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opsctl.core.durations import format_age

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webapp.cast import Cast, Person
    from webapp.feed import Post

_JUST_NOW_S = 60


@dataclass(frozen=True, slots=True)
class PersonView:
    """A person; `avatar_url` is `None` for the default avatar."""

    id: str
    name: str
    handle: str
    bio: str
    avatar_url: str | None = None


@dataclass(frozen=True, slots=True)
class PostView:
    """A post as one visitor sees it. `ago` is for people, `created_iso` for programs."""

    id: str
    author: PersonView
    text: str
    topics: tuple[str, ...]
    created_iso: str
    ago: str
    like_count: int
    liked_by_me: bool

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON object of the `post` event."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class PopularView:
    """An entry of "popular right now"."""

    post: PostView
    like_count: int


@dataclass(frozen=True, slots=True)
class RecommendationView:
    """A recommendation: `person` or `post` is set, as `kind` says."""

    kind: str
    reason: str
    person: PersonView | None = None
    post: PostView | None = None


def person_view(person: Person, avatars: Mapping[str, str | None]) -> PersonView:
    """Return a person with the avatar found for them."""
    return PersonView(person.id, person.name, person.handle, person.bio, avatars.get(person.id))


def post_view(post: Post, cast: Cast, avatars: Mapping[str, str | None], *, viewer: str | None) -> PostView:
    """Return a post as `viewer`, a person's id, sees it."""
    return PostView(
        id=post.id,
        author=person_view(cast.people[post.author], avatars),
        text=post.text,
        topics=post.topics,
        created_iso=post.created.isoformat(timespec="seconds"),
        ago=_ago(post.created),
        like_count=len(post.likes),
        liked_by_me=viewer in post.likes,
    )


def _ago(created: datetime) -> str:
    age_s = (datetime.now(UTC) - created).total_seconds()
    return "just now" if age_s < _JUST_NOW_S else f"{format_age(age_s)} ago"
