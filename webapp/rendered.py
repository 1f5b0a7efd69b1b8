"""Rendered pages, kept for a moment: under load one rendering serves everybody who would see the very same page."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from cachetools import TTLCache
from flask import render_template

from opsctl.core.modes import Mode

if TYPE_CHECKING:
    from collections.abc import Hashable

    from webapp.decisions import Decision
    from webapp.gate import Gate
    from webapp.pages import Pages
    from webapp.visitors import Visitor

_KEEP_S = 1.0
_KEPT_PAGES = 128


class RenderedPages:
    """The feed's page as HTML.

    What a page shows depends on who the visitor is, on the decision for them, on where the flag data comes from and on
    the posts; a change of any of these is another page at once. A full page that lacks an avatar is not kept, since
    the avatar may have come by the next time; nor is any where each page is to ask for its avatars.
    """

    def __init__(self, gate: Gate, pages: Pages, *, keep_s: float = _KEEP_S) -> None:
        self._gate = gate
        self._pages = pages
        self._kept: TTLCache[Hashable, str] = TTLCache(_KEPT_PAGES, keep_s)
        self._lock = threading.Lock()

    def html(self, visitor: Visitor, decision: Decision) -> str:
        """Return the page for a visitor who gets `decision`."""
        source = self._gate.source
        key = (visitor.person.id, decision, source, self._pages.revision)
        with self._lock:
            html = self._kept.get(key)
        if html is None:
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
            if decision.mode is Mode.DEGRADED or (self._pages.keeps_avatars and _has_every_avatar(context)):
                with self._lock:
                    self._kept[key] = html
        return html


def _has_every_avatar(context: dict[str, Any]) -> bool:
    people = [context["user"], *(post.author for post in context["posts"])]
    people += [one.person or one.post.author for one in context["recommendations"]]
    return all(person.avatar_url is not None for person in people)
