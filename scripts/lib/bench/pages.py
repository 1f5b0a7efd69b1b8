"""Pages per second: the feed in both modes, against Werkzeug's server and against the tutorial's sequential way."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bench.installing import PEERS
from bench.processes import CLIENT_CORE, SERVER_CORE, Server, clean_environ, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONNECTIONS = 32
_START_S = 60.0
_AVATAR_MS = 200


def measure(*, rounds: int, seconds: float, workers: int = 2) -> dict[str, list[float]]:
    """Return the pages per second of each way, a value for each round."""
    figures: dict[str, list[float]] = {}
    for number in range(rounds):
        print(f"  pages, round {number + 1}/{rounds}", file=sys.stderr, flush=True)
        for name, rate in _one_round(seconds, workers):
            figures.setdefault(name, []).append(rate)
    return figures


def _one_round(seconds: float, workers: int) -> Iterator[tuple[str, float]]:
    with tempfile.TemporaryDirectory(prefix="opsctl-bench-") as name:
        place = Path(name)
        for count in sorted({1, workers}):
            with _Feed(place / str(count), count) as feed:
                what = "one worker" if count == 1 else f"{count} workers"
                yield f"opsctl, full, {what}", _rate(feed.port, seconds)
                feed.opsctl("kill")
                yield f"opsctl, degraded, {what}", _rate(feed.port, seconds)
                if count == 1:
                    yield from _peers(feed, seconds)


def _peers(feed: _Feed, seconds: float) -> Iterator[tuple[str, float]]:
    for way, name in (
        ("werkzeug", "the feed, degraded, on Werkzeug's server"),
        ("tutorial", f"the tutorial's way, full, six avatars of {_AVATAR_MS} ms one after the other"),
    ):
        port = free_port()
        environ = feed.environ | {"PYTHONPATH": ":".join(filter(None, sys.path)), **feed.provider()}
        server = Server([sys.executable, str(PEERS / "pages_peer.py"), way, str(port)], port, environ=environ)
        try:
            yield name, _rate(port, seconds)
        finally:
            server.stop()


def _rate(port: int, seconds: float) -> float:
    """Return the pages per second, asked for from the clients' core; the first second is for warming up."""
    code = (
        "import os, sys; from opsctl.simulation.page_load import load_pages\n"
        "os.sched_setaffinity(0, {int(sys.argv[3])})\n"
        "request = b'GET / HTTP/1.1\\r\\nHost: localhost\\r\\nCookie: device=a-device-of-the-bench\\r\\n\\r\\n'\n"
        "port, seconds = int(sys.argv[1]), float(sys.argv[2])\n"
        "load_pages('127.0.0.1', port, request, connections=32, seconds=1)\n"
        "load = load_pages('127.0.0.1', port, request, connections=32, seconds=seconds)\n"
        "assert set(load.answers) <= {200}, load.answers\n"
        "print(load.per_second)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, str(port), str(seconds), str(CLIENT_CORE)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"error: the load failed\n{done.stderr}")
    return float(done.stdout)


class _Feed:
    """`opsctl serve`; with one worker on the servers' core, with several on all."""

    def __init__(self, directory: Path, workers: int) -> None:
        directory.mkdir()
        self.environ = clean_environ(OPSCTL_DATA_DIR=str(directory / "data"), OPSCTL_POST_INTERVAL="0s")
        self._directory = directory
        self._ready_file = directory / "ready.json"
        ports = ("--port", "0", "--flag-service-port", "0", "--workers", str(workers))
        command = [sys.executable, "-P", "-m", "opsctl", "serve", *ports, "--ready-file", str(self._ready_file)]
        with (directory / "serve.log").open("w") as log:
            self._process = subprocess.Popen(command, env=self.environ, cwd=directory, stdout=log, stderr=log)
        self._cores = {SERVER_CORE} if workers == 1 else {SERVER_CORE, CLIENT_CORE}

    def __enter__(self) -> Self:
        ends = time.monotonic() + _START_S
        while not self._ready_file.exists():
            if self._process.poll() is not None or time.monotonic() > ends:
                sys.exit(f"error: the feed did not start\n{(self._directory / 'serve.log').read_text()}")
            time.sleep(0.05)
        self.port = int(json.loads(self._ready_file.read_text())["url"].rpartition(":")[2])
        for child in Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split():
            subprocess.run(
                ["taskset", "-apc", ",".join(map(str, sorted(self._cores))), child],
                stdout=subprocess.DEVNULL,
                check=False,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)

    def opsctl(self, *arguments: str) -> None:
        """Run a command against it."""
        subprocess.run(
            [sys.executable, "-P", "-m", "opsctl", *arguments, "--yes"],
            env=self.environ,
            cwd=self._directory,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    def provider(self) -> dict[str, str]:
        """Return the settings of another process that follows the same flag service."""
        ready = json.loads((self._directory / "data" / "flag-service.json").read_text())
        names = ("LAUNCHDARKLY_BASE_URI", "LAUNCHDARKLY_STREAM_URI", "LAUNCHDARKLY_EVENTS_URI")
        return {
            "LAUNCHDARKLY_SDK_KEY": ready["environments"]["test"]["sdk_key"],
            **dict.fromkeys(names, ready["url"]),
            "OPSCTL_DATA_DIR": str(self._directory / "peer"),
        }
