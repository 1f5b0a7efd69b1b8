"""One process per data directory."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`. The kernel gives it back when the process ends, however it ends.

    Raises:
        OpsError: another process holds it, or it cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OpsError(
            ErrorCode.FAILED,
            f"{path} cannot be used: {error.strerror}",
            hint=f"check the directory: ls -ld {path.parent}",
        ) from error
    with contextlib.closing(os.fdopen(descriptor, "r+", encoding="utf-8")) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = file.read(20).strip()
            raise OpsError(
                ErrorCode.FAILED,
                f"another flag service{f' (process {holder})' if holder.isdigit() else ''} uses {path.parent}",
                hint="use that one, stop it, or choose another directory with --data-dir",
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
