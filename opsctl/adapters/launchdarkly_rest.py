"""LaunchDarkly's REST API v2: flags, environments and the audit log, behind the ports of the core."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from opsctl.adapters.launchdarkly_http import JSON, SEMANTIC_PATCH, NotFoundError, Request, RestConnection
from opsctl.adapters.launchdarkly_json import audit_entry_of, environment_of, flag_of
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import no_such_environment
from opsctl.core.keys import is_flag_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opsctl.core.flags import AuditEntry, Environment, Flag, FlagRef, NewFlag
    from opsctl.settings import Settings

_T = TypeVar("_T")
_PAGE = 100
_MOST_PAGES = 100
_VARIATIONS = [{"value": True, "name": "Enabled"}, {"value": False, "name": "Disabled"}]


class LaunchDarklyRest:
    """`FlagReader`, `FlagWriter` and `AuditReader` of `opsctl.core.ports`, on one set of kept-alive connections."""

    def __init__(self, settings: Settings) -> None:
        """Set up the client; no connection is made.

        Raises:
            OpsError: `bad_credentials`, when there is no access token.
        """
        self._rest = RestConnection(settings)

    @property
    def connection(self) -> RestConnection:
        """Return the connection, for what else is asked of the same provider."""
        return self._rest

    def get_flag(self, project: str, key: str, *, timeout_s: float | None = None) -> Flag:
        """Return the flag with its targeting in every environment."""
        request = Request(method="GET", path=_flag_path(project, key), doing=f"read the flag {key}")
        try:
            answer = self._rest.send(request, timeout_s=timeout_s)
        except NotFoundError as error:
            raise self._no_such_flag(project, key) from error
        return self._read(flag_of, answer)

    def list_flags(self, project: str, environment: str) -> tuple[Flag, ...]:
        """Return all flags that are not archived, with their targeting in that environment."""
        flags: list[Flag] = []
        for _ in range(_MOST_PAGES):
            answer = self._flag_page(project, environment, offset=len(flags))
            page = self._read_items(flag_of, answer)
            flags += page
            if not page or len(flags) >= answer.get("totalCount", 0):
                break
        return tuple(flags)

    def get_environment(self, project: str, key: str, *, timeout_s: float | None = None) -> Environment:
        """Return the environment."""
        path = f"{_environments_path(project)}/{quote(key, safe='')}"
        try:
            request = Request(method="GET", path=path, doing=f"read the environment {key}")
            answer = self._rest.send(request, timeout_s=timeout_s)
        except NotFoundError as error:
            raise no_such_environment(project, key, self._environment_keys(project)) from error
        return self._read(environment_of, answer)

    def turn(
        self, ref: FlagRef, *, on: bool, comment: str, if_version: int | None = None, timeout_s: float | None = None
    ) -> Flag:
        """Turn targeting on or off, and return the flag as it is afterwards.

        A scheduled change that is in the way does not stop a kill; it does stop a restore. A condition makes it a JSON
        patch, since semantic patches know none; the audit log calls both by the same name.
        """
        request = Request(
            method="PATCH",
            path=_flag_path(ref.project, ref.key),
            doing=f"turn {'on' if on else 'off'} the flag {ref.key}",
            query={} if on else {"ignoreConflicts": "true"},
            body=_turning(ref, comment, on=on) if if_version is None else _turning_at(ref, if_version, comment, on=on),
            content_type=SEMANTIC_PATCH if if_version is None else JSON,
        )
        return self._read(flag_of, self._rest.send(request, timeout_s=timeout_s))

    def create_flag(self, project: str, flag: NewFlag) -> Flag:
        """Create a kill switch from LaunchDarkly's template; its targeting is off in every environment."""
        body = {
            "key": flag.key,
            "name": flag.name,
            "description": flag.description,
            "temporary": False,
            "tags": list(flag.tags),
            "variations": _VARIATIONS,
            "defaults": {"onVariation": 0, "offVariation": 1},
            "clientSideAvailability": {"usingEnvironmentId": False, "usingMobileKey": False},
        }
        path = f"/api/v2/flags/{quote(project, safe='')}"
        request = Request(method="POST", path=path, doing=f"create the flag {flag.key}", body=body)
        try:
            answer = self._rest.send(request)
        except NotFoundError as error:
            raise no_such_project(project) from error
        return self._read(flag_of, answer)

    def list_changes(self, ref: FlagRef, *, limit: int = 1) -> tuple[AuditEntry, ...]:
        """Return the newest audit entries about that flag in that environment, newest first."""
        spec = f"proj/{ref.project}:env/{ref.environment}:flag/{ref.key}"
        request = Request(
            method="GET", path="/api/v2/auditlog", doing="read the audit log", query={"spec": spec, "limit": limit}
        )
        entries = self._read_items(audit_entry_of, self._rest.send(request))
        return tuple(sorted(entries, key=lambda entry: entry.at_ms, reverse=True))

    def _flag_page(self, project: str, environment: str, *, offset: int) -> Any:
        query: dict[str, str | int] = {
            "env": environment,
            "summary": "0",
            "limit": _PAGE,
            "offset": offset,
            "sort": "key",
        }
        path = f"/api/v2/flags/{quote(project, safe='')}"
        try:
            return self._rest.send(Request(method="GET", path=path, doing="list the flags", query=query))
        except NotFoundError as error:
            raise no_such_environment(project, environment, self._environment_keys(project)) from error

    def _environment_keys(self, project: str) -> tuple[str, ...]:
        request = Request(
            method="GET", path=_environments_path(project), doing="list the environments", query={"limit": _PAGE}
        )
        try:
            answer = self._rest.send(request)
        except NotFoundError as error:
            raise no_such_project(project) from error
        return tuple(item.key for item in self._read_items(environment_of, answer))

    def _no_such_flag(self, project: str, key: str) -> OpsError:
        environments = self._environment_keys(project)
        flags = self.list_flags(project, environments[0]) if environments else ()
        return no_such_flag(project, key, [flag.key for flag in flags])

    def _read(self, translate: Callable[[Any], _T], answer: Any) -> _T:
        try:
            return translate(answer)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._rest.foreign_answer(error) from error

    def _read_items(self, translate: Callable[[Any], _T], answer: Any) -> list[_T]:
        return self._read(lambda page: [translate(item) for item in page["items"]], answer)


def no_such_flag(project: str, key: str, existing: Sequence[str]) -> OpsError:
    """Return the error for a flag key that is not there; the hint lists what may have been meant."""
    close = difflib.get_close_matches(key, existing, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    make = f"; opsctl flags create {key} makes it" if is_flag_key(key) else ""
    return OpsError(
        ErrorCode.FLAG_NOT_FOUND,
        f"there is no flag {key} in project {project}",
        hint=f"{hint}opsctl flags list shows all{make}",
    )


def no_such_project(project: str) -> OpsError:
    """Return the error for a project key that is not there."""
    return OpsError(
        ErrorCode.BAD_CONFIG,
        f"there is no project {project}, or the token may not see it",
        hint="set --project or LD_PROJECT; opsctl config show says where it came from",
    )


def _turning(ref: FlagRef, comment: str, *, on: bool) -> dict[str, Any]:
    instructions = [{"kind": "turnFlagOn" if on else "turnFlagOff"}]
    return {"environmentKey": ref.environment, "instructions": instructions, **_said(comment)}


def _turning_at(ref: FlagRef, version: int, comment: str, *, on: bool) -> dict[str, Any]:
    environment = f"/environments/{ref.environment.replace('~', '~0').replace('/', '~1')}"
    operations = [
        {"op": "test", "path": f"{environment}/version", "value": version},
        {"op": "replace", "path": f"{environment}/on", "value": on},
    ]
    return {"patch": operations, **_said(comment)}


def _said(comment: str) -> dict[str, str]:
    return {"comment": comment} if comment else {}


def _flag_path(project: str, key: str) -> str:
    return f"/api/v2/flags/{quote(project, safe='')}/{quote(key, safe='')}"


def _environments_path(project: str) -> str:
    return f"/api/v2/projects/{quote(project, safe='')}/environments"
