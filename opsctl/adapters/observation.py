"""Following instances: one thread each reads its reports, and whoever waits is told that there is news."""

from __future__ import annotations

import http.client
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from opsctl.adapters.control_channel import ControlChannel
from opsctl.core.propagation import Sighting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import TracebackType

_SILENCE_S = 3.0
"""Instances send a heartbeat every second; one that misses three does not answer."""
_RECONNECT_S = 0.1
_JOIN_S = 1.0


class SocketObservation:
    """`Observation` of `opsctl.core.ports`, as a context manager.

    Entering starts the threads and waits until every instance said where it stands, or `patience_s` is over; leaving
    ends the threads.
    """

    def __init__(
        self, sockets: Iterable[Path], *, patience_s: float, is_expected: Callable[[Path], bool] = lambda _path: False
    ) -> None:
        """Take the sockets, the patience, and who knows whether somebody should listen on one."""
        self._news = threading.Condition()
        self._changes = 0
        self._changes_told = 0
        self._patience_s = patience_s
        self._followers = [_Follower(path, self._tell, is_expected) for path in sockets]

    def __enter__(self) -> Self:
        for follower in self._followers:
            follower.start()
        give_up_s = time.monotonic() + self._patience_s
        for follower in self._followers:
            follower.armed.wait(max(give_up_s - time.monotonic(), 0.0))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for follower in self._followers:
            follower.stop()
        for follower in self._followers:
            follower.join(_JOIN_S)

    def sightings(self) -> tuple[Sighting, ...]:
        """Return every instance as last seen; a socket that nobody ever listened on and nobody should is none."""
        seen = [follower.sighting for follower in self._followers]
        return tuple(sighting for sighting in seen if sighting is not None)

    def wait_for_news(self, timeout_s: float) -> bool:
        """Return as soon as some sighting has changed since the last call, with whether one has."""
        with self._news:
            happened = self._news.wait_for(lambda: self._changes != self._changes_told, timeout_s)
            self._changes_told = self._changes
            return happened

    def _tell(self) -> None:
        with self._news:
            self._changes += 1
            self._news.notify_all()


class _Follower(threading.Thread):
    """Follows one instance, across its restarts, until it is stopped."""

    def __init__(self, path: Path, tell: Callable[[], None], is_expected: Callable[[Path], bool]) -> None:
        super().__init__(name=f"opsctl-follow-{path.stem}", daemon=True)
        self.armed = threading.Event()
        self.sighting: Sighting | None = Sighting(path.stem)
        self._path = path
        self._tell = tell
        self._is_expected = is_expected
        self._stopping = threading.Event()
        self._channel: ControlChannel | None = None

    def stop(self) -> None:
        self._stopping.set()
        if self._channel is not None:
            self._channel.abort()

    def run(self) -> None:
        while not self._stopping.is_set():
            is_absent = False
            try:
                self._follow()
            except (ConnectionRefusedError, FileNotFoundError):
                if not self._was_seen() and not self._is_expected(self._path):
                    self._see(None)
                    return
                is_absent = True
            except (OSError, ValueError, http.client.HTTPException):
                pass
            if not self._stopping.is_set():
                self._lose(is_absent=is_absent)
            self.armed.set()
            self._stopping.wait(_RECONNECT_S)

    def _follow(self) -> None:
        self._channel = ControlChannel(self._path, timeout_s=_SILENCE_S)
        try:
            accepted_at_s: float | None = None
            for report in self._channel.observe():
                if accepted_at_s is None:
                    accepted_at_s = time.monotonic() - report.elapsed_ms / 1000
                self._see(Sighting(self._path.stem, report, accepted_at_s))
        finally:
            self._channel.close()

    def _was_seen(self) -> bool:
        return self.sighting is not None and self.sighting.report is not None

    def _lose(self, *, is_absent: bool) -> None:
        if self.sighting is not None and self.sighting.report is not None:
            self._see(replace(self.sighting, is_gone=True))
        else:
            self._see(Sighting(self._path.stem, is_gone=is_absent))

    def _see(self, sighting: Sighting | None) -> None:
        if sighting != self.sighting:
            self.sighting = sighting
            self._tell()
        self.armed.set()
