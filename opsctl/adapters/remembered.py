"""Who was seen on the bus, kept on this machine for when the bus has forgotten them or is away."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING

from opsctl.core.registry import Registration
from opsctl.daemon.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_FOR_S = 3600.0
_REWRITE_S = 60.0
_LARGEST = 4 * 1024 * 1024


class Remembered:
    """A small file (0600). One that cannot be read or written is as good as none: it is a help and nothing more."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[Registration, ...]:
        """Return who was seen within the last hour."""
        try:
            age_s = time.time() - self._path.stat().st_mtime
            with self._path.open("rb") as handle:
                found = json.loads(handle.read(_LARGEST))
            return tuple(map(Registration.from_wire, found)) if 0 <= age_s < _FOR_S else ()
        except (OSError, ValueError, TypeError, RecursionError):
            return ()

    def keep(self, seen: Sequence[Registration]) -> None:
        """Keep who was seen now, instead of who was before."""
        with contextlib.suppress(OSError):
            if tuple(seen) != self.read() or time.time() - self._path.stat().st_mtime > _REWRITE_S:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                write_whole(self._path, json.dumps([one.to_wire() for one in seen]).encode())
