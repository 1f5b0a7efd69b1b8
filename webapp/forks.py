"""Servers that load the feed first and fork their workers afterwards, as `gunicorn --preload` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from webapp.lifecycle import Lifecycle


class ForkGuard:
    """WSGI middleware: the first request that a forked process answers makes it follow the switch by itself."""

    def __init__(self, app: Any, lifecycle: Lifecycle) -> None:
        self._app = app
        self._lifecycle = lifecycle

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Pass the request on (WSGI)."""
        self._lifecycle.resume_if_forked()
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer
