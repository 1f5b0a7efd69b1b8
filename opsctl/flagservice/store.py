"""The store: every flag in memory for reading, every change in SQLite before it counts.

One process owns a store, and calls it from one thread. A write is one transaction of change, version and audit entry,
and returns once the disk has it: the calling thread waits for that fsync (about a millisecond on an SSD), and so does
everything else in the process. Reads never touch the disk, except for the audit log's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from opsctl.flagservice import rows, seed
from opsctl.flagservice.api_errors import key_exists, not_found
from opsctl.flagservice.auditing import entry_of_creation, entry_of_deletion, entry_of_environment, entry_of_flag
from opsctl.flagservice.creation import new_config
from opsctl.flagservice.database import open_database, transaction
from opsctl.flagservice.validation import require_unneeded, validate
from opsctl.flagservice.versions import continued_from, tombstone, with_new_versions

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from opsctl.flagservice.auditing import Author
    from opsctl.flagservice.credentials import Credentials
    from opsctl.flagservice.model import AuditEntry, Environment, Flag, Project, Token


_SAME_MOMENT_MS = 1000


@dataclass(frozen=True, slots=True)
class FlagChange:
    """One accepted change, as observers hear of it. `before` is `None` for a new flag; `after` has the new versions."""

    project: str
    before: Flag | None
    after: Flag
    is_deleted: bool = False


class Store:
    """All projects, flags, tokens and audit entries of one installation.

    Args:
        connection: The open database; the store closes it.
        now_ms: The wall clock, in epoch milliseconds.
        on_change: Told of each change once it is on disk, before the writer is answered. It must not block or raise.
    """

    def __init__(
        self, connection: sqlite3.Connection, now_ms: Callable[[], int], on_change: Callable[[FlagChange], None]
    ) -> None:
        self._connection = connection
        self._now_ms = now_ms
        self._on_change = on_change
        self._projects = rows.read_projects(connection)
        self._tokens = rows.read_tokens(connection)
        self._flags: dict[str, dict[str, Flag]] = {key: {} for key in self._projects}
        self._deleted: dict[tuple[str, str], Flag] = {}
        self._last_date_ms = next((entry.date_ms for entry in rows.read_audit_entries(connection)), 0)
        for project, flag, is_deleted in rows.read_flags(connection):
            if is_deleted:
                self._deleted[project, flag.key] = flag
            else:
                self._flags[project][flag.key] = flag

    @classmethod
    def open(
        cls,
        path: Path,
        credentials: Credentials,
        now_ms: Callable[[], int],
        on_change: Callable[[FlagChange], None],
    ) -> Store:
        """Open the store at `path`, or make one with the seeded project, kill switch and tokens.

        Raises:
            OpsError: the database cannot be used; it is left as it was.
        """

        def fill(connection: sqlite3.Connection) -> None:
            project = seed.seeded_project(credentials, now_ms())
            rows.insert_project(connection, project)
            rows.write_flag(connection, project.key, seed.seeded_kill_switch(project, now_ms()))

        connection = open_database(path, fill)
        with transaction(connection):
            known = {token.digest for token in rows.read_tokens(connection)}
            for token in seed.seeded_tokens(credentials):
                if token.digest not in known:
                    rows.insert_token(connection, token)
        return cls(connection, now_ms, on_change)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def projects(self) -> Iterable[Project]:
        """Return all projects."""
        return self._projects.values()

    def project(self, key: str) -> Project:
        """Return one project.

        Raises:
            ApiError: 404.
        """
        if key not in self._projects:
            raise not_found(f"there is no project {key!r}")
        return self._projects[key]

    def tokens(self) -> Iterable[Token]:
        """Return all access tokens."""
        return self._tokens

    def flags(self, project: str) -> Mapping[str, Flag]:
        """Return the flags of a project, by key.

        Raises:
            ApiError: 404.
        """
        return self._flags[self.project(project).key]

    def flag(self, project: str, key: str) -> Flag:
        """Return one flag.

        Raises:
            ApiError: 404.
        """
        flags = self.flags(project)
        if key not in flags:
            raise not_found(f"there is no flag {key!r} in project {project!r}")
        return flags[key]

    def preview_flag(self, project: str, key: str, plan: Callable[[Flag], Flag]) -> Flag:
        """Return what `plan` makes of a flag, validated and with the versions it would get; nothing is kept.

        Raises:
            ApiError: 404, or what the plan or the validation refuses.
        """
        before = self.flag(project, key)
        after = with_new_versions(before, plan(before), self._now_ms())
        validate(after, self.flags(project))
        return after

    def change_flag(self, project: str, key: str, plan: Callable[[Flag], Flag], author: Author) -> Flag:
        """Change a flag as `plan` says, and return it. A plan that changes nothing writes nothing.

        Raises:
            ApiError: 404, or what the plan or the validation refuses.
            sqlite3.Error: the disk refused; nothing changed.
        """
        before = self.flag(project, key)
        after = self.preview_flag(project, key, plan)
        if after is before:
            return before
        entry = entry_of_flag(self._audit_date_ms(), project, before, after, author)
        self._keep(FlagChange(project, before, after), entry)
        return after

    def create_flag(self, project: str, flag: Flag, author: Author) -> Flag:
        """Add a new flag, and return it; one made again under a deleted flag's key continues its versions.

        Raises:
            ApiError: 409, the key is taken; what the validation refuses.
            sqlite3.Error: the disk refused; nothing changed.
        """
        if flag.key in self.flags(project):
            raise key_exists("A feature")
        deleted = self._deleted.get((project, flag.key))
        created = flag if deleted is None else continued_from(deleted, flag)
        validate(created, self.flags(project))
        self._keep(
            FlagChange(project, None, created), entry_of_creation(self._audit_date_ms(), project, created, author)
        )
        return created

    def delete_flag(self, project: str, key: str, author: Author) -> None:
        """Delete a flag; its versions are remembered.

        Raises:
            ApiError: 404; 400, another flag has it as a prerequisite.
            sqlite3.Error: the disk refused; nothing changed.
        """
        flag = self.flag(project, key)
        require_unneeded(key, self.flags(project))
        after = tombstone(flag, self._now_ms())
        change = FlagChange(project, flag, after, is_deleted=True)
        self._keep(change, entry_of_deletion(self._audit_date_ms(), project, flag, author))

    def create_environment(self, project: str, environment: Environment, author: Author) -> Environment:
        """Add an environment; every flag of the project gets a configuration in it, with targeting off.

        Raises:
            ApiError: 409, the key is taken.
            sqlite3.Error: the disk refused; nothing changed.
        """
        owner = self.project(project)
        if owner.environment(environment.key) is not None:
            raise key_exists("An environment")
        now_ms = self._now_ms()
        extended = {key: _with_environment(flag, environment, now_ms) for key, flag in self.flags(project).items()}
        with transaction(self._connection):
            rows.insert_environment(self._connection, project, environment)
            for flag in extended.values():
                rows.write_flag(self._connection, project, flag)
            entry = entry_of_environment(self._audit_date_ms(), project, None, environment, author)
            rows.insert_audit_entry(self._connection, entry)
        self._projects[project] = replace(owner, environments=(*owner.environments, environment))
        self._flags[project] = extended
        return environment

    def change_environment(
        self, project: str, key: str, plan: Callable[[Environment], Environment], author: Author
    ) -> Environment:
        """Change an environment as `plan` says, and return it. A plan that changes nothing writes nothing.

        Raises:
            ApiError: 404, or what the plan refuses.
            sqlite3.Error: the disk refused; nothing changed.
        """
        owner = self.project(project)
        before = owner.environment(key)
        if before is None:
            raise not_found(f"there is no environment {key!r} in project {project!r}")
        planned = plan(before)
        if planned == before:
            return before
        after = replace(planned, version=before.version + 1)
        with transaction(self._connection):
            rows.update_environment(self._connection, project, after)
            entry = entry_of_environment(self._audit_date_ms(), project, before, after, author)
            rows.insert_audit_entry(self._connection, entry)
        environments = tuple(after if one.key == key else one for one in owner.environments)
        self._projects[project] = replace(owner, environments=environments)
        return after

    def audit_entries(self, *, before_ms: int | None = None, after_ms: int | None = None) -> Iterable[AuditEntry]:
        """Yield audit entries, the newest first."""
        return rows.read_audit_entries(self._connection, before_ms=before_ms, after_ms=after_ms)

    def audit_entry(self, entry_id: str) -> AuditEntry:
        """Return one audit entry.

        Raises:
            ApiError: 404.
        """
        is_number = entry_id.isascii() and entry_id.isdigit() and len(entry_id) < 19  # noqa: PLR2004 - SQLite's limit
        entry = rows.read_audit_entry(self._connection, int(entry_id)) if is_number else None
        if entry is None:
            raise not_found(f"there is no audit log entry {entry_id!r}")
        return entry

    def _audit_date_ms(self) -> int:
        """Return the time for an audit entry: a millisecond of its own, since callers page through the log by time.

        A clock that was set back is followed.
        """
        now_ms, last_ms = self._now_ms(), self._last_date_ms
        self._last_date_ms = last_ms + 1 if last_ms - _SAME_MOMENT_MS < now_ms <= last_ms else now_ms
        return self._last_date_ms

    def _keep(self, change: FlagChange, entry: AuditEntry) -> None:
        flag = change.after
        with transaction(self._connection):
            rows.write_flag(self._connection, change.project, flag, is_deleted=change.is_deleted)
            rows.insert_audit_entry(self._connection, entry)
        if change.is_deleted:
            self._deleted[change.project, flag.key] = flag
            self._flags[change.project].pop(flag.key, None)
        else:
            self._deleted.pop((change.project, flag.key), None)
            self._flags[change.project][flag.key] = flag
        self._on_change(change)


def _with_environment(flag: Flag, environment: Environment, now_ms: int) -> Flag:
    config = new_config(flag.on_variation, flag.off_variation, now_ms, track_events=environment.default_track_events)
    return replace(flag, version=flag.version + 1, environments={**flag.environments, environment.key: config})
