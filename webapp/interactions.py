"""What visitors do with the feed: write, and like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webapp.ratelimit import RateLimiter

if TYPE_CHECKING:
    from webapp.cast import Person
    from webapp.feed import Feed, Post
    from webapp.pages import Pages
    from webapp.switching import Switchboard
    from webapp.visitors import Visitor

_POSTS_PER_S = 0.5
_POSTS_AT_ONCE = 5.0


class Interactions:
    """The same for forms and for Socket.IO events."""

    def __init__(self, feed: Feed, pages: Pages, switchboard: Switchboard) -> None:
        self._feed = feed
        self._pages = pages
        self._switchboard = switchboard
        self._limiter = RateLimiter(rate_per_s=_POSTS_PER_S, burst=_POSTS_AT_ONCE)

    def post(self, visitor: Visitor, text: str) -> Post | None:
        """Add a post and send it to everybody; `None` when this device posts too often.

        Raises:
            BadPostError: the text cannot be posted.
        """
        if not self._limiter.allows(visitor.device):
            return None
        post = self._feed.write(visitor.person.id, text)
        self._switchboard.announce(post)
        return post

    def like(self, person: Person, post_id: str) -> dict[str, Any] | None:
        """Like a post or take the like back; return how it stands, or `None` when there is no such post."""
        post = self._feed.toggle_like(post_id, person.id)
        if post is None:
            return None
        self._pages.liked(person)
        return {"like_count": len(post.likes), "liked_by_me": person.id in post.likes}

    def arrive(self) -> None:
        """Let the cast's next post arrive, and send it to everybody."""
        post = self._feed.arrive()
        if post is not None:
            self._switchboard.announce(post)
