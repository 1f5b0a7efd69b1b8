"""How long the command line takes as a whole process, against the same change made with curl."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FLAG = "show-avatars-and-reccs"
OPSCTL = (sys.executable, "-m", "opsctl")
SEMANTIC_PATCH = "Content-Type: application/json; domain-model=launchdarkly.semanticpatch"
READY_DEADLINE_S = 30


@dataclass(frozen=True, slots=True)
class Measured:
    """Wall times of one command, in milliseconds, in the order they were taken."""

    name: str
    wall_ms: tuple[float, ...]

    @property
    def median_ms(self) -> float:
        """The middle one."""
        return statistics.median(self.wall_ms)

    def row(self) -> str:
        """Return the table's line."""
        return f"{self.name:<44}{self.median_ms:8.0f}{min(self.wall_ms):8.0f}{max(self.wall_ms):8.0f}"


@contextmanager
def flag_service() -> Iterator[tuple[Path, dict[str, str]]]:
    """Run a flag service of its own on a free port; yield its data directory and where and how it is written to."""
    with tempfile.TemporaryDirectory(prefix="opsctl-bench-") as name:
        data_dir = Path(name)
        ready_file = data_dir / "flag-service.json"
        command = [*OPSCTL, "flag-service", "--port", "0", "--data-dir", name, "--ready-file", str(ready_file)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                deadline_s = time.monotonic() + READY_DEADLINE_S
                while not ready_file.exists():
                    if process.poll() is not None or time.monotonic() > deadline_s:
                        sys.exit("error: the flag service did not start\nfix: run `opsctl flag-service` to see why")
                    time.sleep(0.02)
                ready = json.loads(ready_file.read_text())
                yield data_dir, {"url": ready["url"], "token": ready["tokens"]["writer"]}
            finally:
                process.terminate()


def wall_ms(command: Sequence[str], environ: dict[str, str]) -> float:
    """Run a command to its end and return how long that took.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    started = time.perf_counter()
    subprocess.run(command, env=environ, check=True, capture_output=True)
    return (time.perf_counter() - started) * 1000


def curl_patch(data_dir: Path, target: dict[str, str], instruction: str) -> list[str]:
    """Return the curl command that makes the change; the token stands in a file, as it should."""
    headers = data_dir / "curl-headers"
    headers.touch(mode=0o600)
    headers.write_text(f"Authorization: {target['token']}\n{SEMANTIC_PATCH}\n")
    body = json.dumps({"environmentKey": "test", "instructions": [{"kind": instruction}], "comment": "bench"})
    url = f"{target['url']}/api/v2/flags/default/{FLAG}"
    return ["curl", "--silent", "--fail", "--request", "PATCH", "--header", f"@{headers}", "--data", body, url]


def measure(runs: int) -> tuple[Measured, Measured, Measured]:
    """Time help, kill and curl in turn, so that a drift of the machine's speed meets all three alike."""
    times: dict[str, list[float]] = {"help": [], "kill": [], "curl": []}
    with flag_service() as (data_dir, target):
        environ = {**os.environ, "OPSCTL_DATA_DIR": str(data_dir)}
        # As installed: modules are compiled once, not at every start.
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        kill = [*OPSCTL, "kill", FLAG, "--no-wait", "--yes", "--reason", "bench"]
        for run in range(-1, runs):
            taken = {"help": wall_ms([*OPSCTL, "--help"], environ)}
            wall_ms(curl_patch(data_dir, target, "turnFlagOn"), environ)
            taken["curl"] = wall_ms(curl_patch(data_dir, target, "turnFlagOff"), environ)
            wall_ms(curl_patch(data_dir, target, "turnFlagOn"), environ)
            taken["kill"] = wall_ms(kill, environ)
            if run >= 0:
                for name, value in taken.items():
                    times[name].append(value)
    return (
        Measured("opsctl --help", tuple(times["help"])),
        Measured("opsctl kill --no-wait", tuple(times["kill"])),
        Measured("curl: the same PATCH", tuple(times["curl"])),
    )


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=15, help="counted runs of each command (default: 15)")
    runs = parser.parse_args().runs
    if shutil.which("curl") is None:
        sys.exit("error: curl is not installed\nfix: install it (Debian: apt install curl)")
    shown, killed, curled = measure(runs)
    packages = ", ".join(f"{name} {version(name)}" for name in ("typer", "launchdarkly-api"))
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, {packages}; {runs} runs\n")
    print(f"{'whole process, wall ms':<44}{'median':>8}{'min':>8}{'max':>8}")
    for row in (shown, killed, curled):
        print(row.row())
    more_ms = statistics.median(ours - peers for ours, peers in zip(killed.wall_ms, curled.wall_ms, strict=True))
    print(f"\n{'target':<44}{'must':>8}{'aim':>8}{'here':>8}")
    print(f"{'opsctl --help':<44}{200:8}{120:8}{shown.median_ms:8.0f}")
    print(f"{'kill --no-wait, more than curl (per pair)':<44}{400:8}{250:8}{more_ms:8.0f}")


if __name__ == "__main__":
    main()
