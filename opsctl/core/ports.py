"""What the services need from the outside, in small pieces. Adapters provide them; tests bring hand-written fakes.

Every method that talks to the provider may raise `OpsError`: `unreachable`, `rate_limited`, `bad_credentials`,
`forbidden`, `refused`, `approval_required` or `conflict`, besides what its own docstring names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from opsctl.core.approving import ApprovalRequest
    from opsctl.core.audit import AuditRow
    from opsctl.core.audit_verdict import Verdict
    from opsctl.core.expecting import ControlMessage
    from opsctl.core.flags import AuditEntry, Environment, Flag, FlagRef, NewFlag
    from opsctl.core.journal import Accepted, Ended
    from opsctl.core.pinning import Kept
    from opsctl.core.pins import Pin
    from opsctl.core.propagation import Sighting
    from opsctl.core.ramp import Ramp
    from opsctl.core.rollouts import DefaultRule, RuledFlag
    from opsctl.core.scheduling import ScheduledChange
    from opsctl.core.timed import TimedRecord
    from opsctl.core.watching import FlagChange, WatchEvent


class Clock(Protocol):
    """Time, and waiting for it to pass."""

    def now_s(self) -> float:
        """Return the wall-clock time, in seconds since 1970."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds that never run backwards, from some arbitrary zero."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        ...


class FlagReader(Protocol):
    """Reading flags and environments from the provider."""

    def get_flag(self, project: str, key: str, *, timeout_s: float | None = None) -> Flag:
        """Return the flag with its targeting in every environment, within `timeout_s` if it is given.

        Raises:
            OpsError: `flag_not_found`; `bad_config` when there is no such project.
        """
        ...

    def list_flags(self, project: str, environment: str) -> tuple[Flag, ...]:
        """Return all flags that are not archived, with their targeting in that environment."""
        ...

    def get_environment(self, project: str, key: str, *, timeout_s: float | None = None) -> Environment:
        """Return the environment, within `timeout_s` if it is given.

        Raises:
            OpsError: `bad_config`, naming the environments there are, when there is none with that key.
        """
        ...


class FlagWriter(Protocol):
    """Changing flags at the provider."""

    def turn(
        self, ref: FlagRef, *, on: bool, comment: str, if_version: int | None = None, timeout_s: float | None = None
    ) -> Flag:
        """Turn targeting on or off, within `timeout_s` if it is given, and return the flag as it is afterwards.

        With `if_version` only while the flag is at that version in its environment.

        Raises:
            OpsError: `conflict`, when it is at another version, or somebody changed it at the same time; `refused`,
                also where the provider knows no such condition; `pending_change`, when something is scheduled, or
                waits for approval, that a restore would keep from being carried out; `approval_required`.
        """
        ...

    def create_flag(self, project: str, flag: NewFlag) -> Flag:
        """Create a kill switch; its targeting is off in every environment.

        Raises:
            OpsError: `conflict`, when there is a flag with that key.
        """
        ...


class ChangeChecker(Protocol):
    """Asking the provider whether it would accept a change."""

    def check_turn(self, ref: FlagRef, *, on: bool, comment: str, timeout_s: float | None = None) -> None:
        """Return when it would turn targeting on or off; nothing is changed.

        Raises:
            OpsError: what turning it would raise.
        """
        ...


class Approvals(Protocol):
    """Asking those who have to agree before the provider changes a flag."""

    def list_open(self, ref: FlagRef, *, timeout_s: float | None = None) -> tuple[ApprovalRequest, ...]:
        """Return the requests for the flag in its environment that were not carried out yet, the newest first."""
        ...

    def ask(self, ref: FlagRef, *, on: bool, comment: str, timeout_s: float | None = None) -> ApprovalRequest:
        """Ask for approval to turn targeting on or off."""
        ...

    def apply(self, ref: FlagRef, request: ApprovalRequest, *, comment: str, timeout_s: float | None = None) -> None:
        """Carry out a request that was approved.

        Raises:
            OpsError: `refused`, it is not approved any more, or the flag has changed under it.
        """
        ...

    def place_of(self, ref: FlagRef) -> str:
        """Return the address at which people look at the flag and at what waits for approval."""
        ...


class AuditReader(Protocol):
    """Reading the provider's audit log."""

    def list_changes(self, ref: FlagRef, *, limit: int = 1) -> tuple[AuditEntry, ...]:
        """Return the newest entries about that flag in that environment, newest first; `limit` is at most 20."""
        ...


class ChangeLog(Protocol):
    """The provider's audit log, as far back as it is asked for."""

    def changes(self, ref: FlagRef) -> Iterator[AuditEntry]:
        """Yield the entries about that flag in that environment, newest first; pages are read as they are needed."""
        ...


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


class Schedules(Protocol):
    """What the provider is to do with a flag later."""

    def list_scheduled(self, ref: FlagRef, *, timeout_s: float | None = None) -> tuple[ScheduledChange, ...]:
        """Return what is scheduled for the flag in its environment, in the order of time."""
        ...

    def schedule_restore(
        self, ref: FlagRef, *, at_ms: int, comment: str, timeout_s: float | None = None
    ) -> ScheduledChange:
        """Have the flag turned on at that moment, by the provider's clock."""
        ...

    def withdraw(self, ref: FlagRef, change: ScheduledChange, *, timeout_s: float | None = None) -> None:
        """Take a scheduled change off the schedule; one that is not on it any more is no error."""
        ...

    def ahead_s(self) -> float | None:
        """Return by how much the provider's clock is ahead of this machine's; `None` when it never said."""
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


class DefaultRules(Protocol):
    """The default rules of flags at the provider."""

    def get_rule(self, ref: FlagRef, *, timeout_s: float | None = None) -> RuledFlag:
        """Return the flag with its default rule in `ref`'s environment.

        Raises:
            OpsError: `flag_not_found`; `bad_config` when there is no such environment.
        """
        ...

    def put_rule(
        self, seen: RuledFlag, rule: DefaultRule, *, turn_on: bool, comment: str, timeout_s: float | None = None
    ) -> RuledFlag:
        """Replace the default rule of the flag as it was `seen`, and return the flag as it is afterwards.

        With `turn_on` targeting is turned on in the same change; else it stays as it is.

        Raises:
            OpsError: `conflict`, when anything in the flag changed since: then nothing is written.
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


class Observation(Protocol):
    """What the instances say while it is open."""

    def sightings(self) -> tuple[Sighting, ...]:
        """Return every instance as last seen."""
        ...

    def wait_for_news(self, timeout_s: float) -> bool:
        """Return as soon as some sighting has changed since the last call, with whether one has."""
        ...


class Instances(Protocol):
    """The running instances of the feed."""

    def list_sightings(self) -> tuple[Sighting, ...]:
        """Ask every instance once."""
        ...

    def tell(self, message: ControlMessage, *, timeout_s: float) -> tuple[Sighting, ...]:
        """Tell every instance something, all at the same time; return what each answered within `timeout_s`.

        One that did not take it in is a sighting without a report.
        """
        ...

    def observe(self) -> AbstractContextManager[Observation]:
        """Start to follow every instance; on entry each has said where it stands, or is known to be silent."""
        ...


class FlagStream(Protocol):
    """The provider's stream of flag changes."""

    def follow(self, ref: FlagRef, *, start_timeout_s: float) -> Iterator[WatchEvent | None]:
        """Yield the state at the start, then every change; `None` at least every 250 ms, so that the caller can stop.

        Raises:
            OpsError: `unreachable` when nothing came within `start_timeout_s`; `bad_credentials`; `flag_not_found`.
        """
        ...
