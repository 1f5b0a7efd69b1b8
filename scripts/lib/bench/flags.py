"""How long a written flag takes to reach the listener of every instance: real SDK clients, each in its own process."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from bench.flag_server import FLAG, FlagWriter, flag_server
from bench.installing import PEERS
from bench.processes import CLIENT_CORE, STOP_S, NotMeasuredError, clean_environ

if TYPE_CHECKING:
    from bench.options import Options

WRITTEN, ANSWERED, ASKED = "write_ms", "answered_ms", "asked_ms"
_DEADLINE_S = 30.0
_WARM_UP = 10


def measure(options: Options) -> dict[str, Any]:
    """Return, for each change and each instance, how long after it was asked for and answered the listener was called.

    The flag service is on the servers' core; the instances and the one who writes are on the clients' core.
    """
    print(f"  {options.instances} instances, {options.changes} changes", file=sys.stderr, flush=True)
    asked: list[float] = []
    answered: list[float] = []
    writes: list[float] = []
    with flag_server() as server, contextlib.ExitStack() as stack:
        sdk_key = server.ready["environments"]["test"]["sdk_key"]
        instances = [stack.enter_context(_Instance(server.url, sdk_key)) for _ in range(options.instances)]
        writer = stack.enter_context(FlagWriter(server.ready))
        for number in range(-_WARM_UP, options.changes):
            asked_ns, answered_ns = writer.write(on=number % 2 == 1)
            called = [instance.called_ns() for instance in instances]
            if number >= 0:
                writes.append((answered_ns - asked_ns) / 1e6)
                asked += [(one_ns - asked_ns) / 1e6 for one_ns in called]
                answered += [(one_ns - answered_ns) / 1e6 for one_ns in called]
    return {"instances": options.instances, WRITTEN: writes, ASKED: asked, ANSWERED: answered}


class _Instance(contextlib.AbstractContextManager["_Instance"]):
    def __init__(self, url: str, sdk_key: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(PEERS / "flag_listener_peer.py"), url, sdk_key, FLAG],
            env=clean_environ(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.sched_setaffinity(self._process.pid, {CLIENT_CORE})
        self._unread = b""
        if not self._line().get("ready"):
            self.__exit__()
            raise NotMeasuredError("an instance got no flag data")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(STOP_S)

    def called_ns(self) -> int:
        """Return when its listener was called next, on the monotonic clock."""
        called: int = self._line()["at_ns"]
        return called

    def _line(self) -> dict[str, Any]:
        if self._process.stdout is None:
            raise AssertionError("started without a pipe")
        while b"\n" not in self._unread:
            readable, _, _ = select.select([self._process.stdout], [], [], _DEADLINE_S)
            data = os.read(self._process.stdout.fileno(), 65536) if readable else b""
            if not data:
                raise NotMeasuredError("an instance ended, or its listener was not called")
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        said: dict[str, Any] = json.loads(line)
        return said
