"""Segments as rows of the database, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from opsctl.flagservice.segment_documents import parse_segment, segment_document

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from opsctl.flagservice.segment_model import Segment


def write_segment(connection: sqlite3.Connection, environment_id: str, segment: Segment, *, is_deleted: bool) -> None:
    """Insert or replace a segment; the database refuses a version that does not go up."""
    document = json.dumps(segment_document(segment), separators=(",", ":"), ensure_ascii=False)
    connection.execute(
        "INSERT INTO segments VALUES (:environment, :key, :version, :deleted, :document) ON CONFLICT (environment, key)"
        " DO UPDATE SET version = :version, deleted = :deleted, document = :document",
        {
            "environment": environment_id,
            "key": segment.key,
            "version": segment.version,
            "deleted": int(is_deleted),
            "document": document,
        },
    )


def read_segments(connection: sqlite3.Connection) -> Iterable[tuple[str, Segment, bool]]:
    """Yield every segment with the id of its environment and whether it is deleted."""
    query = "SELECT environment, deleted, document FROM segments ORDER BY rowid"
    for environment_id, deleted, text in connection.execute(query):
        yield environment_id, parse_segment(json.loads(text), _no_new_id), bool(deleted)


def _no_new_id() -> str:
    raise ValueError("a stored rule or clause has no id")
