"""Where the control sockets of one installation stand."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_LONGEST_SOCKET_NAME = len("/worker-999.sock")
_SOCKET_PATH_LIMIT = 100
"""Bytes; the kernels' own limits are 104 and 108."""

_SHORT_PLACE = Path("/tmp")  # noqa: S108 - whoever uses it checks that the directory is this user's own
"""Not what `TMPDIR` says: the server and every command have to find the same one."""


def run_dir(data_dir: Path) -> Path:
    """Return the directory of the control sockets for `data_dir`; it need not exist yet, and is to be made 0700.

    It is `data_dir/run`, or where that is too long for a socket's path a short one that only this user and this
    `data_dir` share.
    """
    direct = data_dir.absolute() / "run"
    if len(os.fsencode(direct)) + _LONGEST_SOCKET_NAME <= _SOCKET_PATH_LIMIT:
        return direct
    digest = hashlib.sha256(os.fsencode(data_dir.absolute())).hexdigest()[:12]
    return _SHORT_PLACE / f"opsctl-{os.getuid()}-{digest}"
