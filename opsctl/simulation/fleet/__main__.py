"""The process of a fleet: `python -m opsctl.simulation.fleet --url http://127.0.0.1:5000 --browsers 1000`.

It writes one JSON object a line: `connected` once every browser is (or was lost), then a `change` for each thing the
browsers were told, and `lost` when some went away. `went_back` and `repeated` count from the beginning: what was older
than what a browser showed, and what it showed already. It ends at the end of its standard input, or on SIGTERM.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import select
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opsctl.simulation.fleet.fleet import Fleet

if TYPE_CHECKING:
    from collections.abc import Sequence

_TURN_S = 0.05
_SPARE_FILES = 64


def main(arguments: Sequence[str]) -> int:
    """Run a fleet until standard input ends; return the exit code."""
    options = _parser().parse_args(arguments)
    parts = urlsplit(options.url)
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    room = _open_files()
    if room < options.browsers + _SPARE_FILES:
        _say(event="error", message=f"at most {room} open files are allowed (ulimit -n): too few for the browsers")
        return 1
    port = parts.port or 80
    fleet = Fleet(
        parts.hostname or "", port, options.browsers, seed=options.seed, host_header=parts.netloc, mute=options.mute
    )
    try:
        _run(fleet)
    finally:
        fleet.close()
    return 0


def _run(fleet: Fleet) -> None:
    began = time.monotonic()
    is_connected = False
    lost = 0
    while not _ended(sys.stdin.fileno()):
        fleet.turn(_TURN_S)
        if not is_connected and fleet.is_settled:
            is_connected, lost = True, fleet.lost
            seconds = round(time.monotonic() - began, 3)
            _say(event="connected", browsers=fleet.joined, lost=lost, why=fleet.lost_because, seconds=seconds)
        for arrivals in fleet.finished_changes():
            _say(**arrivals.to_wire(), connected=fleet.joined, went_back=fleet.went_back, repeated=fleet.repeated)
        if is_connected and fleet.lost != lost:
            lost = fleet.lost
            _say(event="lost", browsers=fleet.joined, lost=lost, why=fleet.lost_because)


def _ended(stdin: int) -> bool:
    """Whether the other end of standard input was closed; what is written there is not read."""
    readable, _, _ = select.select([stdin], [], [], 0)
    return bool(readable) and not os.read(stdin, 1024)


def _say(**fields: Any) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def _open_files() -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Many browsers on one feed.")
    parser.add_argument("--url", required=True)
    parser.add_argument("--browsers", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mute", action="store_true", help="acknowledge nothing")
    parser.add_argument("--core", type=int, help="run on this core only")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
