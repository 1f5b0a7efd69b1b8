"""Rows of the database as values, and back. A row's document holds what no query asks for."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.documents import flag_document
from opsctl.flagservice.model import AuditEntry
from opsctl.flagservice.parsing import parse_flag

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from opsctl.flagservice.model import Flag


def write_flag(connection: sqlite3.Connection, project: str, flag: Flag, *, is_deleted: bool = False) -> None:
    """Insert or replace a flag; the database refuses a version that does not go up."""
    connection.execute(
        "INSERT INTO flags VALUES (:project, :key, :version, :deleted, :document) ON CONFLICT (project, key)"
        " DO UPDATE SET version = :version, deleted = :deleted, document = :document",
        {
            "project": project,
            "key": flag.key,
            "version": flag.version,
            "deleted": int(is_deleted),
            "document": _json(flag_document(flag)),
        },
    )


def insert_audit_entry(connection: sqlite3.Connection, entry: AuditEntry) -> None:
    """Insert an audit entry; the database gives it its id."""
    document = asdict(entry)
    del document["id"], document["date_ms"]
    connection.execute("INSERT INTO audit (date_ms, document) VALUES (?, ?)", (entry.date_ms, _json(document)))


def read_flags(connection: sqlite3.Connection) -> Iterable[tuple[str, Flag, bool]]:
    """Yield every flag with its project's key and whether it is deleted."""
    for project, deleted, text in connection.execute("SELECT project, deleted, document FROM flags ORDER BY rowid"):
        yield project, parse_flag(json.loads(text), _no_new_id), bool(deleted)


def read_audit_entries(
    connection: sqlite3.Connection, *, before_ms: int | None = None, after_ms: int | None = None
) -> Iterable[AuditEntry]:
    """Yield audit entries, the newest first."""
    query = "SELECT id, date_ms, document FROM audit WHERE date_ms < ? AND date_ms > ? ORDER BY id DESC"
    bounds = (2**62 if before_ms is None else before_ms, -1 if after_ms is None else after_ms)
    for row in connection.execute(query, bounds):
        yield _audit_entry(*row)


def read_audit_entry(connection: sqlite3.Connection, entry_id: int) -> AuditEntry | None:
    """Return one audit entry."""
    row = connection.execute("SELECT id, date_ms, document FROM audit WHERE id = ?", (entry_id,)).fetchone()
    return None if row is None else _audit_entry(*row)


def _audit_entry(entry_id: int, date_ms: int, text: str) -> AuditEntry:
    document = json.loads(text)
    accesses = tuple((action, resource) for action, resource in document.pop("accesses"))
    return AuditEntry(id=entry_id, date_ms=date_ms, accesses=accesses, **document)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _no_new_id() -> str:
    raise ValueError("a stored variation, rule or clause has no id")
