"""The entry point: hands the process over to the command line."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

_GC_THRESHOLD = 50_000


def main() -> NoReturn:
    """Run the command line of this process and exit with its code."""
    # Both shorten the start: pydantic looks through every installed distribution for plugins that nobody has here,
    # and loading modules makes many objects and no garbage.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.set_threshold(_GC_THRESHOLD)
    from opsctl.cli.app import run  # noqa: PLC0415 - importing this module must stay free
    from opsctl.cli.io import Streams  # noqa: PLC0415 - as above
    from opsctl.core.proxies import no_proxy_with_loopback  # noqa: PLC0415 - as above

    os.environ["no_proxy"] = no_proxy_with_loopback(os.environ)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    environ = dict(os.environ)
    sys.exit(run(sys.argv[1:], streams=Streams.of_process(environ), environ=environ, directory=Path()))


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - the signature of a handler
    """End like Ctrl-C: the command says how far it came before it goes."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
