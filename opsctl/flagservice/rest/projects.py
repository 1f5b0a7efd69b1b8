"""`/api/v2/projects` and their environments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import invalid_request, not_found
from opsctl.flagservice.credentials import new_environment_keys
from opsctl.flagservice.model import Environment
from opsctl.flagservice.reading import member, resource_key, texts
from opsctl.flagservice.responses import json_response
from opsctl.flagservice.rest.environment_patch import plan_environment_patch
from opsctl.flagservice.rest.links import API, link, page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from werkzeug.routing import Rule
    from werkzeug.wrappers import Response

    from opsctl.flagservice.model import Project
    from opsctl.flagservice.rest.call import Authenticated, Call
    from opsctl.flagservice.store import Store


class ProjectRoutes:
    """The routes of projects and environments."""

    def __init__(self, store: Store, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._now_ms = now_ms

    def rules(self, authenticated: Authenticated) -> Iterator[Rule]:
        """Yield the routes."""
        environments = f"{API}/projects/<project>/environments"
        yield authenticated.rule(f"{API}/projects", "GET", self.list)
        yield authenticated.rule(f"{API}/projects/<project>", "GET", self.get)
        yield authenticated.rule(environments, "GET", self.list_environments)
        yield authenticated.rule(environments, "POST", self.create_environment)
        yield authenticated.rule(f"{environments}/<key>", "GET", self.get_environment)
        yield authenticated.rule(f"{environments}/<key>", "PATCH", self.patch_environment)

    def list(self, call: Call) -> Response:
        """List projects; `expand=environments` shows those too."""
        call.refuse_parameters("filter", "sort")
        projects = sorted(self._store.projects(), key=lambda project: project.name.lower())
        return json_response(page(call, projects, lambda project: _project(project, is_expanded=_is_expanded(call))))

    def get(self, call: Call, project: str) -> Response:
        """Return one project."""
        return json_response(_project(self._store.project(project), is_expanded=_is_expanded(call)))

    def list_environments(self, call: Call, project: str) -> Response:
        """List a project's environments, in the order they were made or by `sort`."""
        call.refuse_parameters("filter")
        owner = self._store.project(project)
        environments = _sorted(owner.environments, call.text("sort"))
        return json_response(page(call, environments, lambda environment: _environment(owner.key, environment)))

    def get_environment(self, _: Call, project: str, key: str) -> Response:
        """Return one environment."""
        environment = self._store.project(project).environment(key)
        if environment is None:
            raise not_found(f"there is no environment {key!r} in project {project!r}")
        return json_response(_environment(project, environment))

    def create_environment(self, call: Call, project: str) -> Response:
        """Create an environment with keys of its own; every flag is off in it."""
        body = call.object_body()
        keys = new_environment_keys()
        environment = Environment(
            key=resource_key(body),
            name=member(body, "name", str),
            color=member(body, "color", str),
            id=keys.client_side_id,
            sdk_key=keys.sdk_key,
            mobile_key=keys.mobile_key,
            created_ms=self._now_ms(),
            default_ttl=member(body, "defaultTtl", int, 0),
            secure_mode=member(body, "secureMode", bool, False),
            default_track_events=member(body, "defaultTrackEvents", bool, False),
            require_comments=member(body, "requireComments", bool, False),
            confirm_changes=member(body, "confirmChanges", bool, False),
            critical=member(body, "critical", bool, False),
            tags=texts(body, "tags", []),
        )
        created = self._store.containers.create_environment(project, environment, call.author())
        return json_response(_environment(project, created), 201)

    def patch_environment(self, call: Call, project: str, key: str) -> Response:
        """Change an environment by a JSON patch."""
        plan = plan_environment_patch(call.body())
        return json_response(
            _environment(project, self._store.containers.change_environment(project, key, plan, call.author()))
        )


def _is_expanded(call: Call) -> bool:
    return "environments" in (call.text("expand") or "").split(",")


def _sorted(environments: tuple[Environment, ...], sort: str | None) -> list[Environment]:
    name = sort or "createdOn"
    keys: dict[str, Callable[[Environment], Any]] = {
        "createdOn": lambda environment: environment.created_ms,
        "critical": lambda environment: environment.critical,
        "name": lambda environment: environment.name.lower(),
    }
    if name.removeprefix("-") not in keys:
        raise invalid_request(f"environments cannot be sorted by {name!r}")
    return sorted(environments, key=keys[name.removeprefix("-")], reverse=name.startswith("-"))


def _project(project: Project, *, is_expanded: bool) -> dict[str, Any]:
    address = f"{API}/projects/{project.key}"
    representation: dict[str, Any] = {
        "_links": {"self": link(address), "environments": link(f"{address}/environments")},
        "_id": project.id,
        "key": project.key,
        "name": project.name,
        "includeInSnippetByDefault": False,
        "defaultClientSideAvailability": {"usingMobileKey": False, "usingEnvironmentId": False},
        "tags": list(project.tags),
    }
    if is_expanded:
        items = [_environment(project.key, environment) for environment in project.environments]
        links = {"self": link(f"{address}/environments")}
        representation["environments"] = {"items": items, "totalCount": len(items), "_links": links}
    return representation


def _environment(project: str, environment: Environment) -> dict[str, Any]:
    return {
        "_links": {"self": link(f"{API}/projects/{project}/environments/{environment.key}")},
        "_id": environment.id,
        "key": environment.key,
        "name": environment.name,
        "apiKey": environment.sdk_key,
        "mobileKey": environment.mobile_key,
        "color": environment.color,
        "defaultTtl": environment.default_ttl,
        "secureMode": environment.secure_mode,
        "defaultTrackEvents": environment.default_track_events,
        "requireComments": environment.require_comments,
        "confirmChanges": environment.confirm_changes,
        "tags": list(environment.tags),
        "critical": environment.critical,
    }
