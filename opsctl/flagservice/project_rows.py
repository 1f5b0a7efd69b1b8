"""Projects and environments as rows of the database. One that is deleted keeps its row, and so the versions it had."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.model import ApprovalSettings, Environment, FlagDefaults, FormerKey, Project

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

_FLOOR = "deleted_at_version"


def insert_project(connection: sqlite3.Connection, project: Project) -> None:
    """Insert a project with its environments, after those there are; a deleted one of its key makes room."""
    write_project(connection, project)
    for environment in project.environments:
        insert_environment(connection, project.key, environment)


def write_project(connection: sqlite3.Connection, project: Project) -> None:
    """Insert or replace a project's own document."""
    document = asdict(project)
    del document["environments"]
    _write_project(connection, project.key, document)


def delete_project(connection: sqlite3.Connection, key: str) -> None:
    """Mark a project as deleted."""
    _write_project(connection, key, {_FLOOR: 0})


def insert_environment(connection: sqlite3.Connection, project: str, environment: Environment) -> None:
    """Insert an environment after those the project has; a deleted one of its key makes room."""
    connection.execute("DELETE FROM environments WHERE project = ? AND key = ?", (project, environment.key))
    query = "SELECT coalesce(max(position) + 1, 0) FROM environments WHERE project = ?"
    position = connection.execute(query, (project,)).fetchone()[0]
    row = (project, environment.key, position, _json(asdict(environment)))
    connection.execute("INSERT INTO environments VALUES (?, ?, ?, ?)", row)


def update_environment(connection: sqlite3.Connection, project: str, environment: Environment) -> None:
    """Replace an environment's document."""
    _write_environment(connection, project, environment.key, asdict(environment))


def delete_environment(connection: sqlite3.Connection, project: str, key: str, version_floor: int) -> None:
    """Mark an environment as deleted; nothing but the highest version that its SDKs may have seen is kept."""
    _write_environment(connection, project, key, {_FLOOR: version_floor})


def read_projects(connection: sqlite3.Connection) -> dict[str, Project]:
    """Return all projects that are not deleted, by key."""
    environments: dict[str, list[Environment]] = {}
    for project, text in connection.execute("SELECT project, document FROM environments ORDER BY project, position"):
        document = json.loads(text)
        if _FLOOR not in document:
            environments.setdefault(project, []).append(_environment(document))
    projects = {}
    for key, text in connection.execute("SELECT key, document FROM projects ORDER BY position"):
        document = json.loads(text)
        if _FLOOR not in document:
            projects[key] = _project(document, tuple(environments.get(key, ())))
    return projects


def read_version_floors(connection: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """Return, for each deleted environment, the highest version that its SDKs may have seen."""
    return {
        (project, key): json.loads(text)[_FLOOR]
        for project, key, text in connection.execute("SELECT project, key, document FROM environments")
        if _FLOOR in json.loads(text)
    }


def _project(document: dict[str, Any], environments: tuple[Environment, ...]) -> Project:
    defaults = document.pop("flag_defaults")
    values: dict[str, Any] = {
        "tags": tuple(document.pop("tags")),
        "environments": environments,
        "flag_defaults": None if defaults is None else FlagDefaults(**{**defaults, "tags": tuple(defaults["tags"])}),
    }
    return Project(**document, **values)


def _environment(document: dict[str, Any]) -> Environment:
    approval = document.pop("approval_settings")
    values: dict[str, Any] = {
        "tags": tuple(document.pop("tags")),
        "approval_settings": ApprovalSettings(
            **{**approval, "required_approval_tags": tuple(approval["required_approval_tags"])}
        ),
        "former_sdk_keys": tuple(FormerKey(**one) for one in document.pop("former_sdk_keys")),
    }
    return Environment(**document, **values)


def _write_project(connection: sqlite3.Connection, key: str, document: Mapping[str, Any]) -> None:
    connection.execute(
        "INSERT INTO projects SELECT :key, coalesce(max(position) + 1, 0), :document FROM projects WHERE true"
        " ON CONFLICT (key) DO UPDATE SET document = :document",
        {"key": key, "document": _json(document)},
    )


def _write_environment(connection: sqlite3.Connection, project: str, key: str, document: Mapping[str, Any]) -> None:
    connection.execute(
        "UPDATE environments SET document = ? WHERE project = ? AND key = ?", (_json(document), project, key)
    )


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
