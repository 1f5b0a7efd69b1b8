"""The database as everything in the service writes to it: a change and its audit entry are on disk together, or not."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from opsctl.flagservice import rows
from opsctl.flagservice.api_errors import not_found
from opsctl.flagservice.database import transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator

    from opsctl.flagservice.model import AuditEntry

_SAME_MOMENT_MS = 1000


class Ledger:
    """The open database with its audit log. One thread uses it.

    Args:
        connection: The open database; `close` closes it.
        now_ms: The wall clock, in epoch milliseconds.
    """

    def __init__(self, connection: sqlite3.Connection, now_ms: Callable[[], int]) -> None:
        self.connection = connection
        self.now_ms = now_ms
        self._last_date_ms = next((entry.date_ms for entry in rows.read_audit_entries(connection)), 0)

    @contextlib.contextmanager
    def write(self, entry_at: Callable[[int], AuditEntry]) -> Iterator[sqlite3.Connection]:
        """Run the block as one write, together with the audit entry that `entry_at` makes for its date.

        Raises:
            sqlite3.Error: the disk refused; nothing changed.
        """
        with transaction(self.connection):
            yield self.connection
            rows.insert_audit_entry(self.connection, entry_at(self._audit_date_ms()))

    def audit_entries(self, *, before_ms: int | None = None, after_ms: int | None = None) -> Iterable[AuditEntry]:
        """Yield audit entries, the newest first."""
        return rows.read_audit_entries(self.connection, before_ms=before_ms, after_ms=after_ms)

    def audit_entry(self, entry_id: str) -> AuditEntry:
        """Return one audit entry.

        Raises:
            ApiError: 404.
        """
        is_number = entry_id.isascii() and entry_id.isdigit() and len(entry_id) < 19  # noqa: PLR2004 - SQLite's limit
        entry = rows.read_audit_entry(self.connection, int(entry_id)) if is_number else None
        if entry is None:
            raise not_found(f"there is no audit log entry {entry_id!r}")
        return entry

    def close(self) -> None:
        """Close the database."""
        self.connection.close()

    def _audit_date_ms(self) -> int:
        """Return the time for an audit entry: a millisecond of its own, since callers page through the log by time.

        A clock that was set back is followed.
        """
        now_ms, last_ms = self.now_ms(), self._last_date_ms
        self._last_date_ms = last_ms + 1 if last_ms - _SAME_MOMENT_MS < now_ms <= last_ms else now_ms
        return self._last_date_ms
