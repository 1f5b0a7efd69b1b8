"""`/api/v2/projects`, and what new flags of a project begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from opsctl.flagservice.api_errors import not_found
from opsctl.flagservice.responses import json_response
from opsctl.flagservice.rest.container_bodies import new_project
from opsctl.flagservice.rest.filters import filter_fields, in_order, plus_separated
from opsctl.flagservice.rest.links import API, page
from opsctl.flagservice.rest.project_patch import plan_defaults_patch, plan_new_defaults, plan_project_patch
from opsctl.flagservice.rest.project_representation import (
    changed_project_representation,
    defaults_representation,
    project_representation,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from werkzeug.routing import Rule

    from opsctl.flagservice.auditing import Author
    from opsctl.flagservice.model import Project
    from opsctl.flagservice.rest.call import Authenticated, Call
    from opsctl.flagservice.store import Store


class ProjectRoutes:
    """The routes of projects."""

    def __init__(self, store: Store, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._now_ms = now_ms

    def rules(self, authenticated: Authenticated) -> Iterator[Rule]:
        """Yield the routes."""
        projects = f"{API}/projects"
        yield authenticated.rule(projects, "GET", self.list)
        yield authenticated.rule(projects, "POST", self.create)
        yield authenticated.rule(f"{projects}/<project>", "GET", self.get)
        yield authenticated.rule(f"{projects}/<project>", "PATCH", self.patch)
        yield authenticated.rule(f"{projects}/<project>", "DELETE", self.delete)
        yield authenticated.rule(f"{projects}/<project>/flag-defaults", "GET", self.get_defaults)
        yield authenticated.rule(f"{projects}/<project>/flag-defaults", "PUT", self.put_defaults)
        yield authenticated.rule(f"{projects}/<project>/flag-defaults", "PATCH", self.patch_defaults)

    def list(self, call: Call) -> Response:
        """List projects, by name or `sort`; `expand=environments` shows those too."""
        fields = filter_fields(call.text("filter"), ("query", "tags", "keys"))
        projects = [one for one in self._store.projects() if _matches(one, fields)]
        is_expanded = _is_expanded(call)
        ordered = in_order(projects, call.text("sort"), _SORT_KEYS, default="name")
        return json_response(page(call, ordered, lambda one: project_representation(one, is_expanded=is_expanded)))

    def get(self, call: Call, project: str) -> Response:
        """Return one project."""
        return json_response(project_representation(self._store.project(project), is_expanded=_is_expanded(call)))

    def create(self, call: Call) -> Response:
        """Create a project, with the environments that the body names."""
        project = new_project(call.object_body(), self._now_ms())
        created = self._store.containers.create_project(project, call.author())
        return json_response(changed_project_representation(created), 201)

    def patch(self, call: Call, project: str) -> Response:
        """Change a project by a JSON patch."""
        operations, author = call.json_patch()
        return self._changed(project, plan_project_patch(operations), author, changed_project_representation)

    def delete(self, call: Call, project: str) -> Response:
        """Delete a project with all that is in it."""
        self._store.containers.delete_project(project, call.author())
        return Response(status=204)

    def get_defaults(self, _: Call, project: str) -> Response:
        """Return what new flags begin with."""
        owner = self._store.project(project)
        if owner.flag_defaults is None:
            raise not_found(f"project {project!r} has no flag defaults")
        return json_response(defaults_representation(owner, owner.flag_defaults))

    def put_defaults(self, call: Call, project: str) -> Response:
        """Say what new flags begin with."""
        return self._changed(project, plan_new_defaults(call.object_body()), call.author(), _defaults)

    def patch_defaults(self, call: Call, project: str) -> Response:
        """Change what new flags begin with."""
        return self._changed(project, plan_defaults_patch(call.body()), call.author(), _defaults)

    def _changed(
        self,
        project: str,
        plan: Callable[[Project], Project],
        author: Author,
        represent: Callable[[Project], dict[str, Any]],
    ) -> Response:
        return json_response(represent(self._store.containers.change_project(project, plan, author)))


def _defaults(project: Project) -> dict[str, Any]:
    defaults = project.flag_defaults
    return {} if defaults is None else defaults_representation(project, defaults)


def _is_expanded(call: Call) -> bool:
    return "environments" in (call.text("expand") or "").split(",")


def _matches(project: Project, fields: dict[str, str]) -> bool:
    keys = fields.get("keys")
    return (
        fields.get("query", "").lower() in f"{project.key}\n{project.name}".lower()
        and plus_separated(fields.get("tags", "").lower()) <= {tag.lower() for tag in project.tags}
        and (keys is None or project.key.lower() in keys.lower().split("|"))
    )


_SORT_KEYS: dict[str, Callable[[Project], Any]] = {
    "name": lambda project: project.name.lower(),
    "createdOn": lambda project: project.created_ms,
}
