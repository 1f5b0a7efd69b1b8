"""The processes of a comparison: servers on one core, clients on another, each asked and stopped by name."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SERVER_CORE, CLIENT_CORE = 0, 1 % (os.cpu_count() or 1)
_START_S = 60.0
STOP_S = 15.0
_NOT_OF_THIS_SHELL = ("LAUNCHDARKLY_", "LD_", "OPSCTL_")


class NotMeasuredError(Exception):
    """Something could not be measured; the message says why."""


def clean_environ(**more: str) -> dict[str, str]:
    """Return an environment without the settings of this shell; modules are compiled once, as when installed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OF_THIS_SHELL)}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    kept.pop("PYTHONPATH", None)
    return kept | more


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A server under test, pinned to its core.

    Raises:
        NotMeasuredError: it does not start.
    """

    def __init__(
        self,
        command: Sequence[str],
        port: int,
        *,
        environ: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            list(command),
            env=dict(environ or clean_environ()),
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        os.sched_setaffinity(self._process.pid, {SERVER_CORE})
        ends = time.monotonic() + _START_S
        while not self._accepts():
            if self._process.poll() is not None or time.monotonic() > ends:
                self.stop()
                raise NotMeasuredError(f"{' '.join(command)} did not start")
            time.sleep(0.05)

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def tell(self, version: int) -> int:
        """Have it broadcast; return when it began to, in nanoseconds of the monotonic clock."""
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("started without pipes")
        self._process.stdin.write(f"{version}\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith('{"began_ns"'):
                began: int = json.loads(line)["began_ns"]
                return began
        raise NotMeasuredError("the server ended")

    def memory_kb(self) -> int:
        """Return its resident memory."""
        return resident_kb(self._process.pid)

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def resident_kb(pid: int) -> int:
    """Return the resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0
