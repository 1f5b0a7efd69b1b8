"""`/api/v2/flags`: list, get, create, delete. Changing one is in `flag_patch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.cloning import cloned_flag
from opsctl.flagservice.creation import new_flag
from opsctl.flagservice.responses import json_response
from opsctl.flagservice.rest.flag_patch import plan_patch
from opsctl.flagservice.rest.flag_query import environments_of, flag_query, sorted_flags
from opsctl.flagservice.rest.flag_representation import flag_representation
from opsctl.flagservice.rest.links import API, page
from opsctl.flagservice.validation import require_unneeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from werkzeug.routing import Rule

    from opsctl.flagservice.guard import Guard
    from opsctl.flagservice.model import Flag, Project
    from opsctl.flagservice.rest.call import Authenticated, Call
    from opsctl.flagservice.rest.flag_query import FlagQuery
    from opsctl.flagservice.store import Store
    from opsctl.flagservice.usage import Usage


class FlagRoutes:
    """The routes of flags."""

    def __init__(self, store: Store, now_ms: Callable[[], int], guard: Guard, usage: Usage) -> None:
        self._store = store
        self._now_ms = now_ms
        self._guard = guard
        self._usage = usage

    def rules(self, authenticated: Authenticated) -> Iterator[Rule]:
        """Yield the routes."""
        yield authenticated.rule(f"{API}/flags/<project>", "GET", self.list)
        yield authenticated.rule(f"{API}/flags/<project>", "POST", self.create)
        yield authenticated.rule(f"{API}/flags/<project>/<key>", "GET", self.get)
        yield authenticated.rule(f"{API}/flags/<project>/<key>", "PATCH", self.patch)
        yield authenticated.rule(f"{API}/flags/<project>/<key>", "DELETE", self.delete)

    def list(self, call: Call, project: str) -> Response:
        """List flags: in short form, and with environments only when it is filtered by environment."""
        owner = self._store.project(project)
        query = flag_query(call)
        _require_environments(owner, query.environments)
        is_summary = call.flag("summary", default=True)
        selected = query.select(self._store.flags(project).values())
        used = [flag for flag in selected if self._is_used(flag, owner, query)]
        flags = sorted_flags(used, query, call.text("sort"))
        body = page(
            call,
            flags,
            lambda flag: flag_representation(flag, owner, environments=query.environments, is_summary=is_summary),
        )
        return json_response(body)

    def get(self, call: Call, project: str, key: str) -> Response:
        """Return one flag, with all its environments or those that `env` names."""
        owner = self._store.project(project)
        flag = self._store.flag(project, key)
        wanted = environments_of(call)
        _require_environments(owner, wanted)
        return json_response(flag_representation(flag, owner, environments=wanted or None))

    def create(self, call: Call, project: str) -> Response:
        """Create a flag; `clone` names one whose targeting it takes over, and whatever the body does not say."""
        owner, body, now_ms = self._store.project(project), call.object_body(), self._now_ms()
        clone, flags = call.text("clone"), self._store.flags(project)
        if clone is None:
            flag = new_flag(body, owner, now_ms, flags)
        else:
            flag = cloned_flag(self._store.flag(project, clone), body, owner, now_ms, flags)
        created = self._store.create_flag(project, flag, call.author())
        return json_response(flag_representation(created, owner), 201)

    def patch(self, call: Call, project: str, key: str) -> Response:
        """Change a flag by a semantic patch, a JSON patch or a merge patch; `dryRun` only shows what would be."""
        owner = self._store.project(project)
        self._store.flag(project, key)
        change = plan_patch(call, self._store.flags(project), self._now_ms())
        if change.deletes:
            self._guard.require_deletable(project, key)
        is_dry = call.flag("dryRun", default=False)
        plan = self._guard.checked(
            project, change.plan, ignore_conflicts=call.flag("ignoreConflicts", default=False) or change.deletes
        )
        if is_dry or change.deletes:
            flag = self._store.preview_flag(project, key, plan)
            if change.deletes:
                require_unneeded(key, self._store.flags(project))
            if not is_dry:
                self._store.delete_flag(project, key, change.author)
        else:
            flag = self._store.change_flag(project, key, plan, change.author)
        return json_response(flag_representation(flag, owner))

    def delete(self, call: Call, project: str, key: str) -> Response:
        """Delete a flag, where no environment requires approval."""
        self._guard.require_deletable(project, key)
        self._store.delete_flag(project, key, call.author())
        return Response(status=204)

    def _is_used(self, flag: Flag, owner: Project, query: FlagQuery) -> bool:
        """Whether it was evaluated as lately as is asked for, in any of the environments that are."""
        if query.evaluated_after_ms is None:
            return True
        uses = [self._usage.flag_use(one.id, flag.key) for one in owner.environments if one.key in query.environments]
        return any(use is not None and use.last_requested_ms > query.evaluated_after_ms for use in uses)


def _require_environments(project: Project, keys: Iterable[str]) -> None:
    for key in keys:
        if project.environment(key) is None:
            raise invalid_request(f"there is no environment {key!r} in project {project.key!r}")
