"""Following one instance, across its restarts."""

from __future__ import annotations

import http.client
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.adapters.endpoints import problem_of
from opsctl.core.propagation import Sighting

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.adapters.control_channel import ControlChannel
    from opsctl.adapters.endpoints import Endpoint

_SILENCE_S = 3.0
"""Instances send a heartbeat every second; one that misses three does not answer."""
_RECONNECT_S = 0.1
_RECONNECT_TO_TROUBLE_S = 1.0
"""What answers wrongly will hardly answer rightly a moment later, and counts failed attempts."""


class Follower(threading.Thread):
    """Follows the instance at an endpoint until it is stopped; `tell` is called when its sighting has changed."""

    def __init__(self, endpoint: Endpoint, tell: Callable[[], None]) -> None:
        super().__init__(name=f"opsctl-follow-{endpoint.name}", daemon=True)
        self.endpoint = endpoint
        self.armed = threading.Event()
        self.sighting: Sighting | None = Sighting(endpoint.name)
        self._tell = tell
        self._stopping = threading.Event()
        self._channel: ControlChannel | None = None

    @property
    def was_seen(self) -> bool:
        """Whether the instance ever answered."""
        return self.sighting is not None and self.sighting.report is not None

    @property
    def answers(self) -> bool:
        """Whether it still does."""
        return self.sighting is not None and self.sighting.report is not None and not self.sighting.is_gone

    def stop(self) -> None:
        """Ask the thread to end, also where it waits for the instance."""
        self._stopping.set()
        if self._channel is not None:
            self._channel.abort()

    def run(self) -> None:
        """Follow (threading)."""
        while not self._stopping.is_set():
            is_absent, problem = False, ""
            try:
                self._follow()
            except (ConnectionRefusedError, FileNotFoundError):
                if not self.was_seen and not self.endpoint.is_expected():
                    self._see(None)
                    return
                is_absent, problem = True, self.endpoint.absence()
            except (OSError, ValueError, http.client.HTTPException) as error:
                problem = problem_of(error)
            if not self._stopping.is_set():
                self._lose(is_absent=is_absent, problem=problem)
            self.armed.set()
            self._stopping.wait(_RECONNECT_TO_TROUBLE_S if problem and not is_absent else _RECONNECT_S)

    def _follow(self) -> None:
        self._channel = self.endpoint.open(timeout_s=_SILENCE_S)
        try:
            accepted_at_s: float | None = None
            for report in self._channel.observe():
                if accepted_at_s is None:
                    accepted_at_s = time.monotonic() - report.elapsed_ms / 1000
                name = self.endpoint.name_of(report)
                self._see(Sighting(name, replace(report, instance=name), accepted_at_s))
        finally:
            self._channel.close()

    def _lose(self, *, is_absent: bool, problem: str) -> None:
        if self.sighting is not None and self.sighting.report is not None:
            self._see(replace(self.sighting, is_gone=True))
        else:
            self._see(Sighting(self.endpoint.name, is_gone=is_absent, problem=problem))

    def _see(self, sighting: Sighting | None) -> None:
        if sighting != self.sighting:
            self.sighting = sighting
            self._tell()
        self.armed.set()
