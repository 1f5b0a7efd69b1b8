"""Rows of the database as values, and back. A row's document holds what no query asks for."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.documents import flag_document
from opsctl.flagservice.model import AuditEntry, Environment, Flag, Project, Token
from opsctl.flagservice.parsing import parse_flag

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable


def insert_project(connection: sqlite3.Connection, project: Project) -> None:
    """Insert a project with its environments."""
    position = connection.execute("SELECT count(*) FROM projects").fetchone()[0]
    document = _json({"name": project.name, "id": project.id, "tags": project.tags})
    connection.execute("INSERT INTO projects VALUES (?, ?, ?)", (project.key, position, document))
    for environment in project.environments:
        insert_environment(connection, project.key, environment)


def insert_environment(connection: sqlite3.Connection, project: str, environment: Environment) -> None:
    """Insert an environment after those the project has."""
    query = "SELECT count(*) FROM environments WHERE project = ?"
    position = connection.execute(query, (project,)).fetchone()[0]
    row = (project, environment.key, position, _json(asdict(environment)))
    connection.execute("INSERT INTO environments VALUES (?, ?, ?, ?)", row)


def update_environment(connection: sqlite3.Connection, project: str, environment: Environment) -> None:
    """Replace an environment's document."""
    connection.execute(
        "UPDATE environments SET document = ? WHERE project = ? AND key = ?",
        (_json(asdict(environment)), project, environment.key),
    )


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


def insert_token(connection: sqlite3.Connection, token: Token) -> None:
    """Insert an access token's hash."""
    row = (token.id, token.name, token.role, token.digest, token.ending)
    connection.execute("INSERT INTO tokens VALUES (?, ?, ?, ?, ?)", row)


def insert_audit_entry(connection: sqlite3.Connection, entry: AuditEntry) -> None:
    """Insert an audit entry; the database gives it its id."""
    document = asdict(entry)
    del document["id"], document["date_ms"]
    connection.execute("INSERT INTO audit (date_ms, document) VALUES (?, ?)", (entry.date_ms, _json(document)))


def read_projects(connection: sqlite3.Connection) -> dict[str, Project]:
    """Return all projects, by key."""
    environments: dict[str, list[Environment]] = {}
    for project, text in connection.execute("SELECT project, document FROM environments ORDER BY project, position"):
        document = json.loads(text)
        environments.setdefault(project, []).append(Environment(**{**document, "tags": tuple(document["tags"])}))
    return {
        key: Project(
            key=key,
            name=document["name"],
            id=document["id"],
            tags=tuple(document["tags"]),
            environments=tuple(environments.get(key, ())),
        )
        for key, document in _documents(connection.execute("SELECT key, document FROM projects ORDER BY position"))
    }


def read_flags(connection: sqlite3.Connection) -> Iterable[tuple[str, Flag, bool]]:
    """Yield every flag with its project's key and whether it is deleted."""
    for project, deleted, text in connection.execute("SELECT project, deleted, document FROM flags ORDER BY rowid"):
        yield project, parse_flag(json.loads(text), _no_new_id), bool(deleted)


def read_tokens(connection: sqlite3.Connection) -> list[Token]:
    """Return all access tokens."""
    return [Token(*row) for row in connection.execute("SELECT id, name, role, digest, ending FROM tokens")]


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


def _documents(rows: Iterable[tuple[str, str]]) -> Iterable[tuple[str, Any]]:
    return ((key, json.loads(text)) for key, text in rows)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _no_new_id() -> str:
    raise ValueError("a stored variation, rule or clause has no id")
