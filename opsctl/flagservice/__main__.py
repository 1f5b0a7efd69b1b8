"""The process entry: `python -m opsctl.flagservice --port 0 --data-dir DIR --ready-file PATH`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from opsctl.daemon.entry import port_argument, run_logged
from opsctl.flagservice.options import DEFAULT_HOST, DEFAULT_PORT, FlagServiceOptions, RateLimits
from opsctl.flagservice.server import run


def main(arguments: list[str]) -> int:
    """Run the flag service with command-line `arguments` and return the exit code of the process."""
    parser = argparse.ArgumentParser(prog="python -m opsctl.flagservice", description="The embedded flag service.")
    parser.add_argument("--host", default=DEFAULT_HOST, help="loopback address to listen on")
    parser.add_argument("--port", type=port_argument, default=DEFAULT_PORT, help="port to listen on; 0 is any free one")
    parser.add_argument("--data-dir", type=Path, help="where it keeps its data")
    parser.add_argument("--ready-file", type=Path, help="where URL and credentials are written once it answers")
    parser.add_argument("--ephemeral", action="store_true", help="keep nothing: a temporary data directory")
    parser.add_argument("--seed", type=Path, metavar="FILE", help="what a new database begins with: TOML or JSON")
    limit_help = "REST requests answered in ten seconds"
    parser.add_argument("--rate-limit", type=_count, metavar="N", help=limit_help)
    parser.add_argument("--route-rate-limit", type=_count, metavar="N", help=f"{limit_help}, of each route")
    parser.add_argument("--request-log", type=Path, metavar="FILE", help="where requests are noted, one a line")
    parser.add_argument("--faults", action="store_true", help="let admin tokens have requests fail, at /faults")
    given = parser.parse_args(arguments)
    if given.data_dir is None and not given.ephemeral:
        parser.error("one of --data-dir and --ephemeral is required")
    options = FlagServiceOptions(
        data_dir=given.data_dir or Path(),
        host=given.host,
        port=given.port,
        ready_file=given.ready_file,
        ephemeral=given.ephemeral,
        environ=os.environ,
        rate_limits=RateLimits(given.rate_limit, given.route_rate_limit),
        seed=given.seed,
        request_log=given.request_log,
        faults=given.faults,
    )
    return run_logged("opsctl.flagservice", lambda: run(options))


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
