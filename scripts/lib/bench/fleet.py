"""The browsers of a comparison: many raw sockets, in a process of their own on the clients' core."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.processes import CLIENT_CORE, STOP_S, NotMeasuredError, clean_environ

if TYPE_CHECKING:
    from collections.abc import Callable

_CONNECT_S = 240.0
_NOBODY_MORE_S = 15.0


@dataclass(frozen=True, slots=True)
class Followed:
    """How many browsers showed a version, when the last of them did, and how many ever went back."""

    browsers: int
    last_ns: int
    went_back: int


def followed(next_said: Callable[[], dict[str, Any] | None], version: int, browsers: int) -> Followed:
    """Put together what browsers say of a version, until that is all of them or nothing more is said.

    A change that takes long is said in pieces; what comes late of a version before does not count.

    Raises:
        NotMeasuredError: something else was said, or nobody showed it.
    """
    shown, last_ns, went_back = 0, 0, 0
    while shown < browsers and (said := next_said()) is not None:
        if said["event"] not in {"change", "lost"}:
            raise NotMeasuredError(f"the browsers said {json.dumps(said)}")
        if said["event"] == "lost":
            browsers = min(browsers, said["browsers"])
        elif said["epoch"][0] == version:
            shown += said["browsers"]
            last_ns, went_back = max(last_ns, said["last_ns"]), said["went_back"]
    if not shown:
        raise NotMeasuredError(f"no browser showed version {version}")
    return Followed(shown, last_ns, went_back)


class Fleet:
    """`python -m opsctl.simulation.fleet`; `connected` is what it said when all were, or were lost.

    Raises:
        NotMeasuredError: the browsers did not connect.
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
            self.connected = self._connected()
        except BaseException:
            self.stop()
            raise

    def within(self, deadline_s: float) -> dict[str, Any] | None:
        """Return what it says next, of whatever kind; `None` when that is nothing in that time."""
        try:
            return self._said.get(timeout=max(deadline_s, 0.001))
        except queue.Empty:
            return None

    def follow(self, version: int, browsers: int) -> Followed:
        """Wait until so many browsers showed a version of the flag, or for fifteen seconds nobody more did.

        Raises:
            NotMeasuredError: its process ended, or nobody showed it.
        """
        return followed(lambda: self.within(_NOBODY_MORE_S), version, browsers)

    def stop(self) -> None:
        """End it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _connected(self) -> dict[str, Any]:
        said = self.within(_CONNECT_S)
        if said is None:
            raise NotMeasuredError(f"the browsers did not connect within {_CONNECT_S:g} s")
        if said["event"] != "connected":
            raise NotMeasuredError(f"the browsers should have connected, and said {json.dumps(said)}")
        return said

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._said.put(json.loads(line))
        self._said.put({"event": "end", "message": "its process ended"})
