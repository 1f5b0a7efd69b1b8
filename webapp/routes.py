"""The feed's HTTP routes, and the contract of its templates.

`index.html` is rendered with the tutorial's five values `user` (PersonView), `avatar_image` (URL, or `None` for the
default avatar), `show_avatar`, `posts` (PostView, newest first) and `show_recommendations`; and with `mode` (`full` or
`degraded`), `epoch` (`[version, pin]`), `flag_key`, `source` (`live`, `last-known`, `none`), `pinned` (degraded by
hand), `recommendations` (RecommendationView; empty when degraded), `popular` (PopularView; always there, so that a kill
needs no request) and `people` (the cast, for the visit-as chooser). The views are in `webapp.views`. There is no inline
script or style: what scripts need stands in data attributes. `error.html` gets `status`, `title` and `message`.

`GET /api/mode` answers the `state` object, with an ETag. `GET /api/personal?people=a,b` answers, in full mode,
`{epoch, order, mode, pinned, avatar_image, avatars: {id: url|null}, recommendations}`, and the first four of these in
degraded mode. The forms `POST /posts` (`text`), `POST /posts/ID/like` and `POST /visit-as` (`person`) redirect back to
the page; the first two answer JSON to `Accept: application/json`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, abort, jsonify, make_response, redirect, request, url_for

from opsctl.core.modes import Mode
from webapp.feed import BadPostError
from webapp.kept_pages import MAY_KEEP, PAGE
from webapp.switching import state_message
from webapp.visitors import DEVICE_COOKIE, remember_device, remember_person

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from webapp.decisions import Decision
    from webapp.gate import Gate
    from webapp.hosts import AllowedHosts
    from webapp.interactions import Interactions
    from webapp.pages import Pages
    from webapp.rendered import RenderedPages
    from webapp.visitors import Visitor, Visitors

FEED = "feed"
"""Name of the blueprint: of the page, its forms and its API."""

_MOST_PEOPLE = 60
_MOST_TRIES = 3
_REVALIDATE = "private, no-cache"


class FeedRoutes:
    """Handlers of the feed's routes, one method each."""

    def __init__(
        self,
        gate: Gate,
        pages: Pages,
        rendered: RenderedPages,
        visitors: Visitors,
        interactions: Interactions,
        hosts: AllowedHosts,
    ) -> None:
        self._gate = gate
        self._pages = pages
        self._rendered = rendered
        self._visitors = visitors
        self._interactions = interactions
        self._hosts = hosts

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint(FEED, __name__)
        routes.before_request(self._refuse_foreign_forms)
        routes.add_url_rule(PAGE, "index", self._index)
        routes.add_url_rule("/api/mode", "mode", self._mode)
        routes.add_url_rule("/api/personal", "personal", self._personal)
        routes.add_url_rule("/posts", "write_post", self._write_post, methods=["POST"])
        routes.add_url_rule("/posts/<post_id>/like", "like_post", self._like_post, methods=["POST"])
        routes.add_url_rule("/visit-as", "visit_as", self._visit_as, methods=["POST"])
        return routes

    def _refuse_foreign_forms(self) -> None:
        if request.method == "POST" and self._hosts.is_foreign(request.headers):
            abort(403, "This form was sent by another site.")

    def _index(self) -> ResponseReturnValue:
        visitor = self._visitors.of(request.cookies)
        _, page = _in_force(self._gate, visitor, lambda decision: self._rendered.page(visitor, decision))
        response = make_response(page.html)
        response.headers["Cache-Control"] = _REVALIDATE
        if request.cookies.get(DEVICE_COOKIE) != visitor.device:
            remember_device(response, visitor, secure=request.is_secure)
        elif page.until_s:
            request.environ.get(MAY_KEEP, []).append(page)
        return response

    def _mode(self) -> ResponseReturnValue:
        decision = self._gate.decide(self._visitors.of(request.cookies))
        response = jsonify(state_message(self._gate, decision))
        response.headers["Cache-Control"] = _REVALIDATE
        response.headers["Vary"] = "Cookie"
        epoch, order = decision.epoch, decision.order
        response.set_etag(
            f"{epoch.version}.{epoch.pin}-{order.origin}.{order.number}-{decision.mode}-{self._gate.source}", weak=True
        )
        return response.make_conditional(request)

    def _personal(self) -> ResponseReturnValue:
        visitor = self._visitors.of(request.cookies)
        people = [person for person in request.args.get("people", "").split(",") if person]
        if len(people) > _MOST_PEOPLE:
            abort(400, f"At most {_MOST_PEOPLE} people at a time.")

        def content(decision: Decision) -> dict[str, Any]:
            return self._pages.personal(visitor, people) if decision.mode is Mode.FULL else {}

        decision, found = _in_force(self._gate, visitor, content)
        place = {"epoch": decision.epoch.to_wire(), "order": decision.order.to_wire()}
        response = jsonify({**place, "mode": decision.mode, "pinned": decision.is_pinned, **found})
        response.headers["Cache-Control"] = "no-store"
        return response

    def _write_post(self) -> ResponseReturnValue:
        try:
            text = request.form.get("text", "")
            post = self._interactions.post(
                self._visitors.of(request.cookies), text, address=request.remote_addr or "unknown"
            )
        except BadPostError as error:
            abort(400, str(error))
        if post is None:
            abort(429, "That was a lot of posts. Take a breath, then try again.")
        if _wants_json():
            return jsonify(id=post.id), 201
        return _back_to(post.id)

    def _like_post(self, post_id: str) -> ResponseReturnValue:
        like = self._interactions.like(self._visitors.of(request.cookies).person, post_id)
        if like is None:
            abort(404, "That post is gone.")
        return jsonify(like) if _wants_json() else _back_to(post_id)

    def _visit_as(self) -> ResponseReturnValue:
        person = self._visitors.person(request.form.get("person", ""))
        if person is None:
            abort(400, "There is nobody of that name here.")
        response = make_response(redirect(url_for("feed.index"), 303))
        remember_person(response, person, secure=request.is_secure)
        return response


def _in_force(gate: Gate, visitor: Visitor, make: Any) -> tuple[Decision, Any]:
    """Return what `make` makes of the visitor's decision, made again when that changed meanwhile.

    Waiting for avatars takes time: a page must not leave in full mode after a kill was confirmed.
    """
    for _ in range(_MOST_TRIES):
        decision = gate.decide(visitor)
        made = make(decision)
        if decision.mode is Mode.DEGRADED or gate.decide(visitor) == decision:
            break
    return decision, made


def _back_to(post_id: str) -> Response:
    return make_response(redirect(url_for("feed.index", _anchor=f"post-{post_id}"), 303))


def _wants_json() -> bool:
    return request.accept_mimetypes.best_match(("text/html", "application/json")) == "application/json"
