"""Making, changing and deleting projects and environments, with what that means for the flags in them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from opsctl.flagservice import project_rows, rows
from opsctl.flagservice.api_errors import invalid_request, key_exists
from opsctl.flagservice.container_auditing import entry_of_environment, entry_of_project
from opsctl.flagservice.creation import new_config
from opsctl.flagservice.versions import tombstone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opsctl.flagservice.auditing import Author
    from opsctl.flagservice.contents import Contents
    from opsctl.flagservice.ledger import Ledger
    from opsctl.flagservice.model import Environment, Flag, Project


class Containers:
    """Writes projects and environments.

    Args:
        contents: What is held in memory; changed once the disk has the change.
        ledger: Where it is kept.
        on_keys_change: Told the keys of a project and an environment that came, went, or got other SDK keys. It must
            not block or raise.
    """

    def __init__(self, contents: Contents, ledger: Ledger, on_keys_change: Callable[[str, str], None]) -> None:
        self._contents = contents
        self._ledger = ledger
        self._on_keys_change = on_keys_change

    def create_project(self, project: Project, author: Author) -> Project:
        """Add a project with its environments, and return it.

        Raises:
            ApiError: 409, the key is taken.
            sqlite3.Error: the disk refused; nothing changed.
        """
        if project.key in self._contents.projects:
            raise key_exists("A project")
        floors = self._contents.version_floors
        environments = tuple(
            replace(one, version_floor=floors.get((project.key, one.key), 0)) for one in project.environments
        )
        created = replace(project, environments=environments)
        with self._ledger.write(lambda now_ms: entry_of_project(now_ms, None, created, author)) as connection:
            project_rows.insert_project(connection, created)
        self._contents.projects[created.key] = created
        self._contents.flags[created.key] = {}
        for one in environments:
            self._on_keys_change(created.key, one.key)
        return created

    def change_project(self, key: str, plan: Callable[[Project], Project], author: Author) -> Project:
        """Change a project as `plan` says, and return it. A plan that changes nothing writes nothing.

        Raises:
            ApiError: 404, or what the plan refuses.
            sqlite3.Error: the disk refused; nothing changed.
        """
        before = self._contents.project(key)
        planned = plan(before)
        if planned == before:
            return before
        after = replace(planned, version=before.version + 1)
        with self._ledger.write(lambda now_ms: entry_of_project(now_ms, before, after, author)) as connection:
            project_rows.write_project(connection, after)
        self._contents.projects[key] = after
        return after

    def delete_project(self, key: str, author: Author) -> None:
        """Delete a project with its environments and flags; the versions of these are remembered.

        Raises:
            ApiError: 404; 400, it is the last one.
            sqlite3.Error: the disk refused; nothing changed.
        """
        project = self._contents.project(key)
        if len(self._contents.projects) == 1:
            raise invalid_request("the last project cannot be deleted")
        now_ms = self._ledger.now_ms()
        flags = [tombstone(flag, now_ms) for flag in self._contents.flags[key].values()]
        floors = {one.key: _version_floor(one, flags) for one in project.environments}
        with self._ledger.write(lambda date_ms: entry_of_project(date_ms, project, None, author)) as connection:
            for flag in flags:
                rows.write_flag(connection, key, flag, is_deleted=True)
            for environment, floor in floors.items():
                project_rows.delete_environment(connection, key, environment, floor)
            project_rows.delete_project(connection, key)
        self._contents.version_floors |= {(key, environment): floor for environment, floor in floors.items()}
        self._contents.deleted |= {(key, flag.key): flag for flag in flags}
        del self._contents.projects[key], self._contents.flags[key]
        for environment in floors:
            self._on_keys_change(key, environment)

    def create_environment(
        self, project: str, environment: Environment, author: Author, *, source: str | None = None
    ) -> Environment:
        """Add an environment, and return it.

        Every flag of the project gets a configuration in it: that of the environment `source`, or one that is off.

        Raises:
            ApiError: 409, the key is taken.
            sqlite3.Error: the disk refused; nothing changed.
        """
        owner = self._contents.project(project)
        if owner.environment(environment.key) is not None:
            raise key_exists("An environment")
        floor = self._contents.version_floors.get((project, environment.key), 0)
        created = replace(environment, version_floor=floor)
        extend = partial(_with_environment, environment=created, source=source, now_ms=self._ledger.now_ms())
        flags = {key: extend(flag) for key, flag in self._contents.flags[project].items()}
        entry_at = partial(entry_of_environment, project=project, before=None, after=created, author=author)
        with self._ledger.write(entry_at) as connection:
            project_rows.insert_environment(connection, project, created)
            for flag in flags.values():
                rows.write_flag(connection, project, flag)
        self._contents.projects[project] = replace(owner, environments=(*owner.environments, created))
        self._contents.flags[project].update(flags)
        self._on_keys_change(project, created.key)
        return created

    def change_environment(
        self, project: str, key: str, plan: Callable[[Environment], Environment], author: Author
    ) -> Environment:
        """Change an environment as `plan` says, and return it. A plan that changes nothing writes nothing.

        Raises:
            ApiError: 404, or what the plan refuses.
            sqlite3.Error: the disk refused; nothing changed.
        """
        owner, before = self._contents.project(project), self._contents.environment(project, key)
        planned = plan(before)
        if planned == before:
            return before
        after = replace(planned, version=before.version + 1)
        entry_at = partial(entry_of_environment, project=project, before=before, after=after, author=author)
        with self._ledger.write(entry_at) as connection:
            project_rows.update_environment(connection, project, after)
        environments = tuple(after if one.key == key else one for one in owner.environments)
        self._contents.projects[project] = replace(owner, environments=environments)
        if (after.sdk_key, after.mobile_key) != (before.sdk_key, before.mobile_key):
            self._on_keys_change(project, key)
        return after

    def delete_environment(self, project: str, key: str, author: Author) -> None:
        """Delete an environment, with the configuration that every flag has in it.

        Raises:
            ApiError: 404; 400, it is the project's last one.
            sqlite3.Error: the disk refused; nothing changed.
        """
        owner, environment = self._contents.project(project), self._contents.environment(project, key)
        if len(owner.environments) == 1:
            raise invalid_request("the last environment of a project cannot be deleted")
        before = self._contents.flags[project]
        floor = _version_floor(environment, before.values())
        flags = {name: _without_environment(flag, key) for name, flag in before.items()}
        entry_at = partial(entry_of_environment, project=project, before=environment, after=None, author=author)
        with self._ledger.write(entry_at) as connection:
            for flag in flags.values():
                rows.write_flag(connection, project, flag)
            project_rows.delete_environment(connection, project, key, floor)
        self._contents.version_floors[project, key] = floor
        environments = tuple(one for one in owner.environments if one.key != key)
        self._contents.projects[project] = replace(owner, environments=environments)
        self._contents.flags[project].update(flags)
        self._on_keys_change(project, key)


def _version_floor(environment: Environment, flags: Iterable[Flag]) -> int:
    """Return the highest version that SDKs of the environment may have seen."""
    configs = (flag.environments.get(environment.key) for flag in flags)
    return max((config.version for config in configs if config is not None), default=environment.version_floor)


def _with_environment(flag: Flag, environment: Environment, source: str | None, now_ms: int) -> Flag:
    is_tracked = environment.default_track_events
    off = new_config(flag.on_variation, flag.off_variation, now_ms, track_events=is_tracked)
    config = off if source is None else flag.environments[source]
    config = replace(config, version=environment.version_floor + 1, last_modified_ms=now_ms)
    return replace(flag, version=flag.version + 1, environments={**flag.environments, environment.key: config})


def _without_environment(flag: Flag, key: str) -> Flag:
    environments = {name: config for name, config in flag.environments.items() if name != key}
    return replace(flag, version=flag.version + 1, environments=environments)
