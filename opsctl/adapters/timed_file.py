"""What is known here of kills that end by themselves: a small file for each flag, in the data directory."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from opsctl.core.timed import TimedRecord, Waiting
from opsctl.core.wire import exact
from opsctl.daemon.ready_file import write_ready_file

if TYPE_CHECKING:
    from pathlib import Path

    from opsctl.core.flags import FlagRef


class TimedFiles:
    """`TimedRecords` of `opsctl.core.ports`. A file that cannot be read or written counts as an empty one.

    It is a second source: the provider's audit log tells the same of schedules, and who waits finds out in time.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def read(self, ref: FlagRef) -> TimedRecord:
        """Return what is known of the flag. A process that waited and is gone is not waiting."""
        try:
            record = _record(json.loads(self._path(ref).read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            return TimedRecord()
        if record.waiting is not None and not _is_alive(record.waiting.pid):
            return TimedRecord(schedule_ids=record.schedule_ids)
        return record

    def write(self, ref: FlagRef, record: TimedRecord) -> None:
        """Keep what is known of the flag."""
        path = self._path(ref)
        waiting = record.waiting
        content = {
            "schedule_ids": list(record.schedule_ids),
            "waiting": None
            if waiting is None
            else {"token": waiting.token, "pid": waiting.pid, "until_ms": waiting.until_ms},
        }
        with suppress(OSError):
            if record == TimedRecord():
                path.unlink(missing_ok=True)
                return
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_ready_file(path, content)

    def _path(self, ref: FlagRef) -> Path:
        text = f"{ref.project}\0{ref.environment}\0{ref.key}"
        return self._data_dir / f"timed-{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"


def _record(value: Any) -> TimedRecord:
    waiting = value["waiting"]
    return TimedRecord(
        schedule_ids=tuple(exact(one, str) for one in value["schedule_ids"]),
        waiting=None
        if waiting is None
        else Waiting(
            token=exact(waiting["token"], str),
            pid=exact(waiting["pid"], int),
            until_ms=exact(waiting["until_ms"], int),
        ),
    )


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
