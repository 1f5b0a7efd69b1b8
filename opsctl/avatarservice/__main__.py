"""The process entry: `python -m opsctl.avatarservice --port 0 --ready-file PATH`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from opsctl.avatarservice.server import Options, run
from opsctl.daemon.entry import port_argument, run_logged
from opsctl.settings.uris import parse_uri


def main(arguments: list[str]) -> int:
    """Run the stand-in with command-line `arguments` and return the exit code of the process."""
    parser = argparse.ArgumentParser(
        prog="python -m opsctl.avatarservice", description="A stand-in for the avatar API."
    )
    parser.add_argument("--port", type=port_argument, default=0, help="port on 127.0.0.1; 0 (the default) is any free")
    parser.add_argument(
        "--before", type=_uri_argument, metavar="URL", help="stand before this API, and pass searches on"
    )
    parser.add_argument("--ready-file", type=Path, help="where the URL is written, as JSON, once it answers")
    given = parser.parse_args(arguments)
    options = Options(port=given.port, before=given.before, ready_file=given.ready_file, environ=os.environ)
    return run_logged("opsctl.avatarservice", lambda: run(options))


def _uri_argument(text: str) -> str:
    try:
        return parse_uri(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
