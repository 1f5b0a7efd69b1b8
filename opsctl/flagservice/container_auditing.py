"""Audit entries of projects, environments and access tokens. No key and no secret stands in any of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from opsctl.flagservice.auditing import audit_entry
from opsctl.flagservice.model import Environment, Project, Token

if TYPE_CHECKING:
    from opsctl.flagservice.auditing import Author
    from opsctl.flagservice.model import AuditEntry

_Subject = TypeVar("_Subject", Project, Environment, Token)
_LEFT_OUT = ("sdk_key", "mobile_key", "former_sdk_keys", "environments")
_PROJECT_ACTIONS = {
    "name": "updateProjectName",
    "tags": "updateTags",
    "using_environment_id": "updateDefaultClientSideAvailability",
    "using_mobile_key": "updateDefaultClientSideAvailability",
    "flag_defaults": "updateProjectFlagDefaults",
}
_ENVIRONMENT_ACTIONS = {
    "name": "updateName",
    "color": "updateColor",
    "default_ttl": "updateTtl",
    "secure_mode": "updateSecureMode",
    "default_track_events": "updateDefaultTrackEvents",
    "require_comments": "updateRequireComments",
    "confirm_changes": "updateConfirmChanges",
    "critical": "updateCritical",
    "tags": "updateTags",
    "approval_settings": "updateApprovalSettings",
    "sdk_key": "updateApiKey",
    "former_sdk_keys": "updateApiKey",
    "mobile_key": "updateMobileKey",
}
_TOKEN_ACTIONS = {
    "name": "updateAccessTokenName",
    "description": "updateAccessTokenDescription",
    "role": "updateAccessTokenPolicies",
    "default_api_version": "updateAccessTokenPolicies",
    "expiry_ms": "updateAccessTokenExpiry",
    "ending": "resetAccessToken",
}


def entry_of_project(now_ms: int, before: Project | None, after: Project | None, author: Author) -> AuditEntry:
    """Return the entry for a new (`before` is `None`), changed or deleted (`after` is `None`) project."""
    project = _existing(before, after)
    return _entry(now_ms, project.key, f"proj/{project.key}", (before, after, project), author, _PROJECT_ACTIONS)


def entry_of_environment(
    now_ms: int, project: str, before: Environment | None, after: Environment | None, author: Author
) -> AuditEntry:
    """Return the entry for a new (`before` is `None`), changed or deleted (`after` is `None`) environment."""
    environment = _existing(before, after)
    resource = f"proj/{project}:env/{environment.key}"
    return _entry(now_ms, project, resource, (before, after, environment), author, _ENVIRONMENT_ACTIONS)


def entry_of_token(now_ms: int, before: Token | None, after: Token | None, author: Author) -> AuditEntry:
    """Return the entry for a new (`before` is `None`), changed or deleted (`after` is `None`) access token."""
    token = _existing(before, after)
    kind = "service-token" if token.service_token else "member/local:token"
    return _entry(now_ms, "", f"{kind}/{token.id}", (before, after, token), author, _TOKEN_ACTIONS)


def _existing(before: _Subject | None, after: _Subject | None) -> _Subject:
    subject = before if after is None else after
    if subject is None:
        raise ValueError("an audit entry is of something")
    return subject


def _entry(
    now_ms: int,
    project: str,
    resource: str,
    states: tuple[Any, Any, Project | Environment | Token],
    author: Author,
    actions: dict[str, str],
) -> AuditEntry:
    before, after, subject = states
    noun = "AccessToken" if isinstance(subject, Token) else type(subject).__name__
    done = [f"{'create' if before is None else 'delete'}{noun}"]
    verb = "created" if before is None else "deleted"
    if before is not None and after is not None:
        done = [action for name, action in actions.items() if getattr(before, name) != getattr(after, name)]
        done = done or [f"update{noun}"]
        verb = "updated"
    words = "access token" if isinstance(subject, Token) else noun.lower()
    return audit_entry(
        now_ms,
        project,
        subject,
        author,
        environment=subject.key if isinstance(subject, Environment) else None,
        accesses=tuple((action, resource) for action in dict.fromkeys(done)),
        title_verb=f"{verb} the {words}",
        previous=None if before is None else _shown(before),
        current=None if after is None else _shown(after),
    )


def _shown(state: Project | Environment | Token) -> dict[str, Any]:
    return {name: value for name, value in asdict(state).items() if name not in _LEFT_OUT}
