"""`/api/v2/flag-status`, `/api/v2/flag-statuses` and `/api/v2/usage/evaluations`: what events told of flags."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import invalid_request, not_found
from opsctl.flagservice.documents import without_nulls
from opsctl.flagservice.flag_status import flag_status, latest_use
from opsctl.flagservice.responses import json_response
from opsctl.flagservice.rest.flag_query import environments_of
from opsctl.flagservice.rest.links import API, address, link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.routing import Rule
    from werkzeug.wrappers import Response

    from opsctl.flagservice.model import Flag, Project
    from opsctl.flagservice.rest.call import Authenticated, Call
    from opsctl.flagservice.store import Store
    from opsctl.flagservice.usage import Usage

_MONTH_MS = 30 * 24 * 60 * 60 * 1000


class FlagStatusRoutes:
    """The routes of flag statuses and of counts of evaluations."""

    def __init__(self, store: Store, usage: Usage) -> None:
        self._store = store
        self._usage = usage

    def rules(self, authenticated: Authenticated) -> Iterator[Rule]:
        """Yield the routes."""
        statuses = f"{API}/flag-statuses/<project>/<environment>"
        yield authenticated.rule(f"{API}/flag-status/<project>/<key>", "GET", self.across_environments)
        yield authenticated.rule(statuses, "GET", self.list)
        yield authenticated.rule(f"{statuses}/<key>", "GET", self.get)
        evaluations = f"{API}/usage/evaluations/<project>/<environment>/<key>"
        yield authenticated.rule(evaluations, "GET", self.evaluations)

    def across_environments(self, call: Call, project: str, key: str) -> Response:
        """Return the status of a flag in every environment, or those that `env` names."""
        owner, flag = self._store.project(project), self._store.flag(project, key)
        wanted = environments_of(call) or {one.key for one in owner.environments}
        for environment in wanted:
            if owner.environment(environment) is None:
                raise not_found(f"there is no environment {environment!r} in project {project!r}")
        environments = {one: self._status(owner, flag, one) for one in flag.environments if one in wanted}
        links = {
            "parent": link(f"{API}/flags/{project}/{key}"),
            "self": link(f"{API}/flag-status/{project}/{key}"),
        }
        return json_response({"key": key, "environments": environments, "_links": links})

    def list(self, call: Call, project: str, environment: str) -> Response:
        """List the statuses of all flags in an environment."""
        owner = self._store.project(project)
        self._store.environment(project, environment)
        items = [
            self._linked_status(owner, flag, environment)
            for flag in self._store.flags(project).values()
            if environment in flag.environments
        ]
        return json_response({"_links": {"self": link(address(call))}, "items": items})

    def get(self, _: Call, project: str, environment: str, key: str) -> Response:
        """Return the status of one flag in one environment."""
        self._store.environment(project, environment)
        flag = self._store.flag(project, key)
        return json_response(self._linked_status(self._store.project(project), flag, environment))

    def evaluations(self, call: Call, project: str, environment: str, key: str) -> Response:
        """Return how often each variation was served, by `from` and `to` (ms), in minutes, hours or days."""
        environment_id = self._store.environment(project, environment).id
        flag = self._store.flag(project, key)
        if call.text("tz") not in {None, "UTC", "Etc/UTC"}:
            raise invalid_request("days are those of UTC here: tz must be UTC")
        until_ms = call.number("to", self._store.ledger.now_ms())
        since_ms = call.number("from", max(0, until_ms - _MONTH_MS))
        if since_ms > until_ms:
            raise invalid_request("from must not be later than to")
        counts = self._usage.evaluations(environment_id, key, since_ms, until_ms)
        served = sorted({one for of_time in counts.values() for one in of_time}, key=lambda one: (one is None, one))
        series = [
            {"time": begin_ms, **{str(place): of_time.get(one, 0) for place, one in enumerate(served)}}
            for begin_ms, of_time in counts.items()
        ]
        metadata = [_series_metadata(flag, place, variation) for place, variation in enumerate(served)]
        links = {"self": link(address(call)), "parent": link(f"{API}/flags/{project}/{key}")}
        return json_response({"_links": links, "metadata": metadata, "series": series})

    def _linked_status(self, project: Project, flag: Flag, environment: str) -> dict[str, Any]:
        links = {
            "parent": link(f"{API}/flags/{project.key}/{flag.key}"),
            "self": link(f"{API}/flag-statuses/{project.key}/{environment}/{flag.key}"),
        }
        return self._status(project, flag, environment) | {"_links": links}

    def _status(self, project: Project, flag: Flag, environment: str) -> dict[str, Any]:
        environment_id = self._store.environment(project.key, environment).id
        use = latest_use(flag, self._usage.flag_use(environment_id, flag.key))
        status = flag_status(flag, environment, use, self._store.ledger.now_ms())
        seen = {} if use is None else {"lastRequested": iso_time(use.last_requested_ms), "default": use.default}
        return {"name": status.value, **without_nulls(seen)}


def iso_time(epoch_ms: int) -> str:
    """Return a time as the few members of the REST API have it that are no numbers."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _series_metadata(flag: Flag, place: int, variation: int | None) -> dict[str, Any]:
    if variation is None:
        return {"key": str(place), "name": "Fallback value"}
    if variation >= len(flag.variations):
        return {"key": str(place), "variation": variation}
    known = flag.variations[variation]
    named = {"_id": known.id, "name": known.name, "value": known.value}
    return {"key": str(place), "variation": variation, **without_nulls(named)}
