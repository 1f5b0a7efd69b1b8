"""Files that a command was asked to write besides its result."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError

if TYPE_CHECKING:
    from pathlib import Path


def ensure_can_write(path: Path | None, option: str) -> None:
    """Say before the work begins when its file could not be written afterwards.

    Raises:
        OpsError: `usage`, naming the option.
    """
    if path is None:
        return
    if path.is_dir():
        raise OpsError(ErrorCode.USAGE, f"{option} {path} is a directory", hint=f"name a file: {option} {path}/FILE")
    if not path.absolute().parent.is_dir():
        raise OpsError(
            ErrorCode.USAGE,
            f"{option} {path}: there is no directory {path.parent}",
            hint=f"make it: mkdir -p {path.parent}",
        )
    if not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        raise OpsError(ErrorCode.USAGE, f"{option} {path} cannot be written", hint="name a file in a place of yours")
