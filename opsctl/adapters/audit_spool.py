"""Where records wait that could not be put into the audit log: the next command that can enters them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsctl.core.audit_chain import RecordKind
from opsctl.core.audit_contents import belated
from opsctl.core.lean_dataclass import dataclass
from opsctl.daemon.private import is_private
from opsctl.daemon.ready_file import write_ready_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_FOLDER = "audit.waiting"
_ELSEWHERE = Path("/tmp")  # noqa: S108 - only a directory of this user's own in it is used
_MOST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record that is still to be entered: what it says, and the moment it is about, in seconds since 1970.

    `why` says why it could not be entered at that moment.
    """

    kind: RecordKind
    at_s: float
    content: Mapping[str, Any]
    why: str = ""

    def because(self, why: str) -> Waiting:
        """Return it with the reason why it could not be entered."""
        return replace(self, why=why)

    def belated(self) -> Waiting:
        """Return it as it is entered later."""
        return replace(self, content=belated(self.content, at_s=self.at_s, why=self.why), at_s=time.time())


class AuditSpool:
    """A file for each command, in the data directory, or in another place where that is full or cannot be written."""

    def __init__(self, data_dir: Path) -> None:
        digest = hashlib.sha256(os.fsencode(data_dir.absolute())).hexdigest()[:12]
        self._places = (data_dir / _FOLDER, _ELSEWHERE / f"opsctl-{os.getuid()}-{digest}" / _FOLDER)

    def keep(self, command_id: str, records: Sequence[Waiting]) -> Path | None:
        """Keep all the records of a command; return where, or `None` where that cannot be done either."""
        value = [asdict(one) for one in records]
        for place in self._places:
            try:
                for directory in (place.parent, place):
                    directory.mkdir(mode=0o700, exist_ok=True)
                if not (is_private(place) and is_private(place.parent)):
                    continue
                path = place / f"{command_id}.json"
                write_ready_file(path, {"records": value})
            except OSError:
                continue
            return path
        return None

    def is_kept(self, command_id: str) -> bool:
        """Whether records of that command wait."""
        return any((place / f"{command_id}.json").exists() for place in self._places)

    def waiting(self) -> Iterator[tuple[str, Sequence[Waiting]]]:
        """Yield the id of each command whose records wait, with them; the oldest first."""
        paths = [path for place in self._places if is_private(place) for path in place.glob("*.json")]
        for path in sorted(paths, key=_age):
            try:
                yield path.stem, _read(path)
            except (OSError, ValueError, KeyError, TypeError):
                continue

    def drop(self, command_id: str) -> None:
        """Forget the records of a command: they are in the log. A folder that is empty then goes, too."""
        for place in self._places:
            with contextlib.suppress(OSError):
                (place / f"{command_id}.json").unlink()
                place.rmdir()


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _read(path: Path) -> Sequence[Waiting]:
    with path.open("rb") as handle:
        value = json.loads(handle.read(_MOST_BYTES))
    return [
        Waiting(RecordKind(one["kind"]), float(one["at_s"]), dict(one["content"]), str(one["why"]))
        for one in value["records"]
    ]
