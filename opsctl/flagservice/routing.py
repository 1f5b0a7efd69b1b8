"""Routes that are matched and never built into URLs, which is most of what a route costs at start-up."""

from __future__ import annotations

from typing import Any

from werkzeug import routing


class Rule(routing.Rule):
    """A route of the service.

    Werkzeug compiles code for building each route's URLs when the routes are opened, half a millisecond a route. The
    hook is private to it: in a version without it a route costs that again, and works the same.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Any:  # noqa: FBT001, FBT002 - the hook's signature
        del append_unknown
        return _build_nothing


def _build_nothing(*_: object) -> None:
    """Stand in for the code that builds URLs."""
