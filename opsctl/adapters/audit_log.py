"""Reading the audit log of one data directory; `AuditLog` of `opsctl.core.ports`."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from opsctl.adapters.audit_spool import Waiting
from opsctl.adapters.audit_writer import why_not
from opsctl.adapters.running import is_running
from opsctl.core.audit import Unfinished
from opsctl.core.audit_chain import RecordKind, records_of
from opsctl.core.audit_contents import resolved_content
from opsctl.core.audit_records import rows_of
from opsctl.core.audit_verdict import verdict_of
from opsctl.core.errors import ErrorCode, OpsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.adapters.audit_head import Head
    from opsctl.adapters.audit_writer import AuditWriter
    from opsctl.core.audit import AuditRow
    from opsctl.core.audit_verdict import Verdict


class LocalAuditLog:
    """What the commands of this machine left behind."""

    def __init__(self, writer: AuditWriter, *, who: str) -> None:
        """Take the log, and who finds out what is unknown in it."""
        self._writer = writer
        self._who = who

    @property
    def place(self) -> str:
        """Return where the log is."""
        return str(self._writer.file.path)

    def rows(self) -> tuple[AuditRow, ...]:
        """Return a row for each accepted command, in their order; what waits to be entered is entered first.

        Raises:
            OpsError: `failed`, when the log is there and cannot be read.
        """
        if any(self._writer.spool.waiting()):
            with suppress(OSError), self._writer.file.opened() as log:
                self._writer.enter(log)
        return rows_of(records_of(self._read()[0]), is_running=is_running)

    def examine(self) -> Verdict:
        """Look whether every record is as it was written.

        Raises:
            OpsError: `failed`, when the log is there and cannot be read.
        """
        content, head = self._read()
        return verdict_of(content, None if head is None else head.link)

    def resolve(self, found: Sequence[AuditRow]) -> None:
        """Append what was found out about commands of unknown outcome; where that cannot be done, they stay so."""
        with suppress(OSError), self._writer.file.opened() as log:
            # Another command may have found it out meanwhile.
            known = {row.id: row for row in rows_of(log.recent(), is_running=is_running)}
            for row in found:
                if row.id not in known or known[row.id].outcome == Unfinished.UNKNOWN:
                    content = resolved_content(row, by=self._who)
                    self._writer.enter(log, Waiting(RecordKind.RESOLVED, time.time(), content))

    def _read(self) -> tuple[bytes, Head | None]:
        try:
            return self._writer.file.read()
        except OSError as error:
            raise OpsError(
                ErrorCode.FAILED,
                f"the audit log {self.place} cannot be read: {why_not(error)}",
                hint="look at who owns it, and at OPSCTL_DATA_DIR: opsctl config show",
            ) from error
