"""Pending changes as JSON, the way the REST API shows them and the audit log keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.flagservice.documents import without_nulls
from opsctl.flagservice.model import MEMBER_ID

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opsctl.flagservice.conflicts import Conflict
    from opsctl.flagservice.model import ApprovalSettings, Token
    from opsctl.flagservice.pending_model import ApprovalRequest, Review, ScheduledChange


def scheduled_change_document(change: ScheduledChange, conflicts: Iterable[Conflict] = ()) -> dict[str, Any]:
    """Return a scheduled change, without links."""
    return {
        "_id": change.id,
        "_creationDate": change.created_ms,
        "_maintainerId": MEMBER_ID,
        **({"_maintainerServiceTokenId": change.author.id} if change.author.service_token else {}),
        "_version": change.version,
        "executionDate": change.execution_ms,
        "instructions": [dict(one) for one in change.instructions],
        "conflicts": [one.to_wire() for one in conflicts],
    }


def request_document(
    request: ApprovalRequest, settings: ApprovalSettings, conflicts: Iterable[Conflict] = ()
) -> dict[str, Any]:
    """Return an approval request, without links."""
    source = None if request.source is None else {"key": request.source[0], "version": request.source[1]}
    applied_by = (
        {} if request.applied_by is None else _by(request.applied_by, "appliedByMemberId", "appliedByServiceTokenId")
    )
    return {
        "_id": request.id,
        "_version": request.version,
        "creationDate": request.created_ms,
        "serviceKind": "launchdarkly",
        "requestorId": person_id(request.requestor),
        "description": request.description,
        "reviewStatus": request.review_status(settings),
        "allReviews": [_review(review) for review in request.reviews],
        "notifyMemberIds": list(request.notify_member_ids),
        "notifyTeamKeys": list(request.notify_team_keys),
        "status": request.status,
        "instructions": [dict(one) for one in request.instructions],
        "conflicts": [one.to_wire() for one in conflicts],
        **applied_by,
        **without_nulls(
            {
                "appliedDate": request.applied_ms,
                "executionDate": request.execution_ms,
                "operatingOnId": request.operating_on_id,
                "source": source,
            }
        ),
    }


def _review(review: Review) -> dict[str, Any]:
    return {
        "_id": review.id,
        "kind": review.kind,
        "creationDate": review.created_ms,
        "comment": review.comment,
        **_by(review.reviewer, "memberId", "serviceTokenId"),
    }


def person_id(token: Token) -> str:
    """Return who is behind a token: itself, when it is a service's, or the member."""
    return token.id if token.service_token else MEMBER_ID


def _by(token: Token, member: str, service_token: str) -> dict[str, str]:
    return {service_token if token.service_token else member: person_id(token)}
