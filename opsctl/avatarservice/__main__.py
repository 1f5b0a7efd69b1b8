"""The process entry: `python -m opsctl.avatarservice --port 0 --ready-file PATH`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from opsctl.avatarservice.server import Options, run
from opsctl.core.errors import OpsError

_LOG = logging.getLogger("opsctl.avatarservice")
_PORT_LIMIT = 65535


def main(arguments: list[str]) -> int:
    """Run the stand-in with command-line `arguments` and return the exit code of the process."""
    parser = argparse.ArgumentParser(
        prog="python -m opsctl.avatarservice", description="A stand-in for the avatar API."
    )
    parser.add_argument("--port", type=_port, default=0, help="port on 127.0.0.1; 0 (the default) is any free one")
    parser.add_argument("--ready-file", type=Path, help="where the URL is written, as JSON, once it answers")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        run(Options(port=options.port, ready_file=options.ready_file, environ=os.environ))
    except OpsError as error:
        _LOG.error("%s; %s", error.message, error.hint)
        return 1
    return 0


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > _PORT_LIMIT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; write a number from 0 to {_PORT_LIMIT}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
