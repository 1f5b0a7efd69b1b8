"""Static files that browsers keep for as long as they stay the same."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import request
from werkzeug.security import safe_join

if TYPE_CHECKING:
    from flask import Flask, Response

_FOR_EVER = "public, max-age=31536000, immutable"
_REVALIDATE = "no-cache"


def cache_static_files(app: Flask) -> None:
    """Give `url_for("static", …)` a version, and let a request with one be kept for ever; the others revalidate."""

    @lru_cache(maxsize=256)
    def version(filename: str) -> str | None:
        path = safe_join(app.static_folder or "", filename)
        try:
            status = Path(path or "").stat()
        except OSError:
            return None
        return f"{int(status.st_mtime):x}{status.st_size:x}"

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and "v" not in values:
            found = version(str(values.get("filename")))
            if found is not None:
                values["v"] = found

    @app.after_request
    def add_lifetime(response: Response) -> Response:
        if request.endpoint == "static" and response.status_code in {200, 304}:
            response.headers["Cache-Control"] = _FOR_EVER if "v" in request.args else _REVALIDATE
        return response
