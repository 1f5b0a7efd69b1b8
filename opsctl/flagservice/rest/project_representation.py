"""Projects and environments as the REST API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.flagservice.rest.links import API, DEFAULT_LIMIT, link

if TYPE_CHECKING:
    from opsctl.flagservice.model import ApprovalSettings, Environment, FlagDefaults, Project


def project_representation(project: Project, *, is_expanded: bool) -> dict[str, Any]:
    """Return a project; expanded, with the first page of its environments."""
    address = f"{API}/projects/{project.key}"
    representation: dict[str, Any] = {
        "_links": {
            "self": link(address),
            "environments": link(f"{address}/environments"),
            "flagDefaults": link(f"{address}/flag-defaults"),
        },
        "_id": project.id,
        "key": project.key,
        "name": project.name,
        "includeInSnippetByDefault": project.using_environment_id,
        "defaultClientSideAvailability": availability(project),
        "tags": list(project.tags),
    }
    if is_expanded:
        items = [environment_representation(project.key, one) for one in project.environments[:DEFAULT_LIMIT]]
        links = {"self": link(f"{address}/environments")}
        representation["environments"] = {"items": items, "totalCount": len(project.environments), "_links": links}
    return representation


def changed_project_representation(project: Project) -> dict[str, Any]:
    """Return a project as the answers to creating and patching one show it: its environments are a plain array."""
    environments = [environment_representation(project.key, one) for one in project.environments]
    return project_representation(project, is_expanded=False) | {"environments": environments}


def environment_representation(project: str, environment: Environment) -> dict[str, Any]:
    """Return an environment, with its keys."""
    return {
        "_links": {
            "self": link(f"{API}/projects/{project}/environments/{environment.key}"),
            "parent": link(f"{API}/projects/{project}"),
        },
        "_id": environment.id,
        "key": environment.key,
        "name": environment.name,
        "apiKey": environment.sdk_key,
        "mobileKey": environment.mobile_key,
        "color": environment.color,
        "defaultTtl": environment.default_ttl,
        "secureMode": environment.secure_mode,
        "defaultTrackEvents": environment.default_track_events,
        "requireComments": environment.require_comments,
        "confirmChanges": environment.confirm_changes,
        "tags": list(environment.tags),
        "critical": environment.critical,
        "approvalSettings": approval_representation(environment.approval_settings),
    }


def approval_representation(settings: ApprovalSettings) -> dict[str, Any]:
    """Return approval settings."""
    return {
        "required": settings.required,
        "bypassApprovalsForPendingChanges": settings.bypass_approvals_for_pending_changes,
        "minNumApprovals": settings.min_num_approvals,
        "canReviewOwnRequest": settings.can_review_own_request,
        "canApplyDeclinedChanges": settings.can_apply_declined_changes,
        "autoApplyApprovedChanges": False,
        "serviceKind": "launchdarkly",
        "serviceConfig": {},
        "requiredApprovalTags": list(settings.required_approval_tags),
    }


def availability(project: Project) -> dict[str, bool]:
    """Return which client-side SDKs new flags are available to."""
    return {"usingMobileKey": project.using_mobile_key, "usingEnvironmentId": project.using_environment_id}


def defaults_representation(project: Project, defaults: FlagDefaults) -> dict[str, Any]:
    """Return what new flags of a project begin with."""
    address = f"{API}/projects/{project.key}"
    return {
        "_links": {"self": link(f"{address}/flag-defaults"), "parent": link(address)},
        "key": project.key,
        "tags": list(defaults.tags),
        "temporary": defaults.temporary,
        "defaultClientSideAvailability": availability(project),
        "booleanDefaults": {
            "trueDisplayName": defaults.true_display_name,
            "falseDisplayName": defaults.false_display_name,
            "trueDescription": defaults.true_description,
            "falseDescription": defaults.false_description,
            "onVariation": defaults.on_variation,
            "offVariation": defaults.off_variation,
        },
    }
