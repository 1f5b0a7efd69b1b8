"""How soon the flag service answers, and how soon a change reaches every one of many SDK streams on loopback."""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import platform
import re
import selectors
import socket
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bench.flag_server import FLAG, SEMANTIC_PATCH, flag_server
from bench.processes import NotMeasuredError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

DEADLINE_S = 60
MOST_STREAMS = 1000
MOST_CHANGES = 1000
TARGET_START_MS = 300
TARGET_P99_MS = 50
PATHS = {"fdv1": "/all", "fdv2": "/sdk/stream"}
BEGUN = re.compile(rb"event: (?:put|payload-transferred)\ndata: [^\n]*\n\n")
CHANGED = re.compile(rb'event: (?:patch|put-object)\ndata: [^\n]*?"version":([0-9]+)')


def python_ms() -> float:
    """Return how long Python itself takes to be up, and gone again."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return (time.perf_counter() - started) * 1000


def read_streams(url: str, request: bytes, count: int, versions: int, results: Connection) -> None:
    """Hold `count` streams open; send when all have begun, and at the end when each version came to each of them."""
    parts = urlsplit(url)
    with selectors.DefaultSelector() as selector:
        for _ in range(count):
            stream = socket.create_connection((parts.hostname or "", parts.port or 0))
            stream.sendall(request)
            stream.setblocking(False)
            selector.register(stream, selectors.EVENT_READ, bytearray())
        begun: set[int] = set()
        arrivals: list[tuple[int, int]] = []
        ends = time.monotonic() + DEADLINE_S
        while len(arrivals) < count * versions and time.monotonic() < ends:
            for key, _ in selector.select(timeout=1):
                data = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]  # sockets were registered
                now_ns = time.monotonic_ns()
                if not data:
                    sys.exit("error: the flag service ended a stream")
                key.data.extend(data)
                if key.fd not in begun:
                    if (first := BEGUN.search(key.data)) is None:
                        continue
                    del key.data[: first.end()]
                    begun.add(key.fd)
                    if len(begun) == count:
                        results.send("begun")
                whole, _, rest = bytes(key.data).rpartition(b"\n\n")
                arrivals += [(int(version), now_ns) for version in CHANGED.findall(whole + b"\n\n" if whole else b"")]
                key.data[:] = rest
        results.send(arrivals)


def open_stuck_streams(url: str, request: bytes, count: int) -> list[socket.socket]:
    """Open streams that nobody reads, with as little room as the system allows."""
    parts = urlsplit(url)
    stuck = []
    for _ in range(count):
        stream = socket.socket()
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stream.connect((parts.hostname or "", parts.port or 0))
        stream.sendall(request)
        stuck.append(stream)
    return stuck


def switch(ready: dict[str, Any], changes: int, pause_s: float) -> dict[int, tuple[int, int]]:
    """Kill and restore in turn; return when each version was asked for and when it was acknowledged."""
    parts = urlsplit(ready["url"])
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=DEADLINE_S)
    headers = {"Authorization": ready["tokens"]["writer"], "Content-Type": SEMANTIC_PATCH}
    moments = {}
    for number in range(changes):
        kind = "turnFlagOff" if number % 2 == 0 else "turnFlagOn"
        body = json.dumps({"environmentKey": "test", "instructions": [{"kind": kind}]})
        asked_ns = time.monotonic_ns()
        connection.request("PATCH", f"/api/v2/flags/default/{FLAG}", body, headers)
        answer = json.loads(connection.getresponse().read())
        moments[answer["environments"]["test"]["version"]] = (asked_ns, time.monotonic_ns())
        time.sleep(pause_s)
    connection.close()
    return moments


def measure(ready: dict[str, Any], given: argparse.Namespace) -> list[float]:
    """Return, for each change and each stream, how many milliseconds after it was asked for the change arrived."""
    key = ready["environments"]["test"]["sdk_key"]
    request = f"GET {PATHS[given.protocol]} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {key}\r\n\r\n".encode()
    ours, theirs = multiprocessing.Pipe(duplex=False)
    arguments = (ready["url"], request, given.streams, given.changes, theirs)
    reader = multiprocessing.Process(target=read_streams, args=arguments, daemon=True)
    reader.start()
    if not ours.poll(DEADLINE_S) or ours.recv() != "begun":
        raise NotMeasuredError("the streams did not begin")
    stuck = open_stuck_streams(ready["url"], request, given.stuck)
    moments = switch(ready, given.changes, given.pause_ms / 1000)
    arrivals = ours.recv()
    reader.join(DEADLINE_S)
    for stream in stuck:
        stream.close()
    if len(arrivals) != given.streams * given.changes:
        missing = given.streams * given.changes - len(arrivals)
        raise NotMeasuredError(f"{missing} events did not arrive in {DEADLINE_S} s")
    return [(arrived_ns - moments[version][0]) / 1e6 for version, arrived_ns in arrivals]


def _bounded(most: int, text: str) -> int:
    number = int(text)
    if not 0 <= number <= most:
        raise argparse.ArgumentTypeError(f"from 0 to {most}")
    return number


def main() -> int:
    """Measure, print, and return 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="scripts/bench-flag-service", description=__doc__)
    parser.add_argument("--streams", type=lambda text: _bounded(MOST_STREAMS, text), default=200)
    parser.add_argument("--changes", type=lambda text: _bounded(MOST_CHANGES, text), default=100)
    parser.add_argument("--stuck", type=lambda text: _bounded(100, text), default=5, help="more that nobody reads")
    parser.add_argument("--pause-ms", type=lambda text: _bounded(10_000, text), default=50, help="between changes")
    parser.add_argument("--protocol", choices=sorted(PATHS), default="fdv1")
    parser.add_argument("--starts", type=lambda text: _bounded(50, text), default=7)
    given = parser.parse_args()

    load = os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, load {load:.1f}, Python {platform.python_version()}\n")
    bare = [python_ms() for _ in range(max(given.starts, 1))]
    starts = []
    for _ in range(given.starts):
        with flag_server() as server:
            starts.append(server.took_ms)
    with flag_server() as server:
        latencies = sorted(measure(server.ready, given))

    met = True
    if starts:
        start_ms = statistics.median(starts) - statistics.median(bare)
        met = start_ms <= TARGET_START_MS
        print(
            f"answers after Python is up     {start_ms:8.1f} ms   median of {len(starts)}; target {TARGET_START_MS} ms"
        )
    if latencies:
        p50, p99 = (latencies[int(len(latencies) * part)] for part in (0.5, 0.99))
        met = met and p99 <= TARGET_P99_MS
        print(f"change reaches a stream  p50   {p50:8.1f} ms   {given.streams} streams, {given.changes} changes,")
        print(
            f"                         p99   {p99:8.1f} ms   {given.stuck} stuck ones beside; target {TARGET_P99_MS} ms"
        )
        print(
            f"                         max   {latencies[-1]:8.1f} ms   from the request to the last byte of the event"
        )
    return 0 if met else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NotMeasuredError as error:
        sys.exit(f"error: {error}")
