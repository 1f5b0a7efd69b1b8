"""The audit journals of several processes over one log, and commands for them."""

import os

from builders import REF

from opsctl.adapters import journal as journal_module
from opsctl.adapters.audit_file import AuditFile
from opsctl.adapters.audit_spool import AuditSpool
from opsctl.adapters.audit_writer import AuditWriter
from opsctl.adapters.journal import AuditJournal
from opsctl.adapters.running import is_running
from opsctl.core.audit_chain import records_of
from opsctl.core.audit_parts import Process
from opsctl.core.audit_records import rows_of
from opsctl.core.audit_verdict import verdict_of
from opsctl.core.journal import Accepted, Ended
from opsctl.core.modes import Mode
from opsctl.core.propagation import Propagation

SOMEBODY = 10_000_001
GONE = 9_999_999
"""Numbers of a process that counts as running, and of one that does not."""

KILL = Accepted(command="kill", ref=REF, was_on=True, from_version=7, mode=Mode.FULL, reason="slow", incident="INC-1")
RESTORE = Accepted(command="restore", ref=REF, was_on=False, from_version=8)
DONE = Ended(
    outcome="confirmed",
    is_on=False,
    version=8,
    written_version=8,
    written_ms=41.23456,
    mode=Mode.DEGRADED,
    exit_code=0,
    propagation=Propagation(
        instances=4, instances_confirmed=4, last_instance_ms=63.0, browsers=9, browsers_confirmed=8
    ),
    notes=("said aloud",),
)


class JournalBench:
    """Journals of several processes over one log."""

    def __init__(self, place, monkeypatch):
        self.place = place
        self.file = AuditFile(place, lock_timeout_s=0.2)
        self.warnings = []
        self.elsewhere = place.parent / "elsewhere"
        self.elsewhere.mkdir(mode=0o700)
        monkeypatch.setattr("opsctl.adapters.audit_spool._ELSEWHERE", self.elsewhere)
        monkeypatch.setattr(
            journal_module, "is_running", lambda process: process.pid >= SOMEBODY or process.pid == os.getpid()
        )

    def journal(self, *, pid=None, secrets=()):
        """Return the journal of this process, or of one with that number, which counts as running."""
        writer = AuditWriter(self.file, AuditSpool(self.place), secrets=secrets)
        journal = AuditJournal(writer, who="sandy@desk", provider="LaunchDarkly", warn=self.warnings.append)
        if pid is not None:
            journal._process = Process(pid=pid, born="0")
        return journal

    def rows(self):
        return rows_of(records_of(self.file.read()[0]), is_running=is_running)

    def defect(self):
        content, head = self.file.read()
        return verdict_of(content, None if head is None else head.link).defect
