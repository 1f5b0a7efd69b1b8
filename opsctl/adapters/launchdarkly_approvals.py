"""LaunchDarkly's approval requests for a flag, behind `Approvals` of `opsctl.core.ports`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from opsctl.adapters.launchdarkly_http import Request
from opsctl.core.addresses import is_loopback_url
from opsctl.core.wire import exact

if TYPE_CHECKING:
    from opsctl.adapters.launchdarkly_http import RestConnection
    from opsctl.core.approving import ApprovalRequest
    from opsctl.core.flags import FlagRef
    from opsctl.settings import Settings

_OPEN = frozenset({"pending", "scheduled"})


class LaunchDarklyApprovals:
    """Approval requests over one connection."""

    def __init__(self, rest: RestConnection, settings: Settings) -> None:
        self._rest = rest
        self._address = settings.api_uri
        self._has_pages = not is_loopback_url(settings.api_uri)

    def list_open(self, ref: FlagRef, *, timeout_s: float | None = None) -> tuple[ApprovalRequest, ...]:
        """Return the requests for the flag in its environment that were not carried out yet, the newest first."""
        request = Request(method="GET", path=_path(ref), doing=f"list the approval requests of {ref.key}")
        answer = self._rest.send(request, timeout_s=timeout_s)
        try:
            found = [self._read(ref, item) for item in answer["items"] if exact(item["status"], str) in _OPEN]
        except (KeyError, TypeError) as error:
            raise self._rest.foreign_answer(error) from error
        return tuple(sorted(found, key=lambda one: one.created_ms, reverse=True))

    def ask(self, ref: FlagRef, *, on: bool, comment: str, timeout_s: float | None = None) -> ApprovalRequest:
        """Ask for approval to turn targeting on or off; the comment is what reviewers read first."""
        what = "Restore" if on else "Kill"
        body: dict[str, Any] = {
            "description": f"{what} {ref.key}: {comment}" if comment else f"{what} {ref.key}",
            "instructions": [{"kind": "turnFlagOn" if on else "turnFlagOff"}],
            "comment": comment,
        }
        request = Request(method="POST", path=_path(ref), doing=f"ask for approval to change {ref.key}", body=body)
        answer = self._rest.send(request, timeout_s=timeout_s)
        try:
            return replace(self._read(ref, answer), is_new=True)
        except (KeyError, TypeError) as error:
            raise self._rest.foreign_answer(error) from error

    def apply(self, ref: FlagRef, request: ApprovalRequest, *, comment: str, timeout_s: float | None = None) -> None:
        """Carry out a request that was approved."""
        path = f"{_path(ref)}/{quote(request.id, safe='')}/apply"
        doing = f"carry out the approved change of {ref.key}"
        self._rest.send(Request(method="POST", path=path, doing=doing, body={"comment": comment}), timeout_s=timeout_s)

    def place_of(self, ref: FlagRef) -> str:
        """Return the flag's page; where the provider has no pages, the address of its approval requests."""
        if not self._has_pages:
            return f"{self._address}{_path(ref)}"
        parts = (ref.project, ref.environment, "features", ref.key)
        return f"{self._address}/{'/'.join(quote(part, safe='') for part in parts)}"

    def _read(self, ref: FlagRef, item: Any) -> ApprovalRequest:
        from opsctl.core.approving import ApprovalRequest  # noqa: PLC0415 - few flags have one

        request_id = exact(item["_id"], str)
        return ApprovalRequest(
            id=request_id,
            created_ms=exact(item["creationDate"], int),
            instructions=tuple(exact(one["kind"], str) for one in item["instructions"]),
            review=exact(item["reviewStatus"], str),
            description=exact(item.get("description", ""), str),
            url=self.place_of(ref) if self._has_pages else f"{self.place_of(ref)}/{quote(request_id, safe='')}",
        )


def _path(ref: FlagRef) -> str:
    project, flag, environment = (quote(part, safe="") for part in (ref.project, ref.key, ref.environment))
    return f"/api/v2/projects/{project}/flags/{flag}/environments/{environment}/approval-requests"
