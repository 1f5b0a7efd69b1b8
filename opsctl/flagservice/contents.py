"""What the service holds in memory, so that reading never touches the disk: projects, and flags alive and deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsctl.flagservice import project_rows, rows
from opsctl.flagservice.api_errors import not_found

if TYPE_CHECKING:
    import sqlite3

    from opsctl.flagservice.model import Environment, Flag, Project


@dataclass(slots=True)
class Contents:
    """The projects by key, their flags by key, and the deleted flags, whose versions are remembered.

    `version_floors` holds, for each deleted environment, the highest version that SDKs of it may have seen.
    """

    projects: dict[str, Project]
    flags: dict[str, dict[str, Flag]]
    deleted: dict[tuple[str, str], Flag]
    version_floors: dict[tuple[str, str], int]

    @classmethod
    def read(cls, connection: sqlite3.Connection) -> Contents:
        """Read all of it from the database."""
        projects = project_rows.read_projects(connection)
        flags: dict[str, dict[str, Flag]] = {key: {} for key in projects}
        deleted = {}
        for project, flag, is_deleted in rows.read_flags(connection):
            if is_deleted:
                deleted[project, flag.key] = flag
            else:
                flags[project][flag.key] = flag
        return cls(projects, flags, deleted, project_rows.read_version_floors(connection))

    def project(self, key: str) -> Project:
        """Return one project.

        Raises:
            ApiError: 404.
        """
        if key not in self.projects:
            raise not_found(f"there is no project {key!r}")
        return self.projects[key]

    def environment(self, project: str, key: str) -> Environment:
        """Return one environment.

        Raises:
            ApiError: 404, it or its project.
        """
        environment = self.project(project).environment(key)
        if environment is None:
            raise not_found(f"there is no environment {key!r} in project {project!r}")
        return environment
