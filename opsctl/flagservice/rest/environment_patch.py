"""JSON patches of environments."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.json_patch import apply_operations
from opsctl.flagservice.model import ApprovalSettings
from opsctl.flagservice.reading import member, texts
from opsctl.flagservice.rest.project_representation import approval_representation, environment_representation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opsctl.flagservice.model import Environment

_MEMBERS = frozenset(
    {
        *("name", "color", "defaultTtl", "secureMode", "defaultTrackEvents"),
        *("requireComments", "confirmChanges", "tags", "critical", "approvalSettings"),
    }
)
_MOST_APPROVALS = 5


def plan_environment_patch(project: str, operations: Any) -> Callable[[Environment], Environment]:
    """Return what the operations make of an environment.

    The plan raises `ApiError`: 409 when a `test` fails, 422 when it is no list of operations, 400 otherwise.
    """

    def plan(environment: Environment) -> Environment:
        document = environment_representation(project, environment)
        patched = apply_operations(document, operations, lambda parts: parts[0] in _MEMBERS)
        name = member(patched, "name", str)
        if not name.strip():
            raise invalid_request("name must not be empty")
        return replace(
            environment,
            name=name,
            color=member(patched, "color", str),
            default_ttl=member(patched, "defaultTtl", int),
            secure_mode=member(patched, "secureMode", bool),
            default_track_events=member(patched, "defaultTrackEvents", bool),
            require_comments=member(patched, "requireComments", bool),
            confirm_changes=member(patched, "confirmChanges", bool),
            tags=texts(patched, "tags", []),
            critical=member(patched, "critical", bool),
            approval_settings=_approval_settings(environment.approval_settings, patched),
        )

    return plan


def _approval_settings(before: ApprovalSettings, patched: Mapping[str, Any]) -> ApprovalSettings:
    given = approval_representation(before) | member(patched, "approvalSettings", dict, {})
    settings = ApprovalSettings(
        required=member(given, "required", bool),
        min_num_approvals=member(given, "minNumApprovals", int),
        can_review_own_request=member(given, "canReviewOwnRequest", bool),
        can_apply_declined_changes=member(given, "canApplyDeclinedChanges", bool),
        required_approval_tags=texts(given, "requiredApprovalTags", []),
    )
    if given != approval_representation(settings):
        raise invalid_request(
            "of approvalSettings, only required, requiredApprovalTags, minNumApprovals, canReviewOwnRequest and"
            " canApplyDeclinedChanges can be changed"
        )
    if settings.required and settings.required_approval_tags:
        raise invalid_request("approvalSettings: required and requiredApprovalTags cannot be used together")
    if not 1 <= settings.min_num_approvals <= _MOST_APPROVALS:
        raise invalid_request(f"minNumApprovals must be from 1 to {_MOST_APPROVALS}")
    return settings
