"""The posts: those of the cast, which arrive one by one in an order that a seed decides, and those of visitors."""

from __future__ import annotations

import random
import secrets
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from opsctl.core.text import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from webapp.cast import Cast, CastPost

KEPT_POSTS = 500
LONGEST_POST = 280
_SHOWN_AT_START = 60
_SEED = 20250715


class BadPostError(ValueError):
    """What a visitor wrote cannot be posted; the message says why, to the visitor."""


@dataclass(slots=True)
class Post:
    """A post in the feed. `likes` are the ids of the people who like it; `replaces` is the id of its former self."""

    id: str
    author: str
    text: str
    topics: tuple[str, ...]
    created: datetime
    likes: set[str] = field(default_factory=set)
    replaces: str | None = None


class Feed:
    """The newest posts, at most `KEPT_POSTS`; the same for everybody, whatever the mode.

    Args:
        cast: The people and their posts.
        seed: Decides the order in which the cast's posts arrive.
        now: The wall clock.
    """

    def __init__(
        self, cast: Cast, *, seed: int = _SEED, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._cast = cast
        self._now = now
        self._random = random.Random(seed)  # noqa: S311 - an order of posts, not a secret
        self._lock = threading.Lock()
        self._posts: deque[Post] = deque()
        self._by_id: dict[str, Post] = {}
        self._upcoming: deque[CastPost] = deque()
        self._round = 0
        self.revision = 0
        self._fill()

    def newest(self, count: int) -> list[Post]:
        """Return the newest posts, newest first."""
        with self._lock:
            return [self._posts[-1 - index] for index in range(min(count, len(self._posts)))]

    def all(self) -> list[Post]:
        """Return every kept post, newest first."""
        return self.newest(KEPT_POSTS)

    def get(self, post_id: str) -> Post | None:
        """Return one post, while it is kept."""
        return self._by_id.get(post_id)

    def write(self, author: str, text: str) -> Post:
        """Add a visitor's post.

        Raises:
            BadPostError: there is nothing in it, or too much.
        """
        cleaned = " ".join(plain(text).split())
        if not cleaned:
            raise BadPostError("Write something first.")
        if len(cleaned) > LONGEST_POST:
            raise BadPostError(f"That is {len(cleaned)} characters; a post has at most {LONGEST_POST}.")
        post = Post(f"v{secrets.token_hex(6)}", author, cleaned, (), self._now())
        with self._lock:
            self._add(post)
        return post

    def take(self, post: Post) -> bool:
        """Add a post that arrived at another worker; return false when it is here already, or of nobody in the cast."""
        with self._lock:
            if post.id in self._by_id or post.author not in self._cast.people:
                return False
            if post.replaces is not None:
                self._remove(post.replaces)
            self._add(post)
            return True

    def set_like(self, post_id: str, person: str, *, is_liked: bool) -> None:
        """Take note of a like that was given, or taken back, at another worker."""
        with self._lock:
            post = self._by_id.get(post_id)
            if post is not None and person in self._cast.people:
                post.likes = post.likes | {person} if is_liked else post.likes - {person}
                self.revision += 1

    def toggle_like(self, post_id: str, person: str) -> Post | None:
        """Like a post, or take the like back; `None` when it is not there (any more)."""
        with self._lock:
            post = self._by_id.get(post_id)
            if post is not None:
                post.likes ^= {person}
                self.revision += 1
            return post

    def arrive(self) -> Post | None:
        """Let the cast's next post arrive; `None` when the cast has none.

        When all have been they come again, each in the place of its former self.
        """
        with self._lock:
            for _ in range(2 * len(self._cast.posts)):
                upcoming = self._next()
                if upcoming is None or self._id_of(upcoming, self._round) in self._by_id:
                    continue  # it came by way of another worker
                post = self._from_cast(upcoming, self._now())
                former = self._id_of(upcoming, self._round - 1)
                if former != post.id:
                    post.replaces = former
                    self._remove(former)
                self._add(post)
                return post
            return None

    def _fill(self) -> None:
        """Begin with posts of the last day, closer together the newer they are."""
        now = self._now()
        count = min(_SHOWN_AT_START, len(self._cast.posts))
        for index in range(count):
            upcoming = self._next()
            if upcoming is not None:
                steps_back = count - index
                age = timedelta(minutes=4 * steps_back + steps_back**2 / 3)
                self._add(self._from_cast(upcoming, now - age))

    def _next(self) -> CastPost | None:
        if not self._upcoming:
            if self._cast.posts:
                self._round += 1
            order = list(self._cast.posts)
            self._random.shuffle(order)
            self._upcoming.extend(order)
        return self._upcoming.popleft() if self._upcoming else None

    def _from_cast(self, post: CastPost, created: datetime) -> Post:
        return Post(self._id_of(post, self._round), post.author, post.text, post.topics, created, set(post.likes))

    @staticmethod
    def _id_of(post: CastPost, which_round: int) -> str:
        return post.id if which_round <= 1 else f"{post.id}-{which_round}"

    def _remove(self, post_id: str) -> None:
        post = self._by_id.pop(post_id, None)
        if post is not None:
            self._posts.remove(post)

    def _add(self, post: Post) -> None:
        self._posts.append(post)
        self._by_id[post.id] = post
        self.revision += 1
        while len(self._posts) > KEPT_POSTS:
            del self._by_id[self._posts.popleft().id]
