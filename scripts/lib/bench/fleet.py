"""The browsers of a comparison: many raw sockets, in a process of their own on the clients' core."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from typing import Any

from bench.processes import CLIENT_CORE, STOP_S, NotMeasuredError, clean_environ

_CONNECT_S = 240.0
_CHANGE_S = 60.0


class Fleet:
    """`python -m opsctl.simulation.fleet`; `connected` is what it said when all were, or were lost.

    Raises:
        NotMeasuredError: the browsers did not connect, or said something that was not asked for.
    """

    def __init__(self, url: str, browsers: int, *, is_mute: bool = False) -> None:
        command = [sys.executable, "-P", "-m", "opsctl.simulation.fleet", "--url", url, "--browsers", str(browsers)]
        self._process = subprocess.Popen(
            [*command, "--core", str(CLIENT_CORE), *(["--mute"] if is_mute else [])],
            env=clean_environ(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._said: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self.connected = self.next("connected", _CONNECT_S)
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def next(self, event: str, deadline_s: float = _CHANGE_S) -> dict[str, Any]:
        """Return what it says next, which has to be of that kind."""
        try:
            said = self._said.get(timeout=deadline_s)
        except queue.Empty:
            raise NotMeasuredError(f"the browsers did not say {event} within {deadline_s:g} s") from None
        if said["event"] != event:
            raise NotMeasuredError(f"the browsers should have said {event}, and said {json.dumps(said)}")
        return said

    def within(self, deadline_s: float) -> dict[str, Any] | None:
        """Return what it says next, of whatever kind; `None` when that is nothing in that time."""
        try:
            return self._said.get(timeout=max(deadline_s, 0.001))
        except queue.Empty:
            return None

    def stop(self) -> None:
        """End it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._said.put(json.loads(line))
        self._said.put({"event": "end", "message": "its process ended"})
