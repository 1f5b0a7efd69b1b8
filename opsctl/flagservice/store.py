"""The store: every flag in memory for reading, every change in SQLite before it counts. Here: reading, and flags.

One process owns a store, and calls it from one thread. A write is one transaction of change, version and audit entry,
and returns once the disk has it: the calling thread waits for that fsync (about a millisecond on an SSD), and so does
everything else in the process. Reads never touch the disk, except for the audit log's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsctl.flagservice import project_rows, rows, seed
from opsctl.flagservice.api_errors import key_exists, not_found
from opsctl.flagservice.auditing import entry_of_creation, entry_of_deletion, entry_of_flag
from opsctl.flagservice.containers import Containers
from opsctl.flagservice.contents import Contents
from opsctl.flagservice.database import open_database, transaction
from opsctl.flagservice.ledger import Ledger
from opsctl.flagservice.segment_store import SegmentStore
from opsctl.flagservice.token_store import TokenStore, insert_token, is_known
from opsctl.flagservice.validation import require_unneeded, validate
from opsctl.flagservice.versions import continued_from, tombstone, with_new_versions

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from opsctl.flagservice.auditing import Author
    from opsctl.flagservice.credentials import Credentials
    from opsctl.flagservice.model import AuditEntry, Environment, Flag, Project, Token
    from opsctl.flagservice.segment_store import SegmentChange


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
        ledger: The open database; the store closes it.
        on_change: Told of each change once it is on disk, before the writer is answered. It must not block or raise.
        on_keys_change: Told the keys of a project and an environment whose SDK keys are no longer what they were.

    Attributes:
        ledger: The database and the audit log.
        containers: Writes projects and environments.
        access: The access tokens.
        segments: Reads and writes segments.
    """

    def __init__(
        self,
        ledger: Ledger,
        on_change: Callable[[FlagChange | SegmentChange], None],
        on_keys_change: Callable[[str, str], None] = lambda *_: None,
    ) -> None:
        self.ledger = ledger
        self._on_change = on_change
        self._contents = Contents.read(ledger.connection)
        self.containers = Containers(self._contents, ledger, on_keys_change)
        self.access = TokenStore(ledger)
        self.segments = SegmentStore(self, on_change)

    @classmethod
    def open(
        cls,
        path: Path,
        credentials: Credentials,
        now_ms: Callable[[], int],
        on_change: Callable[[FlagChange | SegmentChange], None],
        on_keys_change: Callable[[str, str], None] = lambda *_: None,
        content: seed.Content | None = None,
    ) -> Store:
        """Open the store at `path`, or make one with the seeded project and tokens, and `content` or the kill switch.

        Raises:
            OpsError: the database cannot be used; it is left as it was.
        """

        def fill(connection: sqlite3.Connection) -> None:
            project = seed.seeded_project(credentials, now_ms())
            project_rows.insert_project(connection, project)
            seed.write_content(connection, project, content or seed.kill_switch_only(project, now_ms()))

        connection = open_database(path, fill)
        with transaction(connection):
            for token, digest in seed.seeded_tokens(credentials, now_ms()):
                if not is_known(connection, digest):
                    insert_token(connection, token, digest)
        return cls(Ledger(connection, now_ms), on_change, on_keys_change)

    def close(self) -> None:
        """Close the database."""
        self.ledger.close()

    def projects(self) -> Iterable[Project]:
        """Return all projects."""
        return self._contents.projects.values()

    def project(self, key: str) -> Project:
        """Return one project.

        Raises:
            ApiError: 404.
        """
        return self._contents.project(key)

    def environment(self, project: str, key: str) -> Environment:
        """Return one environment.

        Raises:
            ApiError: 404, it or its project.
        """
        return self._contents.environment(project, key)

    def tokens(self) -> Iterable[Token]:
        """Return all access tokens."""
        return self.access.all()

    def flags(self, project: str) -> Mapping[str, Flag]:
        """Return the flags of a project, by key.

        Raises:
            ApiError: 404.
        """
        return self._contents.flags[self.project(project).key]

    def deleted_flags(self, project: str) -> Mapping[str, Flag]:
        """Return what is kept of the deleted flags of a project, by key: their versions are above all they had."""
        return {key: flag for (owner, key), flag in self._contents.deleted.items() if owner == project}

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
        after = with_new_versions(before, plan(before), self.ledger.now_ms())
        validate(after, self.flags(project))
        return after

    def change_flag(
        self,
        project: str,
        key: str,
        plan: Callable[[Flag], Flag],
        author: Author,
        also: Callable[[sqlite3.Connection], None] = lambda _: None,
    ) -> Flag:
        """Change a flag as `plan` says, and return it. A plan that changes nothing writes nothing.

        `also` writes in the same transaction.

        Raises:
            ApiError: 404, or what the plan or the validation refuses.
            sqlite3.Error: the disk refused; nothing changed.
        """
        before = self.flag(project, key)
        after = self.preview_flag(project, key, plan)
        if after is before:
            return before
        change = FlagChange(project, before, after)
        self._keep(change, lambda ms: entry_of_flag(ms, project, before, after, author), also)
        return after

    def create_flag(self, project: str, flag: Flag, author: Author) -> Flag:
        """Add a new flag, and return it; one made again under a deleted flag's key continues its versions.

        Raises:
            ApiError: 409, the key is taken; what the validation refuses.
            sqlite3.Error: the disk refused; nothing changed.
        """
        if flag.key in self.flags(project):
            raise key_exists("A feature")
        deleted = self._contents.deleted.get((project, flag.key))
        created = flag if deleted is None else continued_from(deleted, flag)
        validate(created, self.flags(project))
        self._keep(FlagChange(project, None, created), lambda ms: entry_of_creation(ms, project, created, author))
        return created

    def delete_flag(self, project: str, key: str, author: Author) -> None:
        """Delete a flag; its versions are remembered.

        Raises:
            ApiError: 404; 400, another flag has it as a prerequisite.
            sqlite3.Error: the disk refused; nothing changed.
        """
        flag = self.flag(project, key)
        require_unneeded(key, self.flags(project))
        after = tombstone(flag, self.ledger.now_ms())
        change = FlagChange(project, flag, after, is_deleted=True)
        self._keep(change, lambda ms: entry_of_deletion(ms, project, flag, author))

    def audit_entries(self, *, before_ms: int | None = None, after_ms: int | None = None) -> Iterable[AuditEntry]:
        """Yield audit entries, the newest first."""
        return self.ledger.audit_entries(before_ms=before_ms, after_ms=after_ms)

    def audit_entry(self, entry_id: str) -> AuditEntry:
        """Return one audit entry.

        Raises:
            ApiError: 404.
        """
        return self.ledger.audit_entry(entry_id)

    def _keep(
        self,
        change: FlagChange,
        entry_at: Callable[[int], AuditEntry],
        also: Callable[[sqlite3.Connection], None] = lambda _: None,
    ) -> None:
        flag, contents = change.after, self._contents
        with self.ledger.write(entry_at) as connection:
            rows.write_flag(connection, change.project, flag, is_deleted=change.is_deleted)
            also(connection)
        if change.is_deleted:
            contents.deleted[change.project, flag.key] = flag
            contents.flags[change.project].pop(flag.key, None)
        else:
            contents.deleted.pop((change.project, flag.key), None)
            contents.flags[change.project][flag.key] = flag
        self._on_change(change)
