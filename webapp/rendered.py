"""Rendered pages, kept for a moment: under load one rendering serves everybody who would see the very same page."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cachetools import TTLCache
from flask import render_template

from opsctl.core.modes import Mode

if TYPE_CHECKING:
    from collections.abc import Hashable

    from opsctl.core.instances import DataSource
    from webapp.decisions import Decision
    from webapp.gate import Gate
    from webapp.pages import Pages
    from webapp.visitors import Visitor

_KEEP_S = 1.0
_KEPT_PAGES = 128


@dataclass(frozen=True, slots=True)
class RenderedPage:
    """The page as HTML.

    Attributes:
        html: All of it.
        key: What it depends on: whoever has the same key sees the same page.
        until_s: How long it may be shown, on the monotonic clock; 0: just once.
    """

    html: str
    key: Hashable
    until_s: float


class RenderedPages:
    """The feed's page as HTML.

    What a page shows depends on who the visitor is, on the decision for them, on where the flag data comes from and on
    the posts; a change of any of these is another page at once. A full page that lacks an avatar is not kept, since
    the avatar may have come by the next time; nor is any where each page is to ask for its avatars.
    """

    def __init__(self, gate: Gate, pages: Pages, *, keep_s: float = _KEEP_S) -> None:
        self._gate = gate
        self._pages = pages
        self._keep_s = keep_s
        self._kept: TTLCache[Hashable, RenderedPage] = TTLCache(_KEPT_PAGES, keep_s)
        self._lock = threading.Lock()

    def key(self, visitor: Visitor, decision: Decision) -> Hashable:
        """Return what the page depends on that a visitor would get now."""
        return self._key(visitor, decision, self._gate.source)

    def page(self, visitor: Visitor, decision: Decision) -> RenderedPage:
        """Return the page for a visitor who gets `decision`."""
        source = self._gate.source
        key = self._key(visitor, decision, source)
        with self._lock:
            page = self._kept.get(key)
        if page is not None:
            return page
        until_s = time.monotonic() + self._keep_s
        context = self._pages.context(visitor, decision)
        html = render_template(
            "index.html",
            mode=decision.mode,
            epoch=decision.epoch.to_wire(),
            flag_key=self._gate.flag,
            source=source,
            pinned=decision.is_pinned,
            **context,
        )
        if decision.mode is not Mode.DEGRADED and not (self._pages.keeps_avatars and _has_every_avatar(context)):
            return RenderedPage(html, key, 0.0)
        page = RenderedPage(html, key, until_s)
        with self._lock:
            self._kept[key] = page
        return page

    def _key(self, visitor: Visitor, decision: Decision, source: DataSource) -> Hashable:
        return visitor.person.id, decision, source, self._pages.revision


def _has_every_avatar(context: dict[str, Any]) -> bool:
    people = [context["user"], *(post.author for post in context["posts"])]
    people += [one.person or one.post.author for one in context["recommendations"]]
    return all(person.avatar_url is not None for person in people)
