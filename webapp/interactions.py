"""What visitors do with the feed: write, and like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webapp.ratelimit import RateLimiter
from webapp.shared_posts import Like

if TYPE_CHECKING:
    from webapp.cast import Person
    from webapp.feed import Feed, Post
    from webapp.pages import Pages
    from webapp.shared_posts import SharedPosts
    from webapp.switching import Switchboard
    from webapp.visitors import Visitor

# A device costs a client nothing, so its address counts too, and in the end everybody together: each post goes to all.
_DEVICE = {"rate_per_s": 0.5, "burst": 5.0}
_ADDRESS = {"rate_per_s": 2.0, "burst": 20.0}
_ALL = {"rate_per_s": 10.0, "burst": 50.0}


class Interactions:
    """The same for forms and for Socket.IO events; what happens here is told to the other workers, if there are any."""

    def __init__(self, feed: Feed, pages: Pages, switchboard: Switchboard, shared: SharedPosts | None = None) -> None:
        self._feed = feed
        self._pages = pages
        self._switchboard = switchboard
        self._shared = shared
        self._devices = RateLimiter(**_DEVICE)
        self._addresses = RateLimiter(**_ADDRESS)
        self._all = RateLimiter(**_ALL)

    def post(self, visitor: Visitor, text: str, *, address: str) -> Post | None:
        """Add a post and send it to everybody; `None` when this device, its address or everybody posts too often.

        Raises:
            BadPostError: the text cannot be posted.
        """
        if not (
            self._devices.allows(visitor.device) and self._addresses.allows(address) and self._all.allows("everybody")
        ):
            return None
        post = self._feed.write(visitor.person.id, text)
        self._spread(post)
        return post

    def like(self, person: Person, post_id: str) -> dict[str, Any] | None:
        """Like a post or take the like back; return how it stands, or `None` when there is no such post."""
        post = self._feed.toggle_like(post_id, person.id)
        if post is None:
            return None
        self._pages.liked(person.id)
        is_liked = person.id in post.likes
        if self._shared is not None:
            self._shared.tell_like(Like(post_id, person.id, is_liked))
        return {"like_count": len(post.likes), "liked_by_me": is_liked}

    def arrive(self) -> None:
        """Let the cast's next post arrive, and send it to everybody; of several workers, one does so."""
        if self._shared is not None and not self._shared.leads:
            return
        post = self._feed.arrive()
        if post is not None:
            self._spread(post)

    def take(self, happened: Post | Like) -> None:
        """Take note of what happened at another worker."""
        if isinstance(happened, Like):
            self._feed.set_like(happened.post_id, happened.person, is_liked=happened.is_liked)
            self._pages.liked(happened.person)
        elif self._feed.take(happened):
            self._switchboard.announce(happened)

    def _spread(self, post: Post) -> None:
        self._switchboard.announce(post)
        if self._shared is not None:
            self._shared.tell_post(post)
