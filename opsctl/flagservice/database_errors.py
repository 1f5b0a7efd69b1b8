"""What SQLite means, in words that say what to look at."""

from __future__ import annotations

import sqlite3

_PRIMARY = 0xFF
_MEANINGS = {
    sqlite3.SQLITE_BUSY: "it is locked by another process",
    sqlite3.SQLITE_LOCKED: "it is locked by another process",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_PERM: "its permissions do not allow it",
    sqlite3.SQLITE_CANTOPEN: "its file cannot be opened",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk is full, at its quota, or failing",
    sqlite3.SQLITE_CORRUPT: "its file is damaged",
    sqlite3.SQLITE_NOTADB: "its file is damaged",
}


def is_locked(error: sqlite3.Error) -> bool:
    """Whether another process holds the database."""
    return _code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def meaning_of(error: sqlite3.Error) -> str:
    """Return what is wrong with the database, with SQLite's own words behind it."""
    meaning = _MEANINGS.get(_code(error))
    return str(error) if meaning is None else f"{meaning} ({error})"


def _code(error: sqlite3.Error) -> int:
    """Return the primary result code; errors that Python itself raises have none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & _PRIMARY
