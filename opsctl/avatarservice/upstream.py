"""Another avatar API, which searches are passed on to: that one address, and nothing else of it."""

from __future__ import annotations

import http
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import urllib3
from gevent.threadpool import ThreadPool

from opsctl.avatarservice.provider import Answer, json_answer

if TYPE_CHECKING:
    from opsctl.avatarservice.provider import Search

_SEARCH_PATH = "/v1/images/search"
_AT_ONCE = 64
_CONNECT_S = 5.0
_ANSWER_S = 30.0
_LONGEST_BODY = 1024 * 1024
_UNREADABLE = "502 Bad Gateway"


class Upstream:
    """Passes searches on to the API at `url`. Its certificate is verified, and no redirect is followed.

    The caller's key goes along; nothing else of the request does. Calls run in threads, beside each other, so that the
    process goes on serving meanwhile.
    """

    def __init__(self, url: str) -> None:
        self._url = f"{url}{_SEARCH_PATH}"
        self._threads = ThreadPool(_AT_ONCE)
        self._http = urllib3.PoolManager(
            num_pools=1,
            maxsize=_AT_ONCE,
            retries=False,
            cert_reqs="CERT_REQUIRED",
            timeout=urllib3.Timeout(connect=_CONNECT_S, total=_ANSWER_S),
        )

    def images(self, search: Search) -> Answer:
        """Return what the API answers; 502 stands for no answer, or one that is too long. Call it from a greenlet."""
        answer: Answer = self._threads.apply(self._ask, (search,))
        return answer

    def _ask(self, search: Search) -> Answer:
        headers = {"Accept": "application/json", "User-Agent": "opsctl-fault-proxy"}
        if search.key:
            headers["x-api-key"] = search.key
        query = "" if search.limit == 1 else f"?{urlencode({'limit': search.limit})}"
        try:
            response = self._http.request(
                "GET", self._url + query, headers=headers, redirect=False, preload_content=False
            )
            with response:
                body = response.read(_LONGEST_BODY + 1, decode_content=True)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return json_answer(_UNREADABLE, {"message": f"the API did not answer: {type(error).__name__}"})
        if len(body) > _LONGEST_BODY:
            return json_answer(_UNREADABLE, {"message": "the API answered more than anybody should read"})
        return Answer(_status_line(response.status), _content_type(response), [body], _passed_on(response))


def _status_line(status: int) -> str:
    try:
        return f"{status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"


def _content_type(response: urllib3.BaseHTTPResponse) -> str:
    return response.headers.get("Content-Type") or "application/octet-stream"


def _passed_on(response: urllib3.BaseHTTPResponse) -> tuple[tuple[str, str], ...]:
    wait = response.headers.get("Retry-After")
    return (("Cache-Control", "no-store"), *([("Retry-After", wait)] if wait else []))
