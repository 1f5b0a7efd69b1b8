"""A process that stood still: before it answers anybody again it finds out what the kill switch is now."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_log = logging.getLogger(__name__)
_BEAT_S = 0.2
_STALL_S = 1.0
_STOP_WAIT_S = 1.0


class StallGuard:
    """Notices that this process did not run for a while: it was suspended, or its machine was.

    What happened meanwhile waits in its sockets, the news of a kill beside the requests of visitors, and any of them
    could be read first. So the first who notices catches up, and every request waits for that.

    Args:
        catch_up: Asks the provider what is in force and decides by it; bounded in time, and may find nothing out.
    """

    def __init__(self, catch_up: Callable[[], None]) -> None:
        self._catch_up = catch_up
        self._beat_at = time.monotonic()
        self._catching_up = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to beat; also after a fork."""
        self._beat_at = time.monotonic()
        self._catching_up = threading.Lock()
        self._thread = threading.Thread(target=self._beat, name="stalls", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(_STOP_WAIT_S)

    def pass_when_current(self) -> None:
        """Return at once, or when this process has caught up after it stood still."""
        if not self._stood_still():
            return
        with self._catching_up:
            stood_s = time.monotonic() - self._beat_at
            if not self._stood_still():
                return
            _log.warning("this process stood still for %.1f s: asking the provider before it goes on", stood_s)
            try:
                self._catch_up()
            except Exception:  # noqa: BLE001 - visitors are served by what was known last
                _log.exception("could not catch up")
            self._beat_at = time.monotonic()

    def _stood_still(self) -> bool:
        return time.monotonic() - self._beat_at > _STALL_S

    def _beat(self) -> None:
        while not self._stopping.wait(_BEAT_S):
            self.pass_when_current()
            self._beat_at = time.monotonic()


class GuardedFromStalls:
    """WSGI middleware: a request that finds the process behind waits until it has caught up."""

    def __init__(self, app: Any, guard: StallGuard) -> None:
        self._app = app
        self._guard = guard

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Pass the request on (WSGI)."""
        self._guard.pass_when_current()
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer
