"""A feed of its own for as long as a measurement takes: `opsctl serve` on loopback, and commands against it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self

from bench.processes import CLIENT_CORE, SERVER_CORE, STOP_S, NotMeasuredError, clean_environ

_START_S = 60.0
_OPSCTL = (sys.executable, "-P", "-m", "opsctl")
_NAMES = {
    "opsctl.flagservice": "flag service",
    "opsctl.avatarservice": "avatar API",
    "opsctl.busservice": "bus",
    "valkey-server": "bus",
}


class Feed:
    """`opsctl serve` with a data directory that ends with it; none of this shell's settings reach it.

    With one worker all its processes run on the servers' core, with more on every core.

    Args:
        workers: Processes that serve the feed.
        fanout: `direct` or `stock`.
        post_interval: Between posts that arrive by themselves, as a setting says it.
        settings: More of them, by the names of their variables.

    Raises:
        NotMeasuredError: it does not start.
    """

    def __init__(self, *, workers: int = 1, fanout: str = "direct", post_interval: str = "0s", **settings: str) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="opsctl-bench-")
        self.directory = Path(self._place.name)
        self.environ = clean_environ(
            OPSCTL_DATA_DIR=str(self.directory / "data"),
            OPSCTL_POST_INTERVAL=post_interval,
            OPSCTL_FANOUT=fanout,
            **settings,
        )
        ready_file = self.directory / "ready.json"
        ports = ("--port", "0", "--flag-service-port", "0", "--workers", str(workers))
        with (self.directory / "serve.log").open("w") as log:
            self._process = subprocess.Popen(
                [*_OPSCTL, "serve", *ports, "--ready-file", str(ready_file)],
                env=self.environ,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for the measurement, which stops it.
                start_new_session=True,
            )
        os.sched_setaffinity(self._process.pid, {SERVER_CORE} if workers == 1 else range(os.cpu_count() or 1))
        try:
            self._wait_for(ready_file)
            self.url: str = json.loads(ready_file.read_text())["url"]
            self.port = int(self.url.rpartition(":")[2])
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of `opsctl` with these arguments, on the clients' core."""
        return ["taskset", "-c", str(CLIENT_CORE), *_OPSCTL, *arguments]

    def opsctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command against it to its end, whatever its exit code."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environ,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )

    def flip(self, verb: str) -> dict[str, Any]:
        """Run `kill` or `restore` until everybody confirmed, and return its receipt.

        Raises:
            NotMeasuredError: it did not end with 0.
        """
        done = self.opsctl(verb, "--yes", "--json", "--timeout", "30s")
        if done.returncode != 0:
            raise NotMeasuredError(f"{verb} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        receipt: dict[str, Any] = json.loads(done.stdout)
        return receipt

    def flag_service(self) -> dict[str, Any]:
        """Return where its flag service answers, with its keys and tokens."""
        ready: dict[str, Any] = json.loads((self.directory / "data" / "flag-service.json").read_text())
        return ready

    def processes(self) -> dict[str, int]:
        """Return the process ids of what runs now, by name, such as `serve`, `worker-0` and `flag service`."""
        found = {"serve": self._process.pid}
        for children in Path(f"/proc/{self._process.pid}/task").glob("*/children"):
            # A thread may end between the two looks.
            with contextlib.suppress(OSError):
                for pid in children.read_text().split():
                    if name := _name_of(Path("/proc", pid)):
                        found[name] = int(pid)
        return found

    @property
    def is_running(self) -> bool:
        """Whether `opsctl serve` still runs."""
        return self._process.poll() is None

    def log(self) -> str:
        """Return all that it logged."""
        return (self.directory / "serve.log").read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """End it, and remove its data."""
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._place.cleanup()

    def _wait_for(self, ready_file: Path) -> None:
        ends = time.monotonic() + _START_S
        while not ready_file.exists():
            if self._process.poll() is not None or time.monotonic() > ends:
                raise NotMeasuredError(f"the feed did not start\n{self.log()}")
            time.sleep(0.05)


def _name_of(process: Path) -> str:
    """Return what a child of `opsctl serve` is; empty when it is gone."""
    try:
        command = (process / "cmdline").read_bytes().decode(errors="replace")
        environ = (process / "environ").read_bytes().decode(errors="replace")
    except OSError:
        return ""
    if "webapp.worker" in command:
        settings = dict(line.split("=", 1) for line in environ.split("\0") if "=" in line)
        return f"worker-{settings.get('OPSCTL_WORKER', process.name)}"
    return next((name for part, name in _NAMES.items() if part in command), "")
