"""What a page holds, put together for one visitor in one mode."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from cachetools import TTLCache

from opsctl.core.modes import Mode
from webapp.recommendations import popular, recommend
from webapp.views import PopularView, RecommendationView, person_view, post_view

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from webapp.avatars import Avatars
    from webapp.cast import Cast, Person
    from webapp.decisions import Decision
    from webapp.feed import Feed, Post
    from webapp.recommendations import Recommendation
    from webapp.views import PostView
    from webapp.visitors import Visitor

POSTS_ON_PAGE = 20
_RECOMMENDATIONS_KEPT_S = 5.0
_POPULAR_KEPT_S = 2.0
_CONSIDERED_POSTS = 120
"""Older posts are not recommended; comparing them all would keep everybody else waiting for 25 ms."""


class Pages:
    """Puts pages together. In degraded mode it neither asks the avatar API nor computes recommendations.

    Recommendations are kept for a few seconds per person, or until that person likes something; what is popular is
    kept for a moment, the same for everybody.
    """

    def __init__(self, cast: Cast, feed: Feed, avatars: Avatars) -> None:
        self._cast = cast
        self._feed = feed
        self._avatars = avatars
        self._recommendations: TTLCache[str, list[Recommendation]] = TTLCache(len(cast.people), _RECOMMENDATIONS_KEPT_S)
        self._popular: TTLCache[str, list[Post]] = TTLCache(1, _POPULAR_KEPT_S)
        self._lock = threading.Lock()

    @property
    def revision(self) -> int:
        """Moves with each change of the posts and their likes."""
        return self._feed.revision

    @property
    def keeps_avatars(self) -> bool:
        """Whether a page may show the avatars that an earlier one asked for."""
        return self._avatars.are_kept

    def context(self, visitor: Visitor, decision: Decision) -> dict[str, Any]:
        """Return the values of the template for the page, except those about the flag itself."""
        is_full = decision.mode is Mode.FULL
        me = visitor.person
        posts = self._feed.newest(POSTS_ON_PAGE)
        recommended = self._recommended(me) if is_full else []
        avatars = self._avatars_for(me, posts, recommended) if is_full else {}
        return {
            "user": person_view(me, avatars),
            "avatar_image": avatars.get(me.id),
            "show_avatar": is_full,
            "posts": [self._post(post, me, avatars) for post in posts],
            "show_recommendations": is_full,
            "recommendations": self._recommendation_views(recommended, me, avatars),
            "popular": [PopularView(self._post(post, me, {}), len(post.likes)) for post in self._most_liked()],
            "people": list(self._cast.people.values()),
        }

    def personal(self, visitor: Visitor, people: Iterable[str]) -> dict[str, Any]:
        """Return what turns a degraded page full: avatars of the `people` it shows, and recommendations."""
        me = visitor.person
        recommended = self._recommended(me)
        known = [person for person in people if person in self._cast.people]
        avatars = self._avatars.urls([me.id, *known, *self._people_in(recommended)])
        return {
            "avatar_image": avatars[me.id],
            "avatars": {person: avatars[person] for person in known},
            "recommendations": self._recommendation_views(recommended, me, avatars),
        }

    def live_post(self, post: Post, *, with_avatar: bool) -> PostView:
        """Return a post that has just arrived, as everybody sees it."""
        avatars = self._avatars.urls([post.author]) if with_avatar else {}
        return post_view(post, self._cast, avatars, viewer=None)

    def liked(self, person: str) -> None:
        """Take note that somebody's likes changed; `person` is their id."""
        with self._lock:
            self._recommendations.pop(person, None)

    def _recommended(self, me: Person) -> list[Recommendation]:
        with self._lock:
            kept = self._recommendations.get(me.id)
        if kept is None:
            kept = recommend(me, self._cast.people, self._feed.newest(_CONSIDERED_POSTS))
            with self._lock:
                self._recommendations[me.id] = kept
        return kept

    def _most_liked(self) -> list[Post]:
        with self._lock:
            kept = self._popular.get("")
        if kept is None:
            kept = popular(self._feed.all())
            with self._lock:
                self._popular[""] = kept
        return kept

    def _avatars_for(
        self, me: Person, posts: Sequence[Post], recommended: Sequence[Recommendation]
    ) -> dict[str, str | None]:
        return self._avatars.urls([me.id, *(post.author for post in posts), *self._people_in(recommended)])

    def _people_in(self, recommended: Iterable[Recommendation]) -> list[str]:
        people = []
        for one in recommended:
            if one.kind == "person":
                people.append(one.id)
            elif (post := self._feed.get(one.id)) is not None:
                people.append(post.author)
        return people

    def _recommendation_views(
        self, recommended: Iterable[Recommendation], me: Person, avatars: Mapping[str, str | None]
    ) -> list[RecommendationView]:
        views = []
        for one in recommended:
            if one.kind == "person":
                person = person_view(self._cast.people[one.id], avatars)
                views.append(RecommendationView("person", one.reason, person=person))
            elif (post := self._feed.get(one.id)) is not None:
                views.append(RecommendationView("post", one.reason, post=self._post(post, me, avatars)))
        return views

    def _post(self, post: Post, me: Person, avatars: Mapping[str, str | None]) -> PostView:
        return post_view(post, self._cast, avatars, viewer=me.id)
