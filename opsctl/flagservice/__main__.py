"""The process entry: `python -m opsctl.flagservice --port 0 --data-dir DIR --ready-file PATH`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from opsctl.daemon.entry import port_argument, run_logged
from opsctl.flagservice.options import DEFAULT_HOST, DEFAULT_PORT, FlagServiceOptions
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
        seed=given.seed,
    )
    return run_logged("opsctl.flagservice", lambda: run(options))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
