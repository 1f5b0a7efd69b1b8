"""What events told, as rows of the database, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.usage_model import FlagUse, SeenContext

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from opsctl.flagservice.usage_model import Count

_FALLBACK = -1


def write_flag_use(connection: sqlite3.Connection, environment_id: str, flag: str, use: FlagUse) -> None:
    """Insert or replace when a flag was evaluated last."""
    row = (environment_id, flag, use.last_requested_ms, _json(use.default))
    connection.execute("INSERT OR REPLACE INTO flag_uses VALUES (?, ?, ?, ?)", row)


def read_flag_uses(connection: sqlite3.Connection) -> Iterable[tuple[tuple[str, str], FlagUse]]:
    """Yield when each flag was evaluated last."""
    for environment_id, flag, last_requested_ms, default in connection.execute("SELECT * FROM flag_uses"):
        yield (environment_id, flag), FlagUse(last_requested_ms, json.loads(default))


def write_count(connection: sqlite3.Connection, identity: Count, count: int) -> None:
    """Insert or replace a count."""
    environment_id, flag, variation, length_ms, begin_ms = identity
    row = (environment_id, flag, _FALLBACK if variation is None else variation, length_ms, begin_ms, count)
    connection.execute("INSERT OR REPLACE INTO evaluation_counts VALUES (?, ?, ?, ?, ?, ?)", row)


def read_counts(connection: sqlite3.Connection) -> Iterable[tuple[Count, int]]:
    """Yield every count."""
    for environment_id, flag, variation, length_ms, begin_ms, count in connection.execute(
        "SELECT * FROM evaluation_counts"
    ):
        yield (environment_id, flag, None if variation == _FALLBACK else variation, length_ms, begin_ms), count


def drop_counts(connection: sqlite3.Connection, length_ms: int, before_ms: int) -> None:
    """Delete the counts of times that are too long ago."""
    connection.execute("DELETE FROM evaluation_counts WHERE length_ms = ? AND begin_ms < ?", (length_ms, before_ms))


def write_context(
    connection: sqlite3.Connection, environment_id: str, identity: tuple[str, str], seen: SeenContext | None
) -> None:
    """Insert or replace a context; delete it when it is `None`."""
    if seen is None:
        query = "DELETE FROM contexts WHERE environment = ? AND kind = ? AND key = ?"
        connection.execute(query, (environment_id, *identity))
    else:
        row = (environment_id, *identity, seen.last_seen_ms, _json(seen.attributes))
        connection.execute("INSERT OR REPLACE INTO contexts VALUES (?, ?, ?, ?, ?)", row)


def read_contexts(connection: sqlite3.Connection) -> Iterable[tuple[str, SeenContext]]:
    """Yield every context with the id of its environment, the one seen last at the end."""
    query = "SELECT environment, kind, key, last_seen_ms, document FROM contexts ORDER BY last_seen_ms"
    for environment_id, kind, key, last_seen_ms, document in connection.execute(query):
        yield environment_id, SeenContext(kind, key, last_seen_ms, json.loads(document))


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
