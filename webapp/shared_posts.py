"""Posts and likes that several workers share, through a stream of a Redis or Valkey server.

Each worker writes what its visitors do into the stream and reads what the others wrote; one that starts reads what is
kept of it. Nothing of the kill switch goes this way, and a feed whose server is away is a feed of its own visitors
until it is back. What is in the stream is JSON, and is checked: anybody may have written there.
"""

from __future__ import annotations

import json
import logging
import random
import secrets
import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opsctl.core.text import plain
from opsctl.core.wire import exact
from webapp.feed import KEPT_POSTS, LONGEST_POST, Post

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from opsctl.settings import Settings

_log = logging.getLogger(__name__)
_KEPT_EVENTS = 2 * KEPT_POSTS
_KEPT_S = 24 * 3600
_UNSENT = 1000
_AT_ONCE = 200
_LONGEST_EVENT = 8 * 1024
_LONGEST_ID = 64
_LIMIT_S = 2.0
_BLOCK_MS = 1000
_LEADER_MS = 5000
_FIRST_RETRY_S = 0.25
_LONGEST_RETRY_S = 5.0
_STOP_WAIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Like:
    """Somebody likes a post, or does so no longer."""

    post_id: str
    person: str
    is_liked: bool


class SharedPosts:
    """One worker's end of the stream. Nothing here waits for the server, and a full queue drops the oldest.

    Args:
        connect: Returns a connection to the server; it is called again after each failure.
        place: Tells streams of different feeds on one server apart.
        on_ignored: Called for each event in the stream that is none, for counting.
    """

    def __init__(
        self, connect: Callable[[], redis.Redis], place: str, *, on_ignored: Callable[[], None] = lambda: None
    ) -> None:
        self._connect = connect
        self._stream = f"opsctl:posts:{place}"
        self._leader = f"opsctl:posts-leader:{place}"
        self._origin = ""
        self._count_ignored = on_ignored
        self._unsent: deque[str] = deque(maxlen=_UNSENT)
        self._has_unsent = threading.Event()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener: Callable[[Post | Like], None] = _nobody
        self._last_id = "0"
        self.leads = False

    def listen(self, listener: Callable[[Post | Like], None]) -> None:
        """Tell `listener` what happens at other workers."""
        self._listener = listener

    def start(self) -> None:
        """Begin to read and write; also after a fork, where it is another worker's end, with nothing told so far."""
        self._origin = secrets.token_hex(8)
        self.leads = False
        self._unsent.clear()
        self._has_unsent = threading.Event()
        self._threads = []
        for name, work in (("posts in", self._receive), ("posts out", self._send)):
            thread = threading.Thread(target=self._keep_doing, args=(work,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """Stop, without waiting long for the server."""
        self._stopping.set()
        self._has_unsent.set()
        for thread in self._threads:
            thread.join(_STOP_WAIT_S)

    def tell_post(self, post: Post) -> None:
        """Let the other workers know of a post that arrived here."""
        self._tell(
            {
                "kind": "post",
                "id": post.id,
                "author": post.author,
                "text": post.text,
                "topics": list(post.topics),
                "created": post.created.isoformat(),
                "likes": sorted(post.likes),
                "replaces": post.replaces,
            }
        )

    def tell_like(self, like: Like) -> None:
        """Let the other workers know of a like."""
        self._tell({"kind": "like", "id": like.post_id, "person": like.person, "is_liked": like.is_liked})

    def _tell(self, event: dict[str, Any]) -> None:
        self._unsent.append(json.dumps({"origin": self._origin, **event}))
        self._has_unsent.set()

    def _keep_doing(self, work: Callable[[redis.Redis], None]) -> None:
        from redis import RedisError  # noqa: PLC0415 - loaded already

        retry_s = _FIRST_RETRY_S
        while not self._stopping.is_set():
            try:
                server = self._connect()
                try:
                    while not self._stopping.is_set():
                        work(server)
                        retry_s = _FIRST_RETRY_S
                finally:
                    server.close()
            except (RedisError, OSError) as error:
                _log.log(
                    logging.WARNING if retry_s == _FIRST_RETRY_S else logging.DEBUG,
                    "posts are not shared with other workers: %s", type(error).__name__,
                )  # fmt: skip
            except Exception:  # noqa: BLE001 - sharing must go on
                _log.exception("could not share posts")
            self._stopping.wait(retry_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, no secret
            retry_s = min(2 * retry_s, _LONGEST_RETRY_S)

    def _send(self, server: redis.Redis) -> None:
        self._lead(server)
        self._has_unsent.wait(_LEADER_MS / 3 / 1000)
        self._has_unsent.clear()
        while self._unsent:
            event = self._unsent[0]
            server.xadd(self._stream, {"event": event}, maxlen=_KEPT_EVENTS, approximate=True)
            server.expire(self._stream, _KEPT_S)
            if self._unsent and self._unsent[0] is event:
                self._unsent.popleft()

    def _lead(self, server: redis.Redis) -> None:
        """Become the worker that lets the cast's posts arrive, when there is none; stay it while this one is.

        While the server is away the last one goes on.
        """
        if server.set(self._leader, self._origin, nx=True, px=_LEADER_MS):
            self.leads = True
        elif server.get(self._leader) == self._origin.encode():
            server.pexpire(self._leader, _LEADER_MS)
            self.leads = True
        else:
            self.leads = False

    def _receive(self, server: redis.Redis) -> None:
        found: Any = server.xread({self._stream: self._last_id}, count=_AT_ONCE, block=_BLOCK_MS)
        for _, entries in found or ():
            for entry_id, fields in entries:
                self._last_id = entry_id.decode()
                self._take(fields.get(b"event", b""))

    def _take(self, text: bytes) -> None:
        try:
            event = _read(text)
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            self._count_ignored()
            _log.debug("ignored what is no event: %s", plain(str(error)))
            return
        origin, what = event
        if origin != self._origin:
            self._listener(what)


def shared_posts(settings: Settings, *, on_ignored: Callable[[], None]) -> SharedPosts | None:
    """Return this worker's end of the stream that the settings name; `None` where they name no server."""
    url = settings.redis_url
    if url is None:
        return None

    import redis  # noqa: PLC0415 - most feeds have no server

    def connect() -> redis.Redis:
        return redis.Redis.from_url(
            url.reveal(), socket_timeout=_LIMIT_S, socket_connect_timeout=_LIMIT_S, client_name="opsctl-posts"
        )

    return SharedPosts(connect, f"{settings.project}/{settings.environment}", on_ignored=on_ignored)


def _read(text: bytes) -> tuple[str, Post | Like]:
    if len(text) > _LONGEST_EVENT:
        raise ValueError("too long")
    value = json.loads(text)
    origin = exact(value["origin"], str)
    post_id = _id(value["id"])
    if value["kind"] == "like":
        return origin, Like(post_id, _id(value["person"]), exact(value["is_liked"], bool))
    if value["kind"] != "post":
        raise ValueError("no such kind")
    words = exact(value["text"], str)
    if not words or len(words) > LONGEST_POST or plain(words) != words:
        raise ValueError("no text of a post")
    created = datetime.fromisoformat(exact(value["created"], str))
    if created.tzinfo is None:
        raise ValueError("a time without its zone")
    replaces = value.get("replaces")
    return origin, Post(
        post_id,
        _id(value["author"]),
        words,
        tuple(_id(topic) for topic in value["topics"]),
        created.astimezone(UTC),
        {_id(person) for person in value["likes"]},
        None if replaces is None else _id(replaces),
    )


def _id(value: Any) -> str:
    text = exact(value, str)
    if not 0 < len(text) <= _LONGEST_ID or plain(text) != text:
        raise ValueError("no id")
    return text


def _nobody(_happened: Post | Like) -> None:
    """Stand in until somebody listens."""
