"""The `filter` of the list of approval requests: `field equals value, field anyOf ["a", "b"]`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.pending_documents import person_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opsctl.flagservice.model import ApprovalSettings
    from opsctl.flagservice.pending_model import ApprovalRequest

_CONDITION = re.compile(r'\s*(\w+)\s+(equals|anyOf)\s+(\[[^\]]*\]|"[^"]*"|[^,\s]+)\s*(?:,|$)')
_FIELDS = frozenset(
    {
        *("notifyMemberIds", "requestorId", "resourceId", "resourceKind", "reviewStatus", "status"),
        *("projectKey", "environmentKey", "flagKey"),
    }
)


@dataclass(frozen=True, slots=True)
class ApprovalQuery:
    """For each field that is asked about, the values of which one must be there."""

    wanted: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, text: str | None) -> ApprovalQuery:
        """Read a filter.

        Raises:
            ApiError: 400, it cannot be read, or names a field that there is not.
        """
        wanted: dict[str, frozenset[str]] = {}
        position = 0
        while position < len(text or ""):
            condition = _CONDITION.match(text or "", position)
            if condition is None:
                raise invalid_request('a filter reads: field equals value, field anyOf ["value", "value"]')
            field, operator, value = condition.groups()
            if field not in _FIELDS:
                raise invalid_request(f"approval requests cannot be filtered by {field!r}")
            wanted[field] = _values(value) if operator == "anyOf" else frozenset({value.strip('"')})
            position = condition.end()
        return cls(wanted)

    def matches(self, request: ApprovalRequest, settings: ApprovalSettings) -> bool:
        """Whether every condition holds of a request."""
        place = request.place
        known = {
            "notifyMemberIds": set(request.notify_member_ids),
            "requestorId": {person_id(request.requestor)},
            "resourceId": {place.resource},
            "resourceKind": {"flag"},
            "reviewStatus": {request.review_status(settings)},
            "status": {request.status},
            "projectKey": {place.project},
            "environmentKey": set() if place.environment is None else {place.environment},
            "flagKey": {place.flag},
        }
        return all(not known[field].isdisjoint(values) for field, values in self.wanted.items())


def _values(text: str) -> frozenset[str]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise invalid_request('anyOf needs a list: ["value", "value"]') from error
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise invalid_request('anyOf needs a list: ["value", "value"]')
    return frozenset(values)
