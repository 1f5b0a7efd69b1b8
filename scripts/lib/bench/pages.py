"""Pages per second: the feed in both modes, against Werkzeug's server and against the tutorial's sequential way."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from bench.feed import Feed
from bench.installing import PEERS
from bench.processes import CLIENT_CORE, Server, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONNECTIONS = 32
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
    for count in sorted({1, workers}):
        with Feed(workers=count) as feed:
            what = "one worker" if count == 1 else f"{count} workers"
            yield f"opsctl, full, {what}", _rate(feed.port, seconds)
            feed.flip("kill")
            yield f"opsctl, degraded, {what}", _rate(feed.port, seconds)
            if count == 1:
                yield from _peers(feed, seconds)


def _peers(feed: Feed, seconds: float) -> Iterator[tuple[str, float]]:
    for way, name in (
        ("werkzeug", "the feed, degraded, on Werkzeug's server"),
        ("tutorial", f"the tutorial's way, full, six avatars of {_AVATAR_MS} ms one after the other"),
    ):
        port = free_port()
        environ = feed.environ | _provider(feed)
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


def _provider(feed: Feed) -> dict[str, str]:
    """Return the settings of another process that follows the same flag service."""
    ready = feed.flag_service()
    names = ("LAUNCHDARKLY_BASE_URI", "LAUNCHDARKLY_STREAM_URI", "LAUNCHDARKLY_EVENTS_URI")
    return {
        "LAUNCHDARKLY_SDK_KEY": ready["environments"]["test"]["sdk_key"],
        **dict.fromkeys(names, ready["url"]),
        "OPSCTL_DATA_DIR": str(feed.directory / "peer"),
    }
