"""New projects and environments, from the bodies of requests to create them."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.credentials import new_environment_keys
from opsctl.flagservice.model import Environment, Project
from opsctl.flagservice.reading import member, objects, resource_key, texts

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEFAULT_ENVIRONMENTS = [
    {"key": "test", "name": "Test", "color": "F5A623"},
    {"key": "production", "name": "Production", "color": "417505"},
]


def new_environment(body: Mapping[str, Any], now_ms: int) -> Environment:
    """Return the environment that a body describes, with keys of its own.

    Raises:
        ApiError: 400, a member is missing or of a wrong type.
    """
    keys = new_environment_keys()
    environment = Environment(
        key=resource_key(body),
        name=member(body, "name", str),
        color=member(body, "color", str),
        id=keys.client_side_id,
        sdk_key=keys.sdk_key,
        mobile_key=keys.mobile_key,
        created_ms=now_ms,
        default_ttl=member(body, "defaultTtl", int, 0),
        secure_mode=member(body, "secureMode", bool, False),
        default_track_events=member(body, "defaultTrackEvents", bool, False),
        require_comments=member(body, "requireComments", bool, False),
        confirm_changes=member(body, "confirmChanges", bool, False),
        critical=member(body, "critical", bool, False),
        tags=texts(body, "tags", []),
    )
    if not environment.name.strip():
        raise invalid_request("name must not be empty")
    return environment


def new_project(body: Mapping[str, Any], now_ms: int) -> Project:
    """Return the project that a body describes, with the environments `test` and `production` unless it names others.

    Raises:
        ApiError: 400, a member is missing, of a wrong type, or not supported.
    """
    if body.get("namingConvention") not in (None, {}):
        raise invalid_request("namingConvention is not supported by this service")
    availability = member(body, "defaultClientSideAvailability", dict, {})
    snippet = member(body, "includeInSnippetByDefault", bool, False)
    given = objects(body, "environments", []) or _DEFAULT_ENVIRONMENTS
    environments = tuple(new_environment(item, now_ms) for item in given)
    if len({one.key for one in environments}) < len(environments):
        raise invalid_request("environments must have different keys")
    project = Project(
        key=resource_key(body),
        name=member(body, "name", str),
        id=secrets.token_hex(12),
        created_ms=now_ms,
        tags=tuple(sorted(texts(body, "tags", []))),
        using_environment_id=member(availability, "usingEnvironmentId", bool, snippet),
        using_mobile_key=member(availability, "usingMobileKey", bool, False),
    )
    if not project.name.strip():
        raise invalid_request("name must not be empty")
    return replace(project, environments=environments)
