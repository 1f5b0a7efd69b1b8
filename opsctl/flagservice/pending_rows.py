"""Rows of what is pending, as values and back. They go with their flag or environment: the database sees to that."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.model import Token
from opsctl.flagservice.pending_model import ApprovalRequest, Place, Review, ScheduledChange

if TYPE_CHECKING:
    import sqlite3

# A flag matters to what changes it, and to what makes any flag a prerequisite.
_REQUESTS = """
    SELECT id, project, flag, environment, document FROM approval_requests
    WHERE :project IS NULL OR (project = :project AND (flag = :flag OR instr(document, 'rerequisite') > 0))
    ORDER BY rowid
"""
_SCHEDULED_CHANGES = """
    SELECT id, project, flag, environment, document FROM scheduled_changes
    WHERE :project IS NULL OR (project = :project AND (flag = :flag OR instr(document, 'rerequisite') > 0))
    ORDER BY execution_ms, rowid
"""
_NOT_IN_DOCUMENT = ("id", "place")


def write_request(connection: sqlite3.Connection, request: ApprovalRequest) -> None:
    """Insert or replace an approval request."""
    connection.execute(
        "INSERT INTO approval_requests (id, project, flag, environment, document)"
        " VALUES (:id, :project, :flag, :environment, :document)"
        " ON CONFLICT (id) DO UPDATE SET document = :document",
        _row(request),
    )


def delete_request(connection: sqlite3.Connection, request_id: str) -> None:
    """Delete an approval request."""
    connection.execute("DELETE FROM approval_requests WHERE id = ?", (request_id,))


def read_requests(
    connection: sqlite3.Connection, project: str | None = None, flag: str | None = None
) -> list[ApprovalRequest]:
    """Return approval requests in the order they were made: all of them, or those that one flag may matter to."""
    return [_request(*row) for row in connection.execute(_REQUESTS, {"project": project, "flag": flag})]


def read_request(connection: sqlite3.Connection, request_id: str) -> ApprovalRequest | None:
    """Return one approval request."""
    query = "SELECT id, project, flag, environment, document FROM approval_requests WHERE id = ?"
    row = connection.execute(query, (request_id,)).fetchone()
    return None if row is None else _request(*row)


def write_scheduled_change(connection: sqlite3.Connection, change: ScheduledChange) -> None:
    """Insert or replace a scheduled change."""
    connection.execute(
        "INSERT INTO scheduled_changes (id, project, flag, environment, execution_ms, document)"
        " VALUES (:id, :project, :flag, :environment, :execution_ms, :document)"
        " ON CONFLICT (id) DO UPDATE SET execution_ms = :execution_ms, document = :document",
        _row(change) | {"execution_ms": change.execution_ms},
    )


def delete_scheduled_change(connection: sqlite3.Connection, change_id: str) -> None:
    """Delete a scheduled change."""
    connection.execute("DELETE FROM scheduled_changes WHERE id = ?", (change_id,))


def read_scheduled_changes(
    connection: sqlite3.Connection, project: str | None = None, flag: str | None = None
) -> list[ScheduledChange]:
    """Return scheduled changes in the order of their times: all of them, or those that one flag may matter to."""
    return [
        _scheduled_change(*row) for row in connection.execute(_SCHEDULED_CHANGES, {"project": project, "flag": flag})
    ]


def read_scheduled_change(connection: sqlite3.Connection, change_id: str) -> ScheduledChange | None:
    """Return one scheduled change."""
    query = "SELECT id, project, flag, environment, document FROM scheduled_changes WHERE id = ?"
    row = connection.execute(query, (change_id,)).fetchone()
    return None if row is None else _scheduled_change(*row)


def read_due(connection: sqlite3.Connection, now_ms: int) -> list[ScheduledChange]:
    """Return the scheduled changes whose time has come, in the order of their times."""
    query = (
        "SELECT id, project, flag, environment, document FROM scheduled_changes"
        " WHERE execution_ms <= ? ORDER BY execution_ms, rowid"
    )
    return [_scheduled_change(*row) for row in connection.execute(query, (now_ms,))]


def read_next_execution_ms(connection: sqlite3.Connection) -> int | None:
    """Return when the next scheduled change is due."""
    found: int | None = connection.execute("SELECT min(execution_ms) FROM scheduled_changes").fetchone()[0]
    return found


def _row(pending: ApprovalRequest | ScheduledChange) -> dict[str, Any]:
    document = {name: value for name, value in asdict(pending).items() if name not in _NOT_IN_DOCUMENT}
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return {"id": pending.id, **asdict(pending.place), "document": text}


def _scheduled_change(change_id: str, project: str, flag: str, environment: str | None, text: str) -> ScheduledChange:
    document = json.loads(text)
    author = Token(**document.pop("author"))
    instructions = tuple(document.pop("instructions"))
    place = Place(project, flag, environment)
    return ScheduledChange(id=change_id, place=place, author=author, instructions=instructions, **document)


def _request(request_id: str, project: str, flag: str, environment: str | None, text: str) -> ApprovalRequest:
    document = json.loads(text)
    for name in ("instructions", "notify_member_ids", "notify_team_keys"):
        document[name] = tuple(document[name])
    for name in ("requestor", "applied_by"):
        document[name] = None if document[name] is None else Token(**document[name])
    document["source"] = None if document["source"] is None else tuple(document["source"])
    document["reviews"] = tuple(
        Review(**{**review, "reviewer": Token(**review["reviewer"])}) for review in document["reviews"]
    )
    return ApprovalRequest(id=request_id, place=Place(project, flag, environment), **document)
