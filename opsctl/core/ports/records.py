"""What the services need to have kept on this machine: the audit log, pins, ramps, and who waits for what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from opsctl.core.audit import AuditRow
    from opsctl.core.audit_verdict import Verdict
    from opsctl.core.flags import FlagRef
    from opsctl.core.journal import Accepted, Ended
    from opsctl.core.pinning import Kept
    from opsctl.core.pins import Pin
    from opsctl.core.ramp import Ramp
    from opsctl.core.rehearsal import Rehearsal, Rehearsed
    from opsctl.core.timed import TimedRecord
    from opsctl.core.watching import FlagChange


class AuditLog(Protocol):
    """The local record of accepted commands, to be read. Reading may raise `OpsError`: `failed`."""

    @property
    def place(self) -> str:
        """Return where it is."""
        ...

    def rows(self) -> tuple[AuditRow, ...]:
        """Return a row for each accepted command, in their order."""
        ...

    def examine(self) -> Verdict:
        """Look whether every record is as it was written."""
        ...

    def resolve(self, found: Sequence[AuditRow]) -> None:
        """Keep what was found out about commands whose outcome was unknown; where that fails, they stay so."""
        ...


class Entry(Protocol):
    """The record of one accepted command."""

    def finished(self, ended: Ended) -> str | None:
        """Keep how it ended. Return what to tell people where the record is not complete; it never raises."""
        ...

    def is_contested(self) -> bool:
        """Whether a restore of the same flag that was accepted before this command may still be on its way."""
        ...


class Journal(Protocol):
    """The local record of accepted commands: each has exactly one entry.

    It also arbitrates between the operators of one machine, since what has nothing to write leaves no trace at the
    provider: a kill wins over every restore that had looked at the flag before the kill was accepted.
    """

    def end(self) -> int | None:
        """Return how far the record goes now: `Accepted.read_at` of a restore that is about to read the flag.

        `None` where it cannot be read.
        """
        ...

    def accepted(self, command: Accepted) -> Entry:
        """Keep that the command is about to be carried out, before anything is written.

        A record that cannot be kept stops no command, and `Entry.finished` says so.

        Raises:
            OpsError: `superseded`, for a restore when a kill of the same flag was accepted after `read_at`. That is
                all there is to it then: the entry is kept and finished, and nothing is to be written.
        """
        ...


class History(Protocol):
    """What a flag went through, from the provider's audit log."""

    def changes_since(self, ref: FlagRef, version: int) -> tuple[FlagChange, ...]:
        """Return the changes of the flag in its environment after that version, in their order.

        Those that the log does not show any more, or not yet, are missing (`opsctl.core.watching.is_whole`).
        """
        ...


class TimedRecords(Protocol):
    """What this installation knows of kills that end by themselves."""

    def read(self, ref: FlagRef) -> TimedRecord:
        """Return what is known of the flag; a process that waited to restore and is gone is not waiting."""
        ...

    def write(self, ref: FlagRef, record: TimedRecord) -> None:
        """Keep what is known of the flag. That it cannot be kept is no error."""
        ...


class Pins(Protocol):
    """The pin of a flag that is kept for instances that start later, and for those that opsctl cannot reach."""

    def newest(self, ref: FlagRef) -> Pin | None:
        """Return the newest pin or release that is kept for the flag; `None` when there is none.

        Raises:
            OpsError: `failed`, when what is kept cannot be read.
        """
        ...

    def keep(self, pin: Pin) -> Kept:
        """Keep it, unless one with its number or a newer one is kept already.

        It never raises: a pin that cannot be kept is told to the instances all the same, and `Kept.gaps` says so.
        """
        ...


class Ramps(Protocol):
    """The restores in steps that this installation began, and whose default rule is not back yet."""

    def read(self, ref: FlagRef) -> Ramp | None:
        """Return where the flag's ramp stands; `None` when there is none.

        Raises:
            OpsError: `failed`, when one is kept and cannot be read.
        """
        ...

    def write(self, ramp: Ramp) -> None:
        """Keep where a ramp stands; it is on the disk when this returns.

        Raises:
            OpsError: `failed`, when it cannot be kept.
        """
        ...

    def remove(self, ref: FlagRef) -> None:
        """Forget the flag's ramp; that there is none is no error."""
        ...

    def alone(self, ref: FlagRef) -> AbstractContextManager[None]:
        """Let no other process here ramp the flag for as long as the block runs.

        Raises:
            OpsError: `conflict`, when another one does.
        """
        ...


class Rehearsals(Protocol):
    """What this installation knows of rehearsals."""

    def read(self, ref: FlagRef) -> Rehearsed:
        """Return what is known of the switch's rehearsals.

        Raises:
            OpsError: `failed`, when something is kept and cannot be read.
        """
        ...

    def keep(self, rehearsal: Rehearsal) -> None:
        """Keep it as the last one of its switch; one that was broken off, beside the last one that went through.

        Raises:
            OpsError: `failed`, when it cannot be kept.
        """
        ...
