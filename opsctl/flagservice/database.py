"""Opening the SQLite file: WAL, every commit on disk before it is acknowledged, and a clear word when it cannot be."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.flagservice.database_errors import is_locked, meaning_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCHEMA_VERSION = 1
_APPLICATION_ID = 0x6F707363
_BUSY_TIMEOUT_MS = 2000
_LOG_SUFFIX = "-wal"
_SIDE_FILES = (_LOG_SUFFIX, "-shm")


def open_database(path: Path, fill: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    """Open the database at `path`; where there is none, make it and have `fill` put the first rows in.

    A new database takes its place only once it is whole, so that an interrupted first start leaves nothing half made,
    and an empty file is known for what it is: damaged.

    Raises:
        OpsError: it is damaged, locked, not readable or writable, of another program or of a newer opsctl. The file
            is left as it was.
    """
    with _explained(path):
        if not path.exists():
            if _has_log(path):
                raise _damaged(path, "it is gone, and its write-ahead log is still there")
            _create(path, fill)
        elif path.stat().st_size == 0:
            raise _damaged(path, "it is empty")
        _inspect(path)
        connection = _connect(path)
        try:
            _prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the block as one write: all of it is on disk when the block is left, or none of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _create(path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    draft = path.with_name(path.name + ".new")
    for name in (draft.name, *(draft.name + suffix for suffix in _SIDE_FILES)):
        draft.with_name(name).unlink(missing_ok=True)
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    connection = sqlite3.connect(draft, isolation_level=None)
    with contextlib.closing(connection):
        connection.execute("PRAGMA synchronous=FULL")
        schema = resources.files("opsctl.flagservice").joinpath("schema.sql").read_text(encoding="utf-8")
        connection.executescript(schema)
        with transaction(connection):
            fill(connection)
            connection.execute(f"PRAGMA application_id={_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def _has_log(path: Path) -> bool:
    log = path.with_name(path.name + _LOG_SUFFIX)
    return log.exists() and log.stat().st_size > 0


def _inspect(path: Path) -> None:
    """Look whether the file is whole and ours, without touching it: merely closing it could write the log into it."""
    if not _has_log(path):
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as connection:
            _check(path, connection)
        return
    with tempfile.TemporaryDirectory(prefix=".inspection-", dir=path.parent) as place:
        for suffix in ("", _LOG_SUFFIX):
            shutil.copyfile(path.with_name(path.name + suffix), Path(place) / (path.name + suffix))
        with contextlib.closing(sqlite3.connect(Path(place) / path.name)) as connection:
            _check(path, connection)


def _check(path: Path, connection: sqlite3.Connection) -> None:
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application_id != _APPLICATION_ID:
        raise OpsError(
            ErrorCode.BAD_CONFIG,
            f"{path} is a database of another program",
            hint="move it away, or choose another directory with --data-dir",
        )
    if version > SCHEMA_VERSION:
        raise OpsError(
            ErrorCode.BAD_CONFIG,
            f"{path} was written by a newer opsctl (schema {version}, this one knows {SCHEMA_VERSION})",
            hint="use that opsctl, or choose another directory with --data-dir",
        )
    damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if damage != "ok":
        raise _damaged(path, damage)


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    # Taking the write lock once shows a read-only or locked file now, not at the first kill.
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    connection.execute("COMMIT")


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if is_locked(error):
            raise OpsError(
                ErrorCode.FAILED, f"{path} is locked by another process", hint=f"see who has it: fuser {path}"
            ) from error
        raise OpsError(
            ErrorCode.FAILED,
            f"{path} cannot be opened for writing: {meaning_of(error)}",
            hint=f"check its permissions and the free space: ls -ld {path.parent}; df {path.parent}",
        ) from error
    except sqlite3.DatabaseError as error:
        raise _damaged(path, str(error)) from error
    except OSError as error:
        raise OpsError(
            ErrorCode.FAILED,
            f"{path} cannot be used: {error.strerror}",
            hint=f"check the directory: ls -ld {path.parent}; df {path.parent}",
        ) from error


def _damaged(path: Path, what: str) -> OpsError:
    place = f"{path.parent}/damaged-$(date +%s)"
    return OpsError(
        ErrorCode.FAILED,
        f"{path} is damaged: {' '.join(what.split())}",
        hint=f"it was left as it is; move all of it away to begin anew: p={place}; mkdir $p && mv {path}* $p",
    )
