"""The stand-in, or what stands before another API, over HTTP, as a WSGI application.

| request | answer |
|---|---|
| `GET /v1/images/search?limit=N` | `[{"id", "url", "width", "height"}]`, as thecatapi.com has it |
| `GET /images/ID.svg` | the portrait of that id, for ever the same; the stand-in alone has them |
| `GET /knobs`, `PUT /knobs` | how searches are answered; a `PUT` turns only the knobs it names |
| `GET /stats` | what was asked so far |
| `GET /healthz` | 200 |
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from opsctl.avatarservice.cats import draw_cat
from opsctl.avatarservice.provider import Answer, Provider, Search, json_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

_IMAGE_PATH = re.compile(r"/images/([0-9a-z]{1,32})\.svg")
_HOST = re.compile(r"(127\.0\.0\.1|localhost)(:\d{1,5})?")
_LARGEST_BODY = 4096
_IMAGE_HEADERS = (
    ("Cache-Control", "public, max-age=31536000, immutable"),
    ("Content-Security-Policy", "default-src 'none'; sandbox"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
)


class AvatarApp:
    """Routes requests to `provider`. Answers only names of this machine: a web page elsewhere cannot turn knobs.

    Args:
        provider: Answers searches.
        has_images: Whether images are served here.
    """

    def __init__(self, provider: Provider, *, has_images: bool = True) -> None:
        self._provider = provider
        self._has_images = has_images

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, as WSGI has it."""
        answer = self._answer(environ)
        headers = [("Content-Type", answer.content_type), ("X-Content-Type-Options", "nosniff"), *answer.headers]
        if isinstance(answer.body, list):
            headers.append(("Content-Length", str(sum(map(len, answer.body)))))
        start_response(answer.status, headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else answer.body

    def _answer(self, environ: WSGIEnvironment) -> Answer:
        if not _HOST.fullmatch(environ.get("HTTP_HOST", "")):
            return _refusal("400 Bad Request", "this service answers to 127.0.0.1 and localhost")
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path == "/knobs" and method == "PUT":
            return self._turn_knobs(environ)
        if method not in {"GET", "HEAD"}:
            allowed = "GET, HEAD, PUT" if path == "/knobs" else "GET, HEAD"
            return json_answer("405 Method Not Allowed", {"message": "method not allowed"}, (("Allow", allowed),))
        if path == "/v1/images/search":
            return self._search(environ)
        reports: dict[str, Callable[[], dict[str, Any]]] = {
            "/knobs": self._provider.knobs.to_wire,
            "/stats": self._provider.stats.to_wire,
            "/healthz": lambda: {"status": "ok"},
        }
        if path in reports:
            return json_answer("200 OK", reports[path]())
        return self._image(path, environ.get("HTTP_IF_NONE_MATCH", ""))

    def _search(self, environ: WSGIEnvironment) -> Answer:
        text = parse_qs(environ.get("QUERY_STRING", "")).get("limit", ["1"])[0]
        if not re.fullmatch(r"[1-9][0-9]{0,2}", text, re.ASCII):
            return _refusal("400 Bad Request", "limit is a whole number from 1")
        key = environ.get("HTTP_X_API_KEY", "").strip()
        return self._provider.search(Search(f"http://{environ['HTTP_HOST']}", int(text), key))

    def _image(self, path: str, known: str) -> Answer:
        match = _IMAGE_PATH.fullmatch(path)
        if match is None or not self._has_images:
            return _refusal("404 Not Found", "there is no such page")
        etag = ("ETag", f'"{match[1]}"')
        if etag[1] in known:
            return Answer("304 Not Modified", "image/svg+xml", [], (*_IMAGE_HEADERS, etag))
        self._provider.stats.images += 1
        return Answer("200 OK", "image/svg+xml", [draw_cat(match[1]).encode()], (*_IMAGE_HEADERS, etag))

    def _turn_knobs(self, environ: WSGIEnvironment) -> Answer:
        """Turn knobs, for programs of this machine only: no browser sends JSON by PUT to another site unasked."""
        if environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() != "application/json":
            return _refusal("415 Unsupported Media Type", "send the knobs as application/json")
        length = environ.get("CONTENT_LENGTH") or ""
        if not length.isdigit() or int(length) > _LARGEST_BODY:
            return _refusal("413 Content Too Large", f"send at most {_LARGEST_BODY} bytes, and say how many")
        try:
            wanted = json.loads(environ["wsgi.input"].read(int(length)))
            return json_answer("200 OK", self._provider.turn(wanted).to_wire())
        except RecursionError:
            return _refusal("400 Bad Request", "the knobs are a JSON object")
        except ValueError as error:
            return _refusal("400 Bad Request", str(error))


def _refusal(status: str, message: str) -> Answer:
    return json_answer(status, {"message": message})
