"""Static files: kept by browsers for as long as they stay the same, and sent compressed to those who take that."""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import request
from werkzeug.security import safe_join

if TYPE_CHECKING:
    from flask import Flask, Response

_FOR_EVER = "public, max-age=31536000, immutable"
_REVALIDATE = "no-cache"
_TEXT = frozenset({"text/css", "text/javascript", "application/javascript", "image/svg+xml"})
_KEPT = 256
_VERSION_LENGTH = 12


def cache_static_files(app: Flask) -> None:
    """Give `url_for("static", …)` a version, and let a request with one be kept for ever; the others revalidate.

    The version is a digest of the content, the same on every machine. A version that is not this file's, which a page
    of a newer or older feed asks for while they are replaced one by one, is not kept.

    Text is compressed once, and kept in memory like that.
    """
    files = _StaticFiles(Path(app.static_folder or ""))
    app.url_defaults(files.add_version)
    app.after_request(files.finish)


class _StaticFiles:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._version = lru_cache(maxsize=_KEPT)(self._read_version)
        self._compressed = lru_cache(maxsize=_KEPT)(self._read_compressed)

    def add_version(self, endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and "v" not in values:
            found = self._version(str(values.get("filename")))
            if found is not None:
                values["v"] = found

    def finish(self, response: Response) -> Response:
        if request.endpoint == "static" and response.status_code in {HTTPStatus.OK, HTTPStatus.NOT_MODIFIED}:
            filename = str((request.view_args or {}).get("filename"))
            asked = request.args.get("v")
            is_this = asked is not None and asked == self._version(filename)
            response.headers["Cache-Control"] = _FOR_EVER if is_this else _REVALIDATE
            if response.mimetype in _TEXT:
                self._compress(response, filename)
        return response

    def _compress(self, response: Response, filename: str) -> None:
        response.vary.add("Accept-Encoding")
        tag, _ = response.get_etag()
        if tag is not None:
            # The same file in two encodings is not the same bytes, which a strong tag would say.
            response.set_etag(tag, weak=True)
        if response.status_code == HTTPStatus.OK and request.accept_encodings.quality("gzip"):
            response.direct_passthrough = False
            response.set_data(self._compressed(filename, self._version(filename)))
            response.headers["Content-Encoding"] = "gzip"

    def _path(self, filename: str) -> Path | None:
        path = safe_join(str(self._folder), filename)
        return None if path is None else Path(path)

    def _read_version(self, filename: str) -> str | None:
        path = self._path(filename)
        try:
            return None if path is None else hashlib.sha256(path.read_bytes()).hexdigest()[:_VERSION_LENGTH]
        except OSError:
            return None

    def _read_compressed(self, filename: str, _version: str | None) -> bytes:
        path = self._path(filename)
        return gzip.compress(b"" if path is None else path.read_bytes(), mtime=0)
