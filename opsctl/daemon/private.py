"""Directories that nobody else may put something into."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def is_private(directory: Path) -> bool:
    """Whether this is a real directory of this user's, which no other user may write to.

    What stands in any other one may be somebody else's: a control socket there proves nothing.
    """
    try:
        status = directory.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022
