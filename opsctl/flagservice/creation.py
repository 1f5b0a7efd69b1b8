"""New flags, from the body of a request to create one."""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.instructions.scope import variation_of
from opsctl.flagservice.model import EnvironmentConfig, Flag, FlagDefaults, Prerequisite, Project, Serve
from opsctl.flagservice.parsing import parse_custom_properties, parse_variation
from opsctl.flagservice.reading import member, objects, optional, resource_key, texts

if TYPE_CHECKING:
    from collections.abc import Mapping

_BOOLEAN = [{"value": True}, {"value": False}]


def new_id() -> str:
    """Return the id of a new variation, rule or clause."""
    return str(uuid.uuid4())


def new_flag(body: Mapping[str, Any], project: Project, now_ms: int, flags: Mapping[str, Flag] | None = None) -> Flag:
    """Return the flag that the body of `POST /api/v2/flags/{project}` describes; it still has to be validated.

    Where the body is silent, the project's defaults for new flags hold. `flags` are those it may have as prerequisites.

    Raises:
        ApiError: 400, a member is missing or of a wrong type.
    """
    if body.get("purpose") == "migration":
        raise invalid_request("migration flags are not supported by this service")
    usual = project.flag_defaults or FlagDefaults()
    is_usual = body.get("variations") is None and project.flag_defaults is not None
    items = objects(body, "variations", _named(usual) if is_usual else _BOOLEAN)
    variations = tuple(parse_variation({**item, "_id": None}, new_id) for item in items)
    defaults = member(body, "defaults", dict, {})
    on_variation = member(defaults, "onVariation", int, usual.on_variation if is_usual else 0)
    off_variation = member(defaults, "offVariation", int, usual.off_variation if is_usual else len(variations) - 1)
    availability = member(body, "clientSideAvailability", dict, {})
    snippet = member(body, "includeInSnippet", bool, project.using_environment_id)
    prerequisites = tuple(_prerequisite(item, flags or {}) for item in objects(body, "initialPrerequisites", []))
    is_on = member(body, "isFlagOn", bool, False)
    return Flag(
        key=resource_key(body),
        name=member(body, "name", str),
        description=member(body, "description", str, ""),
        version=1,
        created_ms=now_ms,
        temporary=member(body, "temporary", bool, usual.temporary),
        tags=texts(body, "tags", list(usual.tags)),
        variations=variations,
        on_variation=on_variation,
        off_variation=off_variation,
        using_environment_id=member(availability, "usingEnvironmentId", bool, snippet),
        using_mobile_key=member(availability, "usingMobileKey", bool, project.using_mobile_key),
        custom_properties=parse_custom_properties(body),
        maintainer_id=optional(body, "maintainerId", str),
        maintainer_team_key=optional(body, "maintainerTeamKey", str),
        environments={
            environment.key: new_config(
                on_variation,
                off_variation,
                now_ms,
                is_on=is_on,
                prerequisites=prerequisites,
                track_events=environment.default_track_events,
                version=environment.version_floor + 1,
            )
            for environment in project.environments
        },
    )


def new_config(
    on_variation: int,
    off_variation: int,
    now_ms: int,
    *,
    is_on: bool = False,
    prerequisites: tuple[Prerequisite, ...] = (),
    track_events: bool = False,
    version: int = 1,
) -> EnvironmentConfig:
    """Return the configuration a flag begins with in an environment."""
    return EnvironmentConfig(
        on=is_on,
        fallthrough=Serve(variation=on_variation),
        off_variation=off_variation,
        prerequisites=prerequisites,
        track_events=track_events,
        salt=secrets.token_hex(16),
        sel=secrets.token_hex(16),
        version=version,
        last_modified_ms=now_ms,
    )


def _named(usual: FlagDefaults) -> list[dict[str, Any]]:
    return [
        {"value": True, "name": usual.true_display_name, "description": usual.true_description},
        {"value": False, "name": usual.false_display_name, "description": usual.false_description},
    ]


def _prerequisite(item: Mapping[str, Any], flags: Mapping[str, Flag]) -> Prerequisite:
    flag = flags.get(member(item, "key", str))
    if flag is None:
        raise invalid_request(f"there is no flag {item['key']!r} to be a prerequisite")
    return Prerequisite(flag.key, variation_of(item, flag))
