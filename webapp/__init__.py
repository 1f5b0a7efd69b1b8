"""The social feed that a kill switch degrades and restores."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from opsctl.settings import Settings

__all__ = ["create_app"]


def create_app(settings: Settings | None = None) -> Flask:
    """Return the feed as a WSGI application, for any server: gunicorn, `flask run`, or the project's own worker.

    It begins to follow the kill switch in the background and never waits for the provider. Without `settings` they are
    resolved from the environment and the working directory.

    Raises:
        OpsError: `bad_config`, for a setting that cannot be used.
    """
    from webapp.application import build_feed  # noqa: PLC0415 - the worker patches before anything heavy is imported

    return build_feed(settings).app
