"""The data directory of one installation: made private, and served by one supervisor at a time."""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.daemon.ready_file import SERVING_FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOCK = "serve.lock"
_PATIENCE_S = 0.5
_AGAIN_S = 0.02


@contextmanager
def exclusive_data_dir(data_dir: Path) -> Iterator[None]:
    """Make `data_dir` (0700) if it is missing, and hold its lock for as long as the block runs.

    Raises:
        OpsError: `bad_config`, when it cannot be used or another `opsctl serve` holds it.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = (data_dir / _LOCK).open("a")
    except OSError as error:
        raise OpsError(
            ErrorCode.BAD_CONFIG,
            f"the data directory {data_dir} cannot be used: {error.strerror}",
            hint="choose another: OPSCTL_DATA_DIR=/path/you/can/write",
        ) from error
    with handle:
        if not _locked(handle):
            raise OpsError(
                ErrorCode.BAD_CONFIG,
                f"another opsctl serve is running on {data_dir}",
                hint="stop that one, or give this one a place of its own: --data-dir DIR",
            )
        os.utime(handle.fileno())
        yield


def served_since_s(data_dir: Path) -> float | None:
    """Return when the `opsctl serve` that holds `data_dir` took it, in seconds since 1970; `None` when none does."""
    try:
        with (data_dir / _LOCK).open("rb") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return os.fstat(handle.fileno()).st_mtime
    except OSError:
        return None
    return None


def served_url(data_dir: Path) -> str | None:
    """Return where the feed of the `opsctl serve` is that holds `data_dir`; `None` when none does, or not yet."""
    since_s = served_since_s(data_dir)
    path = data_dir / SERVING_FILE_NAME
    try:
        if since_s is None or path.stat().st_mtime < since_s:
            return None
        url = json.loads(path.read_text(encoding="utf-8"))["url"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return url if isinstance(url, str) else None


def _locked(handle: IO[str]) -> bool:
    """Lock the file. Whoever only asks whether it is locked holds it for a moment: that is waited out."""
    give_up_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up_s:
                return False
            time.sleep(_AGAIN_S)
        else:
            return True
