"""The record of accepted commands, in the audit log of one data directory; `Journal` of `opsctl.core.ports`."""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from opsctl.adapters.audit_spool import Waiting
from opsctl.adapters.audit_writer import why_not
from opsctl.adapters.running import began_s, is_running, this_process
from opsctl.adapters.undisturbed import undisturbed
from opsctl.core.audit_chain import RecordKind, last_seq_before
from opsctl.core.audit_contents import accepted_content, finished_content, unended
from opsctl.core.audit_parts import turns_on
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.exit_codes import EXIT_CODES
from opsctl.core.journal import WARNING, Ended

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opsctl.adapters.audit_file import OpenAuditFile
    from opsctl.adapters.audit_writer import AuditWriter
    from opsctl.core.audit import AuditRow
    from opsctl.core.audit_chain import Record
    from opsctl.core.audit_parts import Process
    from opsctl.core.flags import FlagRef
    from opsctl.core.journal import Accepted


class AuditJournal:
    """Appends to the log before a command is carried out, and again when it has ended.

    No command is stopped by a log that cannot be written: then `warn` is told, and what was to be recorded waits beside
    the log, or in another place, until some later command can enter it.
    """

    def __init__(
        self,
        writer: AuditWriter,
        *,
        who: str,
        provider: str,
        warn: Callable[[str], None] = lambda _text: None,
        is_ramp_past_first_step: Callable[[FlagRef], bool] = lambda _ref: False,
    ) -> None:
        """Take the log, who acts, on which provider, how to warn people, and who knows of a flag's ramp."""
        self._writer = writer
        self._who = who
        self._provider = provider
        self._warn = warn
        self._is_ramp_past_first_step = is_ramp_past_first_step
        self._process = this_process()
        self._began_s: float | None = began_s()
        self._ended_before: frozenset[str] = frozenset()

    def end(self) -> int | None:
        """Return how far the record goes; `None` where it cannot be read.

        Asked for the first time, that is how far it went when this process began: whoever started it did not know of a
        kill that ended since.
        """
        since_s, self._began_s = self._began_s, None
        self._ended_before = self._writer.ended_by(since_s)
        try:
            records = self._writer.file.read_recent()
        except OSError:
            return None
        return last_seq_before(records, since_s, now_s=time.time())

    def accepted(self, command: Accepted) -> JournalEntry:
        """Keep that the command is about to be carried out.

        Raises:
            OpsError: `superseded`, for a restore that loses to a kill; its entry is kept and finished.
            KeyboardInterrupt: a signal came meanwhile; nothing is to be written, and the entry says so.
        """
        entry = JournalEntry(self._writer, command.ref, uuid.uuid4().hex, self._process, self._is_ramp_past_first_step)
        with undisturbed() as came:
            rival = self._enter(command, entry)
        if rival is not None:
            if entry.unwritten is not None:
                entry.finished(_refused(rival, command))
            raise _superseded(rival, command.ref)
        if came:
            entry.finished(Ended(outcome=ErrorCode.INTERRUPTED, message="interrupted; nothing was written"))
            raise KeyboardInterrupt
        return entry

    def _enter(self, command: Accepted, entry: JournalEntry) -> AuditRow | None:
        """Enter the command; return the kill that it loses to, and then it is finished with that, if it is entered."""
        content = accepted_content(
            command, command_id=entry.command_id, who=self._who, provider=self._provider, process=self._process
        )
        accepted = Waiting(RecordKind.ACCEPTED, time.time(), content)
        try:
            with self._writer.file.opened() as log:
                rival = self._rival(command, lambda: self._caught_up(log))
                refused = [] if rival is None else [entry.ending(_refused(rival, command))]
                entry.seq = self._writer.enter(log, accepted, *refused)
        except OSError as error:
            entry.unwritten = accepted.because(why_not(error))
            self._warn(f"{WARNING}{self._writer.keep(entry.command_id, entry.unwritten)}")
            # Only now: a kill that is not seen here comes later, and finds this command waiting.
            with suppress(OSError):
                return self._rival(command, self._writer.recent)
            return None
        return rival

    def _caught_up(self, log: OpenAuditFile) -> tuple[Record, ...]:
        """Return the newest records when what waits is entered: a kill may be among it."""
        self._writer.catch_up(log)
        return log.recent()

    def _rival(self, command: Accepted, recent: Callable[[], Sequence[Record]]) -> AuditRow | None:
        """Return the kill that a restore loses to; `None` where there is none, or the command is no restore."""
        if command.read_at is None or turns_on(command.command) is False:
            return None
        records = [record for record in recent() if record.content.get("id") not in self._ended_before]
        if not unended(records) and (not records or records[-1].seq <= command.read_at):
            return None
        from opsctl.core.arbitration import kill_that_wins  # noqa: PLC0415 - few commands meet another one

        return kill_that_wins(records, command.ref, command.read_at, self._process, is_running=is_running)


class JournalEntry:
    """The record of one command; `unwritten` is how it began where that could not be put into the log."""

    def __init__(
        self,
        writer: AuditWriter,
        ref: FlagRef,
        command_id: str,
        process: Process,
        is_ramp_past_first_step: Callable[[FlagRef], bool],
    ) -> None:
        self.command_id = command_id
        self._process = process
        self._is_ramp_past_first_step = is_ramp_past_first_step
        self.seq: int | None = None
        self.unwritten: Waiting | None = None
        self._writer = writer
        self._ref = ref

    def ending(self, ended: Ended) -> Waiting:
        """Return the record of how it ended, now."""
        return Waiting(RecordKind.FINISHED, time.time(), finished_content(ended, command_id=self.command_id))

    def finished(self, ended: Ended) -> str | None:
        """Keep how it ended. A signal that comes meanwhile is dropped: the command is over, and says so at once."""
        finished = self.ending(ended)
        while True:
            try:
                with undisturbed():
                    return self._finish(finished)
            except KeyboardInterrupt:
                continue

    def is_contested(self) -> bool:
        """Whether a restore of the same flag that was accepted before may still be written."""
        try:
            records = self._writer.recent()
        except OSError:
            return False
        if unended(records) <= {self.command_id}:
            return False
        from opsctl.core.arbitration import is_restore_under_way  # noqa: PLC0415 - few commands meet another one

        return is_restore_under_way(
            records,
            self._ref,
            self._seq_in(records),
            own=self._process,
            is_ramp_past_first_step=self._is_ramp_past_first_step(self._ref),
            now_s=time.time(),
            is_running=is_running,
        )

    def _seq_in(self, records: Sequence[Record]) -> int:
        """Return where this command stands, or would if it were entered now."""
        if self.seq is not None:
            return self.seq
        own = (record.seq for record in records if record.content.get("id") == self.command_id)
        return next(own, records[-1].seq + 1)

    def _finish(self, finished: Waiting) -> str | None:
        lost = self.unwritten
        # What waits is entered before, whoever does it; only what could not even wait is still to be told.
        records = [lost.belated()] if lost is not None and not self._writer.spool.is_kept(self.command_id) else []
        try:
            with self._writer.file.opened() as log:
                self._writer.enter(log, *records, finished)
        except OSError as error:
            began = [] if lost is None else [lost]
            return self._writer.keep(self.command_id, *began, finished.because(why_not(error)))
        return None if lost is None else f"this command was put into the audit log late ({lost.why})"


def _refused(rival: AuditRow, command: Accepted) -> Ended:
    return Ended(
        outcome=ErrorCode.SUPERSEDED,
        is_on=command.was_on,
        version=command.from_version,
        message=_superseded(rival, command.ref).message,
        exit_code=EXIT_CODES[ErrorCode.SUPERSEDED],
    )


def _superseded(rival: AuditRow, ref: FlagRef) -> OpsError:
    why = f' ("{rival.reason}")' if rival.reason else ""
    return OpsError(
        ErrorCode.SUPERSEDED,
        f"{ref.key} is being killed, or was since this began, by {rival.who}{why}: a kill wins; nothing was written",
        hint=f"look first: opsctl status {ref.key} --env {ref.environment}; then restore again if it is right",
    )
