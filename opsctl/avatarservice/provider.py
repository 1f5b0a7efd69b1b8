"""Searches answered as the knobs say, and what was asked so far."""

from __future__ import annotations

import json
import random
import secrets
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from opsctl.avatarservice.cats.portrait import SIZE
from opsctl.avatarservice.knobs import Body, Knobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_MOST_IMAGES = 10
_MOST_IMAGES_WITH_KEY = 100
_HUGE_CHUNK = b'{"id":"' + b"x" * 65_527 + b'"},'
_HUGE_CHUNKS = 16_384
_PAGE = b"<!doctype html><title>Be right back</title><p>We are doing some maintenance.</p>"


@dataclass(slots=True)
class Stats:
    """Requests so far, by what became of them. `calls` counts every search, however it ended.

    `passed_on` are those that were asked of another API; the others it answered, refused or held up itself.
    """

    calls: int = 0
    passed_on: int = 0
    images: int = 0
    errors: int = 0
    rate_limited: int = 0
    waiting: int = 0

    def to_wire(self) -> dict[str, int]:
        """Return the counters as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; `body` may be a stream that is made while it is sent."""

    status: str
    content_type: str
    body: Iterable[bytes]
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched for.

    Attributes:
        base_url: Where the caller reached us.
        limit: How many images.
        key: The caller's key of the API; empty without one.
    """

    base_url: str
    limit: int = 1
    key: str = field(default="", repr=False)


class Provider:
    """Answers searches for images as the knobs say, and counts them.

    Args:
        wait: Sleeps so many seconds, `None` until the process stops; returns whether it stops.
        now: Monotonic seconds.
        images: Gives the answer that a search gets when nothing goes wrong on purpose.
        passes_on: Whether another API gives it.
    """

    def __init__(
        self,
        *,
        wait: Callable[[float | None], bool],
        now: Callable[[], float],
        images: Callable[[Search], Answer],
        passes_on: bool = False,
    ) -> None:
        self.knobs = Knobs()
        self.stats = Stats()
        self._wait = wait
        self._now = now
        self._images = images
        self._passes_on = passes_on
        self._random = random.Random()  # noqa: S311 - misbehaviour needs no cryptography
        self._tokens = 0.0
        self._refilled_at = now()

    def turn(self, wanted: object) -> Knobs:
        """Turn the knobs that `wanted` names, for every search from now on.

        Raises:
            ValueError: For a knob or a value there is not; nothing is turned then.
        """
        self.knobs = self.knobs.changed(wanted)
        self._tokens, self._refilled_at = max(1.0, self.knobs.rate_limit_per_s), self._now()
        return self.knobs

    def search(self, search: Search) -> Answer:
        """Answer one search."""
        self.stats.calls += 1
        knobs = self.knobs
        self.stats.waiting += 1
        try:
            latency_s = (knobs.latency_ms + self._random.random() * knobs.jitter_ms) / 1000
            if self._wait(None if knobs.hang else latency_s):
                return json_answer("503 Service Unavailable", {"message": "the service stops"})
        finally:
            self.stats.waiting -= 1
        if not self._is_within_rate(knobs.rate_limit_per_s):
            self.stats.rate_limited += 1
            return json_answer("429 Too Many Requests", {"message": "rate limit reached"}, (("Retry-After", "1"),))
        if self._random.random() < knobs.error_rate:
            self.stats.errors += 1
            return json_answer("500 Internal Server Error", {"message": "something went wrong"})
        answer = self._answer(knobs.body, search)
        self.stats.rate_limited += answer.status.startswith("429")
        self.stats.errors += not answer.status.startswith(("2", "429"))
        return answer

    def _answer(self, body: Body, search: Search) -> Answer:
        if body is Body.EMPTY:
            return json_answer("200 OK", [])
        if body is Body.HTML:
            return Answer("200 OK", "text/html; charset=utf-8", [_PAGE])
        if body is Body.HUGE:
            return Answer("200 OK", "application/json", _huge_body())
        self.stats.passed_on += self._passes_on
        return self._images(search)

    def _is_within_rate(self, per_s: float) -> bool:
        """Take one token of a bucket that holds a second's worth."""
        if not per_s:
            return True
        now = self._now()
        self._tokens = min(max(1.0, per_s), self._tokens + (now - self._refilled_at) * per_s)
        self._refilled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def portraits(search: Search) -> Answer:
    """Answer a search with random cats of our own; without a key, ten at most."""
    count = min(search.limit, _MOST_IMAGES_WITH_KEY if search.key else _MOST_IMAGES)
    return json_answer("200 OK", [_image(search.base_url, secrets.token_hex(5)) for _ in range(count)])


def json_answer(status: str, value: Any, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """Return an answer that no cache keeps and that holds `value`."""
    return Answer(status, "application/json", [json.dumps(value).encode()], (("Cache-Control", "no-store"), *headers))


def _image(base_url: str, cat_id: str) -> dict[str, Any]:
    return {"id": cat_id, "url": f"{base_url}/images/{cat_id}.svg", "width": SIZE, "height": SIZE}


def _huge_body() -> Iterable[bytes]:
    """Yield a gigabyte that never becomes valid JSON."""
    yield b"["
    for _ in range(_HUGE_CHUNKS):
        yield _HUGE_CHUNK
