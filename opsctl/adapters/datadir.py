"""The data directory of one installation: made private, and served by one supervisor at a time."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def exclusive_data_dir(data_dir: Path) -> Iterator[None]:
    """Make `data_dir` (0700) if it is missing, and hold its lock for as long as the block runs.

    Raises:
        OpsError: `bad_config`, when it cannot be used or another `opsctl serve` holds it.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = (data_dir / "serve.lock").open("a")
    except OSError as error:
        raise OpsError(
            ErrorCode.BAD_CONFIG,
            f"the data directory {data_dir} cannot be used: {error.strerror}",
            hint="choose another: OPSCTL_DATA_DIR=/path/you/can/write",
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OpsError(
                ErrorCode.BAD_CONFIG,
                f"another opsctl serve is running on {data_dir}",
                hint="stop that one, or give this one a place of its own: --data-dir DIR",
            ) from error
        yield
