"""The directory of a report: files are put there one by one, whole, and only over those that a report put there.

Files are readable by their owner only (0600, a directory that is made here 0700): they tell the feed's address, who
runs it where, and how much it bears. Whoever wants to show them to others sends them, or opens them up.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.daemon.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAMES = ("report.html", "result.json", "seconds.csv", "phases.csv")
"""What a report always has, besides pictures."""
_OWN = ".opsctl-report.json"
_MOST_OWN_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Place:
    """A directory, and which of the files in it are a former report's."""

    directory: Path

    def ensure_usable(self, names: tuple[str, ...] = NAMES) -> None:
        """Make the directory where there is none, and see that these files can be put there.

        Call it before a run, so that the run is not lost.

        Raises:
            OpsError: `usage`: it cannot be, or somebody else's file is in the way.
        """
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except FileExistsError as error:
            raise self._unusable("is no directory") from error
        except OSError as error:
            raise self._unusable(f"cannot be made: {error.strerror}") from error
        if not os.access(self.directory, os.W_OK | os.X_OK):
            raise self._unusable("cannot be written to")
        own = self._own()
        for name in names:
            path = self.directory / name
            if os.path.lexists(path) and not _is_own(path, own):
                raise self._unusable(f"has a {name} that no report of opsctl wrote, or that was changed since")

    def put(self, files: Mapping[str, bytes]) -> None:
        """Put a report's files there, the last of them last, and take away those of a former report that it has not.

        Raises:
            OpsError: `usage`, as `ensure_usable`; `failed`: they cannot be written. What was put by then stays.
        """
        self.ensure_usable(tuple(files))
        own = self._own()
        hashes = {name: _hash(content) for name, content in files.items()}
        try:
            # First what is about to be written: after a crash half way, each file is known as one of its own.
            self._write_own({name: [*own.get(name, ()), *_listed(hashes.get(name))] for name in {*own, *hashes}})
            for name, content in files.items():
                write_whole(self.directory / name, content)
            for name in own.keys() - hashes.keys():
                path = self.directory / name
                if _is_own(path, own):
                    path.unlink(missing_ok=True)
            self._write_own({name: [digest] for name, digest in hashes.items()})
        except OSError as error:
            raise OpsError(
                ErrorCode.FAILED,
                f"the report in {self.directory} could not be written whole: {error.strerror}",
                hint=f"make room in {self.directory}, or name another place with --report",
            ) from error

    def _own(self) -> dict[str, list[str]]:
        """Return the hashes of what reports wrote here, by name; nothing where that cannot be known."""
        path = self.directory / _OWN
        try:
            with path.open("rb") as file:
                said = json.loads(file.read(_MOST_OWN_BYTES))
        except (OSError, ValueError):
            return {}
        if not isinstance(said, dict):
            return {}
        return {
            name: [one for one in hashes if isinstance(one, str)]
            for name, hashes in said.items()
            if isinstance(hashes, list) and name == os.path.basename(name)  # noqa: PTH119 - of text, not of a path
        }

    def _write_own(self, hashes: Mapping[str, list[str]]) -> None:
        write_whole(self.directory / _OWN, json.dumps(hashes, indent=1, sort_keys=True).encode())

    def _unusable(self, why: str) -> OpsError:
        return OpsError(
            ErrorCode.USAGE, f"--report {self.directory} {why}", hint="name a directory of its own: --report DIR"
        )


def _is_own(path: Path, own: Mapping[str, list[str]]) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    try:
        return _hash(path.read_bytes()) in own.get(path.name, ())
    except OSError:
        return False


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _listed(digest: str | None) -> list[str]:
    return [] if digest is None else [digest]
