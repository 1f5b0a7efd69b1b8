"""LaunchDarkly's scheduled changes of a flag, behind `Schedules` of `opsctl.core.ports`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from opsctl.adapters.launchdarkly_http import NotFoundError, Request
from opsctl.adapters.launchdarkly_json import audit_entry_of
from opsctl.core.errors import OpsError
from opsctl.core.scheduling import ScheduledChange, mark_of
from opsctl.core.wire import exact

if TYPE_CHECKING:
    from opsctl.adapters.launchdarkly_http import RestConnection
    from opsctl.core.flags import FlagRef

_AROUND_MS = 3000
"""The audit log's entry and the scheduled change that it is about are dated one after the other, by one clock."""
_ENTRIES = 20


class LaunchDarklySchedules:
    """Scheduled changes over one connection. What opsctl made is known by the comments in the audit log."""

    def __init__(self, rest: RestConnection) -> None:
        self._rest = rest

    def list_scheduled(self, ref: FlagRef, *, timeout_s: float | None = None) -> tuple[ScheduledChange, ...]:
        """Return what is scheduled for the flag in its environment, in the order of time.

        Where the audit log cannot be read, none counts as opsctl's.
        """
        request = Request(method="GET", path=_path(ref), doing=f"list the scheduled changes of {ref.key}")
        answer = self._rest.send(request, timeout_s=timeout_s)
        try:
            found = [_scheduled(item) for item in answer["items"]]
        except (KeyError, TypeError) as error:
            raise self._rest.foreign_answer(error) from error
        marked = (
            replace(one, is_ours=one.only_turns_on and self._is_marked(ref, one, timeout_s=timeout_s)) for one in found
        )
        return tuple(sorted(marked, key=lambda one: one.at_ms))

    def schedule_restore(
        self, ref: FlagRef, *, at_ms: int, comment: str, timeout_s: float | None = None
    ) -> ScheduledChange:
        """Have the flag turned on at that moment, by the provider's clock."""
        request = Request(
            method="POST",
            path=_path(ref),
            doing=f"schedule turning on the flag {ref.key}",
            body={"executionDate": at_ms, "instructions": [{"kind": "turnFlagOn"}], "comment": comment},
        )
        answer = self._rest.send(request, timeout_s=timeout_s)
        try:
            return replace(_scheduled(answer), is_ours=True)
        except (KeyError, TypeError) as error:
            raise self._rest.foreign_answer(error) from error

    def withdraw(self, ref: FlagRef, change: ScheduledChange, *, timeout_s: float | None = None) -> None:
        """Take a scheduled change off the schedule; one that is not on it any more is no error."""
        path = f"{_path(ref)}/{quote(change.id, safe='')}"
        request = Request(method="DELETE", path=path, doing=f"withdraw a scheduled change of {ref.key}")
        try:
            self._rest.send(request, timeout_s=timeout_s)
        except NotFoundError:
            return

    def ahead_s(self) -> float | None:
        """Return by how much the provider's clock is ahead of this machine's, going by its last answer."""
        return self._rest.ahead_s

    def _is_marked(self, ref: FlagRef, change: ScheduledChange, *, timeout_s: float | None) -> bool:
        query: dict[str, str | int] = {
            "spec": f"proj/{ref.project}:env/{ref.environment}:flag/{ref.key}",
            "after": change.created_ms - _AROUND_MS,
            "before": change.created_ms + _AROUND_MS,
            "limit": _ENTRIES,
        }
        request = Request(method="GET", path="/api/v2/auditlog", doing="read the audit log", query=query)
        try:
            items = self._rest.send(request, timeout_s=timeout_s)["items"]
            comments = [audit_entry_of(item).comment for item in items]
        except (OpsError, KeyError, TypeError, AttributeError):
            return False
        return any(mark_of(change.at_ms) in comment for comment in comments)


def _scheduled(value: Any) -> ScheduledChange:
    return ScheduledChange(
        id=exact(value["_id"], str),
        at_ms=exact(value["executionDate"], int),
        created_ms=exact(value["_creationDate"], int),
        instructions=tuple(exact(one["kind"], str) for one in value["instructions"]),
    )


def _path(ref: FlagRef) -> str:
    project, flag, environment = (quote(part, safe="") for part in (ref.project, ref.key, ref.environment))
    return f"/api/v2/projects/{project}/flags/{flag}/environments/{environment}/scheduled-changes"
