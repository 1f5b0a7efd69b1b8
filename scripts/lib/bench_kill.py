"""What a kill costs with many browsers connected: a whole stack, real sockets, and the command as it is typed."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BROWSERS = 20_000
MOST_ROUNDS = 100
START_DEADLINE_S = 60
CONNECT_DEADLINE_S = 120
STOP_DEADLINE_S = 15
NOTHING_OF_THIS_SHELL = ("LAUNCHDARKLY_", "LD_", "OPSCTL_")
MUST_S, AIM_S = 1.0, 0.6


def environ_for(data_dir: Path, fanout: str) -> dict[str, str]:
    """Return an environment that addresses nothing but the stack of this run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOTHING_OF_THIS_SHELL)}
    # As installed: modules are compiled once, not at every start.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | {"OPSCTL_DATA_DIR": str(data_dir), "OPSCTL_POST_INTERVAL": "0s", "OPSCTL_FANOUT": fanout}


@contextmanager
def stack(directory: Path, fanout: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Run `opsctl serve` for as long as the block runs; yield the feed's address and the environment of commands."""
    environ = environ_for(directory / "data", fanout)
    ready_file = directory / "ready.json"
    command = [sys.executable, "-P", "-m", "opsctl", "serve", "--port", "0", "--flag-service-port", "0"]
    with (directory / "serve.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--ready-file", str(ready_file)], env=environ, cwd=directory, stdout=log, stderr=log
        )
        try:
            ends = time.monotonic() + START_DEADLINE_S
            while not ready_file.exists():
                if process.poll() is not None or time.monotonic() > ends:
                    sys.exit(f"error: the stack did not start\n{(directory / 'serve.log').read_text()}")
                time.sleep(0.02)
            yield json.loads(ready_file.read_text())["url"], environ
        finally:
            process.terminate()
            process.wait(STOP_DEADLINE_S)


class Browsers:
    """The fleet's process."""

    def __init__(self, url: str, count: int) -> None:
        arguments = ("--url", url, "--browsers", str(count))
        self._process = subprocess.Popen[str](
            [sys.executable, "-P", "-m", "opsctl.simulation.fleet", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.connected = self.next("connected", CONNECT_DEADLINE_S)

    def next(self, event: str, deadline_s: float = 30.0) -> dict[str, Any]:
        """Return the next line of that kind; others on the way say that something is wrong."""
        ends = time.monotonic() + deadline_s
        line = "nothing"
        for line in self._process.stdout or ():
            said: dict[str, Any] = json.loads(line)
            if said["event"] == event:
                return said
            if said["event"] != "change" or time.monotonic() > ends:
                break
        sys.exit(f"error: the browsers said {line.strip()}")

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(STOP_DEADLINE_S)


def flip(verb: str, environ: dict[str, str], directory: Path, browsers: Browsers) -> dict[str, float]:
    """Run the command, and return the figures of it in milliseconds from the start of its process."""
    command = [sys.executable, "-P", "-m", "opsctl", verb, "--yes", "--json", "--timeout", "30s"]
    began_ns = time.monotonic_ns()
    done = subprocess.run(command, env=environ, cwd=directory, capture_output=True, text=True, check=False)
    whole_ms = (time.monotonic_ns() - began_ns) / 1e6
    if done.returncode != 0:
        sys.exit(f"error: {verb} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    receipt = json.loads(done.stdout)
    seen = browsers.next("change")
    if seen["browsers"] != browsers.connected["browsers"] or seen["went_back"]:
        sys.exit(f"error: not every browser followed: {seen}")
    return {
        "written": receipt["written_ms"],
        "instances": receipt["instances"]["last_ms"],
        "browsers p50": receipt["browsers"]["p50_ms"],
        "browsers p99": receipt["browsers"]["p99_ms"],
        "browsers max": receipt["browsers"]["max_ms"],
        "start of the command → last browser shows it": (seen["last_ns"] - began_ns) / 1e6,
        "start of the command → confirmed, and its end": whole_ms,
    }


def show(verb: str, rounds: list[dict[str, float]]) -> None:
    """Print the median and the worst of each figure."""
    print(f"\n{verb}, {len(rounds)} times{'':24}    median       worst")
    for name in rounds[0]:
        values = [one[name] for one in rounds]
        print(f"  {name:<47}{statistics.median(values):>7.0f} ms  {max(values):>7.0f} ms")


def main() -> int:
    """Run the measurement; return 1 when the target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--browsers", type=int, default=1000, help="connected sockets (default 1,000)")
    parser.add_argument("--rounds", type=int, default=5, help="kills, each with a restore after it (default 5)")
    parser.add_argument("--fanout", choices=["direct", "stock"], default="direct", help="how changes reach browsers")
    options = parser.parse_args()
    count = max(1, min(options.browsers, MOST_BROWSERS))
    rounds = max(1, min(options.rounds, MOST_ROUNDS))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{count:,} browsers, fan-out {options.fanout}")
    figures: dict[str, list[dict[str, float]]] = {"kill": [], "restore": []}
    with (
        tempfile.TemporaryDirectory(prefix="opsctl-bench-") as name,
        stack(Path(name), options.fanout) as (url, environ),
    ):
        browsers = Browsers(url, count)
        try:
            connected = browsers.connected
            print(f"connected in {connected['seconds']:.1f} s, {connected['lost']} lost {connected['why'] or ''}")
            for _ in range(rounds):
                for verb, values in figures.items():
                    values.append(flip(verb, environ, Path(name), browsers))
        finally:
            browsers.close()
    for verb, values in figures.items():
        show(verb, values)
    whole_s = statistics.median(one["start of the command → confirmed, and its end"] for one in figures["kill"]) / 1000
    print(f"\nkill, start to end: {whole_s:.2f} s   must {MUST_S:g} s   aim {AIM_S:g} s   (targets are for 1,000)")
    return int(whole_s > MUST_S)


if __name__ == "__main__":
    sys.exit(main())
