"""Changes of flags that are asked for and not made yet: approval requests and scheduled changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.changes import resource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opsctl.flagservice.model import ApprovalSettings, Token

PENDING, SCHEDULED, COMPLETED, FAILED = "pending", "scheduled", "completed", "failed"
"""The states of an approval request."""

APPROVE, DECLINE, COMMENT = "approve", "decline", "comment"
"""The kinds of review."""


@dataclass(frozen=True, slots=True)
class Place:
    """A flag's configuration in one environment; without an environment, the flag as it is in all of them."""

    project: str
    flag: str
    environment: str | None

    @property
    def resource(self) -> str:
        """Return its resource specifier."""
        return resource(self.project, self.flag, self.environment or "*")


@dataclass(frozen=True, slots=True)
class ScheduledChange:
    """Instructions that the service carries out itself, once, when their time has come.

    `approval_id` names the approval request that it was made by, where there is one.
    """

    id: str
    place: Place
    execution_ms: int
    instructions: tuple[Mapping[str, Any], ...]
    author: Token
    created_ms: int
    comment: str = ""
    version: int = 1
    approval_id: str | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """What one reviewer says of a request."""

    id: str
    kind: str
    comment: str
    reviewer: Token
    created_ms: int


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """Instructions that may be carried out once others have approved of them.

    With `execution_ms` they are then scheduled for that time; with `operating_on_id` they change that scheduled change
    and not the flag. `source` is the environment that they copy the configuration of, with its version.
    """

    id: str
    place: Place
    description: str
    instructions: tuple[Mapping[str, Any], ...]
    requestor: Token
    created_ms: int
    comment: str = ""
    notify_member_ids: tuple[str, ...] = ()
    notify_team_keys: tuple[str, ...] = ()
    execution_ms: int | None = None
    operating_on_id: str | None = None
    source: tuple[str, int] | None = None
    reviews: tuple[Review, ...] = ()
    status: str = PENDING
    applied_ms: int | None = None
    applied_by: Token | None = None
    version: int = 1

    def verdicts(self) -> dict[str, str]:
        """Return the last approval or refusal of each reviewer, by the id of their token."""
        return {review.reviewer.id: review.kind for review in self.reviews if review.kind != COMMENT}

    def review_status(self, settings: ApprovalSettings) -> str:
        """Return `approved` (it may be applied), `declined` or `pending`, by the rules of its environment."""
        verdicts = list(self.verdicts().values())
        approvals, declines = verdicts.count(APPROVE), verdicts.count(DECLINE)
        if declines and not settings.can_apply_declined_changes:
            return "declined"
        if approvals >= settings.min_num_approvals:
            return "approved"
        return "declined" if declines else "pending"
