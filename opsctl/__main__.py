"""The entry point: hands the process over to the command line."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType


def main() -> NoReturn:
    """Run the command line of this process and exit with its code."""
    from opsctl.cli.app import run  # noqa: PLC0415 - importing this module must stay free
    from opsctl.cli.io import Streams  # noqa: PLC0415 - as above

    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    environ = dict(os.environ)
    sys.exit(run(sys.argv[1:], streams=Streams.of_process(environ), environ=environ, directory=Path()))


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - the signature of a handler
    """End like Ctrl-C: the command says how far it came before it goes."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
