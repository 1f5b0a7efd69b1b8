"""Whole answers with the page, kept for a moment in front of Flask: most visitors under load get one of these."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from webapp.gate import Gate
    from webapp.metrics import Metrics
    from webapp.rendered import RenderedPage, RenderedPages
    from webapp.visitors import Visitors

MAY_KEEP = "webapp.may_keep"
"""Under this name a request's environment holds a list, for the `RenderedPage` that its answer is nothing but."""

PAGE = "/"
_KEPT_ANSWERS = 128
_OK = 200


@dataclass(frozen=True, slots=True)
class _Answer:
    status: str
    headers: list[tuple[str, str]]
    body: bytes
    until_s: float


class KeptPages:
    """WSGI middleware: gives a visitor the answer that Flask gave another one a moment ago, if it would be the same.

    The mode is decided for each request, as the page itself does, and so is everything else that the page depends on:
    the visitor's person, the posts, where the flag data comes from, and by what name the feed was asked for. What sets
    a cookie is never kept, so that whoever comes for the first time gets an answer of their own.
    """

    def __init__(self, app: Any, gate: Gate, rendered: RenderedPages, visitors: Visitors, metrics: Metrics) -> None:
        self._app = app
        self._gate = gate
        self._rendered = rendered
        self._visitors = visitors
        self._metrics = metrics
        self._kept: dict[Hashable, _Answer] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer with what is kept, or pass the request on (WSGI)."""
        if environ["PATH_INFO"] != PAGE or environ["REQUEST_METHOD"] != "GET":
            answer: Iterable[bytes] = self._app(environ, start_response)
            return answer
        began_s = time.perf_counter()
        visitor = self._visitors.known(environ.get("HTTP_COOKIE", ""))
        if visitor is not None:
            page = self._rendered.key(visitor, self._gate.decide(visitor))
            kept = self._kept.get((_address(environ), page))
            if kept is not None and kept.until_s > time.monotonic():
                start_response(kept.status, list(kept.headers))
                self._metrics.count(PAGE, _OK, time.perf_counter() - began_s, is_feed=True)
                return [kept.body]
        return self._fetched(environ, start_response)

    def _fetched(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        told: list[Any] = []
        pages: list[RenderedPage] = []
        environ[MAY_KEEP] = pages

        def listen(*status_and_headers: Any) -> Any:
            told[:] = status_and_headers
            return start_response(*status_and_headers)

        answer: Iterable[bytes] = self._app(environ, listen)
        if not pages:
            return answer
        try:
            body = b"".join(answer)
        finally:
            if hasattr(answer, "close"):
                answer.close()
        status, headers = told[:2]
        if int(status[:3]) == _OK and not any(name.lower() == "set-cookie" for name, _ in headers):
            self._keep((_address(environ), pages[0].key), _Answer(status, list(headers), body, pages[0].until_s))
        return [body]

    def _keep(self, key: Hashable, answer: _Answer) -> None:
        if len(self._kept) >= _KEPT_ANSWERS:
            self._kept.clear()  # within a second each would have been made anew
        self._kept[key] = answer


def _address(environ: dict[str, Any]) -> Hashable:
    """Return by what name the feed was asked for: links and the Content-Security-Policy hang on it."""
    return environ["wsgi.url_scheme"], environ.get("HTTP_HOST"), environ.get("SCRIPT_NAME")
