"""The feed's Socket.IO namespace: `state` on connect, `flag_update` on change, `flag_ack` back.

Events of a browser: `flag_ack {epoch, mode, hidden?}`; `like {id}`, answered `{id, like_count, liked_by_me}`; `post
{text}`, answered `{id}`. Refused ones are answered `{error}`. Events of the server are in `webapp.switching`.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flask_socketio.namespace import Namespace

from opsctl.core.epochs import Epoch
from opsctl.core.modes import Mode
from webapp.browsers import browser_name
from webapp.feed import BadPostError
from webapp.ratelimit import RateLimiter

if TYPE_CHECKING:
    from collections.abc import Callable

    from webapp.acks import AckBoard
    from webapp.broadcast import Broadcaster
    from webapp.interactions import Interactions
    from webapp.switching import Switchboard
    from webapp.visitors import Visitors

_log = logging.getLogger(__name__)
_EVENTS_PER_S = 50.0
_EVENTS_AT_ONCE = 200.0
_LOOKED_AT_LATER = frozenset({"HTTP_UPGRADE", "REQUEST_METHOD", "PATH_INFO", "REMOTE_ADDR", "SERVER_PROTOCOL"})
_EVENT_PACKET = "42"
_ACK_MESSAGE = f'{_EVENT_PACKET}["flag_ack",'


class FeedNamespace(Namespace):
    """Dispatches the events of browsers to the parts that handle them.

    It calls handlers itself rather than through Flask-SocketIO, which would build a Flask request for each event: none
    of them needs one, and ten thousand acknowledgements arrive at once. A client with too many events is closed.
    """

    def __init__(
        self,
        switchboard: Switchboard,
        board: AckBoard,
        broadcaster: Broadcaster,
        visitors: Visitors,
        interactions: Interactions,
    ) -> None:
        super().__init__("/")  # type: ignore[no-untyped-call]  # Flask-SocketIO ships no types
        self._switchboard = switchboard
        self._board = board
        self._broadcaster = broadcaster
        self._visitors = visitors
        self._interactions = interactions
        self._limiter = RateLimiter(rate_per_s=_EVENTS_PER_S, burst=_EVENTS_AT_ONCE)
        self._closing: set[str] = set()
        self._addresses: dict[str, str] = {}
        self._handlers: dict[str, Callable[[str, Any], Any]] = {
            "flag_ack": self._on_flag_ack,
            "like": self._on_like,
            "post": self._on_post,
        }

    def trigger_event(self, event: str, *args: Any) -> Any:
        """Handle one event (python-socketio). The first argument is the browser's session id."""
        sid = args[0]
        if event == "connect":
            return self._on_connect(sid, args[1])
        if event == "disconnect":
            return self._on_disconnect(sid)
        if not self._limiter.allows(sid):
            return self._refuse(sid)
        handler = self._handlers.get(event)
        return None if handler is None else handler(sid, args[1] if len(args) > 1 else None)

    def take_express(self, engine_sid: str, message: str) -> bool:
        """Deal with an acknowledgement as it came off the websocket; return false for everything else.

        After a change every browser sends the same one, at the same time: each text is read once.
        """
        if not message.startswith(_ACK_MESSAGE):
            return False
        server: Any = self.server
        sid = server.manager.sid_from_eio_sid(engine_sid, self.namespace)
        ack = _ack_of_message(message)
        if sid is None or ack is None:
            return False
        if self._limiter.allows(sid):
            self._acknowledge(sid, ack)
        else:
            self._refuse(sid)
        return True

    def _on_connect(self, sid: str, environ: dict[str, Any]) -> None:
        visitor = self._visitors.of_environ(environ)
        name = browser_name(sid, environ.get("HTTP_USER_AGENT", ""), visitor.person.name)
        self._switchboard.connect(sid, name, visitor)
        if self._board.get(sid) is not None:
            self._addresses[sid] = environ.get("REMOTE_ADDR", "unknown")
        _forget(environ)

    def _on_disconnect(self, sid: str) -> None:
        self._switchboard.disconnect(sid)
        self._limiter.forget(sid)
        self._closing.discard(sid)
        self._addresses.pop(sid, None)

    def _on_flag_ack(self, sid: str, data: Any) -> None:
        ack = _ack_of(data)
        if ack is not None:
            self._acknowledge(sid, ack)

    def _acknowledge(self, sid: str, ack: _Ack) -> None:
        connection = self._board.get(sid)
        if connection is not None:
            connection.is_hidden = ack.is_hidden
            self._board.confirm(sid, ack.epoch, ack.mode)

    def _on_like(self, sid: str, data: Any) -> dict[str, Any]:
        connection = self._board.get(sid)
        post_id = data.get("id") if isinstance(data, dict) else None
        if connection is None or not isinstance(post_id, str):
            return {"error": "bad request"}
        like = self._interactions.like(connection.visitor.person, post_id)
        return {"error": "no such post"} if like is None else {"id": post_id, **like}

    def _on_post(self, sid: str, data: Any) -> dict[str, Any]:
        connection = self._board.get(sid)
        text = data.get("text") if isinstance(data, dict) else None
        if connection is None or not isinstance(text, str):
            return {"error": "bad request"}
        try:
            post = self._interactions.post(connection.visitor, text, address=self._addresses.get(sid, "unknown"))
        except BadPostError as error:
            return {"error": str(error)}
        return {"error": "too many posts"} if post is None else {"id": post.id}

    def _refuse(self, sid: str) -> None:
        if sid not in self._closing:
            self._closing.add(sid)
            connection = self._board.get(sid)
            _log.warning("closing %s: too many events", connection.name if connection else "a browser")
            self._broadcaster.drop(sid)


def _forget(environ: dict[str, Any]) -> None:
    """Drop what a connection's request said, but for what the WSGI server looks at when it ends: kilobytes for each."""
    kept = {name: environ[name] for name in _LOOKED_AT_LATER if name in environ}
    environ.clear()  # which gives its memory back, as to delete each of them would not
    environ.update(kept)


@dataclass(frozen=True, slots=True)
class _Ack:
    """What a page says that it shows."""

    epoch: Epoch
    mode: Mode
    is_hidden: bool


def _ack_of(data: Any) -> _Ack | None:
    if not isinstance(data, dict):
        return None
    epoch = Epoch.from_wire(data.get("epoch"))
    mode = next((one for one in Mode if one == data.get("mode")), None)
    return None if epoch is None or mode is None else _Ack(epoch, mode, data.get("hidden") is True)


@lru_cache(maxsize=64)
def _ack_of_message(message: str) -> _Ack | None:
    """Return what a whole event packet acknowledges; `None` for one that is not just that."""
    try:
        event, data = json.loads(message[len(_EVENT_PACKET) :])
    except (ValueError, TypeError, RecursionError):
        return None
    return _ack_of(data) if event == "flag_ack" else None
