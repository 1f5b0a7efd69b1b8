"""`/api/v2/projects/{project}/environments`, with the keys that SDKs use."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.credentials import new_environment_keys
from opsctl.flagservice.model import FormerKey
from opsctl.flagservice.reading import member, optional
from opsctl.flagservice.responses import json_response
from opsctl.flagservice.rest.container_bodies import new_environment
from opsctl.flagservice.rest.environment_patch import plan_environment_patch
from opsctl.flagservice.rest.filters import filter_fields, in_order, is_true, plus_separated
from opsctl.flagservice.rest.links import API, page
from opsctl.flagservice.rest.project_representation import environment_representation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from werkzeug.routing import Rule

    from opsctl.flagservice.auditing import Author
    from opsctl.flagservice.model import Environment
    from opsctl.flagservice.rest.call import Authenticated, Call
    from opsctl.flagservice.store import Store


class EnvironmentRoutes:
    """The routes of environments."""

    def __init__(self, store: Store, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._now_ms = now_ms

    def rules(self, authenticated: Authenticated) -> Iterator[Rule]:
        """Yield the routes."""
        environments = f"{API}/projects/<project>/environments"
        yield authenticated.rule(environments, "GET", self.list)
        yield authenticated.rule(environments, "POST", self.create)
        yield authenticated.rule(f"{environments}/<key>", "GET", self.get)
        yield authenticated.rule(f"{environments}/<key>", "PATCH", self.patch)
        yield authenticated.rule(f"{environments}/<key>", "DELETE", self.delete)
        yield authenticated.rule(f"{environments}/<key>/apiKey", "POST", self.rotate_sdk_key)
        yield authenticated.rule(f"{environments}/<key>/mobileKey", "POST", self.rotate_mobile_key)

    def list(self, call: Call, project: str) -> Response:
        """List a project's environments, in the order they were made or by `sort`."""
        fields = filter_fields(call.text("filter"), ("query", "tags", "critical"))
        is_critical = is_true("critical", fields.get("critical"))
        found = [one for one in self._store.project(project).environments if _matches(one, fields, is_critical)]
        ordered = in_order(found, call.text("sort"), _SORT_KEYS, default="createdOn")
        return json_response(page(call, ordered, lambda one: environment_representation(project, one)))

    def get(self, _: Call, project: str, key: str) -> Response:
        """Return one environment."""
        return json_response(environment_representation(project, self._store.environment(project, key)))

    def create(self, call: Call, project: str) -> Response:
        """Create an environment with keys of its own; flags are off in it, or as they are in its `source`."""
        body = call.object_body()
        owner = self._store.project(project)
        source = member(optional(body, "source", dict) or {}, "key", str, "") or None
        if source is not None and owner.environment(source) is None:
            raise invalid_request(f"there is no environment {source!r} to be the source")
        environment = new_environment(body, self._now_ms())
        created = self._store.containers.create_environment(project, environment, call.author(), source=source)
        return json_response(environment_representation(project, created), 201)

    def patch(self, call: Call, project: str, key: str) -> Response:
        """Change an environment by a JSON patch."""
        operations, author = call.json_patch()
        return self._changed(project, key, plan_environment_patch(project, operations), author)

    def delete(self, call: Call, project: str, key: str) -> Response:
        """Delete an environment; its SDKs are sent away."""
        self._store.containers.delete_environment(project, key, call.author())
        return Response(status=204)

    def rotate_sdk_key(self, call: Call, project: str, key: str) -> Response:
        """Give the environment a new SDK key; the old one is good until `expiry` (ms), by default no longer."""
        now_ms, expiry_ms = self._now_ms(), call.number("expiry", 0)

        def plan(environment: Environment) -> Environment:
            former = (*environment.former_sdk_keys, FormerKey(environment.sdk_key, expiry_ms))
            return replace(
                environment,
                sdk_key=new_environment_keys().sdk_key,
                former_sdk_keys=tuple(one for one in former if now_ms < one.expiry_ms),
            )

        return self._changed(project, key, plan, call.author())

    def rotate_mobile_key(self, call: Call, project: str, key: str) -> Response:
        """Give the environment a new mobile key; the old one is good no longer."""
        new = new_environment_keys().mobile_key
        return self._changed(project, key, lambda environment: replace(environment, mobile_key=new), call.author())

    def _changed(self, project: str, key: str, plan: Callable[[Environment], Environment], author: Author) -> Response:
        changed = self._store.containers.change_environment(project, key, plan, author)
        return json_response(environment_representation(project, changed))


def _matches(environment: Environment, fields: dict[str, str], is_critical: bool | None) -> bool:  # noqa: FBT001 - a filter
    return (
        fields.get("query", "").lower() in f"{environment.key}\n{environment.name}".lower()
        and plus_separated(fields.get("tags", "").lower()) <= {tag.lower() for tag in environment.tags}
        and is_critical in (None, environment.critical)
    )


_SORT_KEYS: dict[str, Callable[[Environment], Any]] = {
    "createdOn": lambda environment: environment.created_ms,
    "critical": lambda environment: environment.critical,
    "name": lambda environment: environment.name.lower(),
}
