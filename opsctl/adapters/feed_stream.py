"""What a page of the feed is told of the kill switch, as a stream: over Socket.IO, as its script has it."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from typing import TYPE_CHECKING, Any

import socketio
import urllib3

from opsctl.core.epochs import Epoch
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.modes import Mode
from opsctl.core.watching import PageView, WatchEvent, WatchKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opsctl.core.flags import FlagRef

_IDLE_S = 0.25
_CONNECT_TIMEOUT_S = 3.0
_ASK_TIMEOUT_S = 1.0
_AGAIN_S = 0.5
_LEAVE_S = 0.2
_OK = 200


class FeedStream:
    """`FlagStream` of `opsctl.core.ports`: the value is whether the page is in full mode.

    It counts as one connected browser while it is followed, and confirms what it is told, as pages do.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(_ASK_TIMEOUT_S))

    def follow(self, ref: FlagRef, *, start_timeout_s: float) -> Iterator[WatchEvent | None]:
        """Yield the state at the start, then every change; `None` at least every 250 ms, or a second after a change.

        Raises:
            OpsError: `unreachable`; `flag_not_found`, when the feed hangs on another flag.
        """
        connection = _Connection(self._url)
        connection.start()
        try:
            yield from self._events(connection, ref, time.monotonic() + start_timeout_s)
        finally:
            connection.stop()

    def _events(self, connection: _Connection, ref: FlagRef, start_deadline_s: float) -> Iterator[WatchEvent | None]:
        told: _Told | None = None
        lost_at_s: float | None = None
        while True:
            try:
                at_s, message = connection.told.get(timeout=_IDLE_S)
            except queue.Empty:
                if told is None and time.monotonic() >= start_deadline_s:
                    raise self._unreachable() from None
                yield None
                continue
            if message is None:
                if told is not None and lost_at_s is None:
                    lost_at_s = at_s
                    yield WatchEvent(WatchKind.LOST, at_s, new=told.is_full)
                continue
            if lost_at_s is not None and told is not None:
                yield WatchEvent(WatchKind.RESUMED, at_s, new=told.is_full, gap_s=at_s - lost_at_s)
                lost_at_s = None
            new = _Told.of(message, ref, self._url)
            if new is None or (told is not None and new.epoch < told.epoch):
                continue
            if told is None or new.is_other_than(told):
                yield WatchEvent(
                    WatchKind.STATE if told is None else WatchKind.CHANGE,
                    at_s,
                    old=None if told is None else told.is_full,
                    new=new.is_full,
                    version=new.epoch.version,
                    page=self._view(new, message),
                )
            told = new

    def _view(self, told: _Told, message: dict[str, Any]) -> PageView:
        """Return what is known of the instance; what a change does not say, the feed is asked for."""
        source = message if "source" in message else self._asked()
        age_s = source.get("age")
        return PageView(
            reason=told.reason,
            pin=told.epoch.pin,
            is_pinned=told.is_pinned,
            source=str(source["source"]) if "source" in source else None,
            age_s=float(age_s) if isinstance(age_s, (int, float)) else None,
        )

    def _asked(self) -> dict[str, Any]:
        try:
            answer = self._http.request("GET", f"{self._url}/api/mode")
            state = answer.json() if answer.status == _OK else None
        except (urllib3.exceptions.HTTPError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def _unreachable(self) -> OpsError:
        return OpsError(
            ErrorCode.UNREACHABLE,
            f"{self._url} accepts no Socket.IO connection",
            hint="start the feed: opsctl serve; or say where it is: --target http://HOST:PORT",
        )


class _Told:
    """What a `state` or a `flag_update` says."""

    def __init__(self, epoch: Epoch, message: dict[str, Any]) -> None:
        self.epoch = epoch
        self.is_full = message["mode"] == Mode.FULL
        self.reason = str(message.get("reason", ""))
        self.is_pinned = message.get("pinned") is True

    @classmethod
    def of(cls, message: dict[str, Any], ref: FlagRef, url: str) -> _Told | None:
        flags = message.get("flags")
        if isinstance(flags, dict) and ref.key not in flags:
            raise OpsError(
                ErrorCode.FLAG_NOT_FOUND,
                f"the feed at {url} does not hang on the flag {ref.key} but on {', '.join(map(str, flags))}",
                hint="name that flag, or the feed: --target http://HOST:PORT",
            )
        epoch = Epoch.from_wire(message.get("epoch"))
        return None if epoch is None or message.get("mode") not in set(Mode) else cls(epoch, message)

    def is_other_than(self, before: _Told) -> bool:
        """Whether the page shows something else, or for another cause; a version that changes nothing is no news."""
        causes = (self.is_full, self.is_pinned, self.reason)
        return causes != (before.is_full, before.is_pinned, before.reason)


class _Connection(threading.Thread):
    """Keeps a Socket.IO client connected; `told` gets every message with its time, and `None` when it is lost."""

    def __init__(self, url: str) -> None:
        super().__init__(name="opsctl-watch-feed", daemon=True)
        self.told: queue.SimpleQueue[tuple[float, dict[str, Any] | None]] = queue.SimpleQueue()
        self._url = url
        self._stopping = threading.Event()
        self._is_lost = threading.Event()
        self._client = socketio.Client(reconnection=False, handle_sigint=False)
        self._client.on("state", self._on_message)
        self._client.on("flag_update", self._on_message)
        self._client.on("disconnect", self._on_disconnect)

    def stop(self) -> None:
        """Leave the feed. A server that does not say goodbye is not waited for."""
        self._stopping.set()
        leaving = threading.Thread(target=self._leave, name="opsctl-leave-feed", daemon=True)
        leaving.start()
        leaving.join(_LEAVE_S)

    def run(self) -> None:
        """Connect, and again whenever the connection was lost, until it is stopped."""
        while not self._stopping.is_set():
            self._is_lost.clear()
            try:
                self._client.connect(self._url, transports=["websocket"], wait_timeout=_CONNECT_TIMEOUT_S)
            except (socketio.exceptions.SocketIOError, OSError, ValueError):
                self.told.put((time.time(), None))
            else:
                self._is_lost.wait()
            self._stopping.wait(_AGAIN_S)

    def _leave(self) -> None:
        with contextlib.suppress(Exception):
            self._client.disconnect()

    def _on_disconnect(self, *_reason: object) -> None:
        self.told.put((time.time(), None))
        self._is_lost.set()

    def _on_message(self, message: Any) -> None:
        if not isinstance(message, dict):
            return
        self.told.put((time.time(), message))
        # It may come before the connection counts as made, or when it is about to end.
        with contextlib.suppress(socketio.exceptions.SocketIOError):
            self._client.emit("flag_ack", {"epoch": message.get("epoch"), "mode": message.get("mode")})
