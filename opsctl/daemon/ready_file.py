"""The file by which a process says that it answers, and where."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opsctl.daemon.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SERVING_FILE_NAME = "serve.json"
"""Where `opsctl serve` says, in its data directory, what it serves."""


def write_ready_file(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON to `path` (0600), replacing what is there in one step: a reader never sees half of it.

    Raises:
        OSError: it cannot be written.
    """
    write_whole(path, f"{json.dumps(content)}\n".encode())


@contextmanager
def no_ready_file_but_of_this_run(path: Path | None) -> Iterator[None]:
    """Take away what a run that was killed has left at `path`, and at the end what this one wrote there.

    Raises:
        OSError: it cannot be taken away.
    """
    if path is None:
        yield
        return
    path.unlink(missing_ok=True)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
