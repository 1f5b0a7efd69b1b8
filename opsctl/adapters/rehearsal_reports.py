"""The reports of rehearsals in the data directory: each in a directory of its own, the oldest taken away."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError

if TYPE_CHECKING:
    from collections.abc import Collection

KEPT = 20
"""How many reports stay; those that a record names stay besides."""

_PLACE = "rehearsals"
_OWN = re.compile(r"\d{8}-\d{6}-[a-z]+-\d+")


class RehearsalReports:
    """The directories are 0700."""

    def __init__(self, data_dir: Path) -> None:
        self._place = data_dir.absolute() / _PLACE

    def ensure_usable(self) -> None:
        """Make the place of the reports where there is none.

        Raises:
            OpsError: `failed`, it cannot be made.
        """
        try:
            self._place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._place.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise OpsError(
                ErrorCode.FAILED,
                f"the reports of rehearsals cannot be kept in {self._place}: {error.strerror}",
                hint="name another place: --report DIR",
            ) from error

    def place_of(self, at_s: float, failure: str, seed: int) -> Path:
        """Return the directory of the report of a rehearsal that begins at that time, in seconds since 1970."""
        return self._place / f"{datetime.fromtimestamp(at_s, UTC):%Y%m%d-%H%M%S}-{failure}-{seed}"

    def tidy(self, needed: Collection[str]) -> None:
        """Take away all but the newest `KEPT`; those in which one of the files that are `needed` is stay, too."""
        places = {Path(path).parent for path in needed}
        try:
            own = sorted(one for one in self._place.iterdir() if _OWN.fullmatch(one.name) and _is_directory(one))
        except OSError:
            return
        for one in own[:-KEPT]:
            if one not in places:
                shutil.rmtree(one, ignore_errors=True)


def _is_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
