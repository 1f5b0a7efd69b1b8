"""Pages per second: the feed in both modes, against Werkzeug's server and against the tutorial's sequential way."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from bench.feed import Feed
from bench.installing import PEERS
from bench.processes import CLIENT_CORE, NotMeasuredError, Server, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.options import Options

FULL_ONE, DEGRADED_ONE = "opsctl, full, one worker", "opsctl, degraded, one worker"
FULL_TWO, DEGRADED_TWO = "opsctl, full, two workers on both cores", "opsctl, degraded, two workers on both cores"
WERKZEUG = "the feed, degraded, on Werkzeug's server"
TUTORIAL = "the tutorial's way, full: six avatars of 200 ms, one after the other"
CONNECTIONS = 32
_TUTORIAL_PAGE_S, _TUTORIAL_PAGES, _SPARE_S = 1.2, 4, 0.2


def measure(options: Options) -> dict[str, Any]:
    """Return the pages per second of each way, a value for each round."""
    rates: dict[str, list[float]] = {}
    for number in range(options.rounds):
        for name, rate in _one_round(options.seconds):
            print(f"  pages, round {number + 1}/{options.rounds}: {name}", file=sys.stderr, flush=True)
            rates.setdefault(name, []).append(rate)
    return {"connections": CONNECTIONS, "rates": rates}


def _one_round(seconds: float) -> Iterator[tuple[str, float]]:
    with Feed() as feed:
        yield FULL_ONE, _rate(feed.port, seconds)
        feed.flip("kill")
        yield DEGRADED_ONE, _rate(feed.port, seconds)
        for way, name, length_s in (("werkzeug", WERKZEUG, seconds), ("tutorial", TUTORIAL, _whole_pages_s(seconds))):
            port = free_port()
            environ = feed.environ | _provider(feed)
            server = Server([sys.executable, str(PEERS / "pages_peer.py"), way, str(port)], port, environ=environ)
            try:
                yield name, _rate(port, length_s)
            finally:
                server.stop()
    with Feed(workers=2) as feed:
        yield FULL_TWO, _rate(feed.port, seconds)
        feed.flip("kill")
        yield DEGRADED_TWO, _rate(feed.port, seconds)


def _whole_pages_s(seconds: float) -> float:
    """Return a length in which the tutorial's page ends a whole number of times: what is under way does not count."""
    pages = max(math.ceil(seconds / _TUTORIAL_PAGE_S), _TUTORIAL_PAGES)
    return pages * _TUTORIAL_PAGE_S + _SPARE_S


def _rate(port: int, seconds: float) -> float:
    """Return the pages per second, asked for from the clients' core; the first second is for warming up."""
    code = (
        "import sys; from opsctl.simulation.page_load import load_pages\n"
        "request = b'GET / HTTP/1.1\\r\\nHost: localhost\\r\\nCookie: device=a-device-of-the-bench\\r\\n\\r\\n'\n"
        "port, seconds, connections = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])\n"
        "load_pages('127.0.0.1', port, request, connections=connections, seconds=1)\n"
        "load = load_pages('127.0.0.1', port, request, connections=connections, seconds=seconds)\n"
        "assert set(load.answers) <= {200}, load.answers\n"
        "print(load.per_second)\n"
    )
    done = subprocess.run(
        [
            "taskset",
            "-c",
            str(CLIENT_CORE),
            sys.executable,
            "-P",
            "-c",
            code,
            str(port),
            str(seconds),
            str(CONNECTIONS),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise NotMeasuredError(f"the load failed\n{done.stderr}")
    rate = float(done.stdout)
    if not rate:
        raise NotMeasuredError("not one page was answered: the machine is too busy to measure on")
    return rate


def _provider(feed: Feed) -> dict[str, str]:
    """Return the settings of another process that follows the same flag service."""
    ready = feed.flag_service()
    names = ("LAUNCHDARKLY_BASE_URI", "LAUNCHDARKLY_STREAM_URI", "LAUNCHDARKLY_EVENTS_URI")
    return {
        "LAUNCHDARKLY_SDK_KEY": ready["environments"]["test"]["sdk_key"],
        **dict.fromkeys(names, ready["url"]),
        "OPSCTL_DATA_DIR": str(feed.directory / "peer"),
    }
