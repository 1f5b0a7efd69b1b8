"""What the entries of long-running processes share: reading a port, and failing with one line."""

from __future__ import annotations

import argparse
import logging
from typing import TYPE_CHECKING

from opsctl.core.errors import OpsError

if TYPE_CHECKING:
    from collections.abc import Callable

_PORT_LIMIT = 65535


def port_argument(text: str) -> int:
    """Read a port from a command line, as argparse wants it; 0 is any free one.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not (text.isascii() and text.isdigit()) or int(text) > _PORT_LIMIT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; write a number from 0 to {_PORT_LIMIT}")
    return int(text)


def run_logged(name: str, serve: Callable[[], None]) -> int:
    """Log to stderr, one line an event, run `serve`, and return the exit code of the process; call it from an entry."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        serve()
    except OpsError as error:
        logging.getLogger(name).error("%s; %s", error.message, error.hint)  # noqa: TRY400 - understood: one line is enough
        return 1
    return 0
