"""What the services need of the provider: reading, writing, its log, its stream.

Every method that talks to it may raise `OpsError`: `unreachable`, `rate_limited`, `bad_credentials`, `forbidden`,
`refused`, `approval_required` or `conflict`, besides what its own docstring names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opsctl.core.approving import ApprovalRequest
    from opsctl.core.flags import AuditEntry, Environment, Flag, FlagRef, NewFlag
    from opsctl.core.rollouts import DefaultRule, RuledFlag
    from opsctl.core.scheduling import ScheduledChange
    from opsctl.core.watching import WatchEvent


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


class FlagStream(Protocol):
    """The provider's stream of flag changes."""

    def follow(self, ref: FlagRef, *, start_timeout_s: float) -> Iterator[WatchEvent | None]:
        """Yield the state at the start, then every change; `None` at least every 250 ms, so that the caller can stop.

        Raises:
            OpsError: `unreachable` when nothing came within `start_timeout_s`; `bad_credentials`; `flag_not_found`.
        """
        ...
