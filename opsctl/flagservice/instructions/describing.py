"""What a flag is called, who keeps it, and who may see it: the same in every environment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.reading import member, texts

if TYPE_CHECKING:
    from opsctl.flagservice.instructions.scope import FlagInstruction, Instruction, PatchScope
    from opsctl.flagservice.model import Flag


def update_name(flag: Flag, instruction: Instruction, _: PatchScope) -> Flag:
    """Change the name."""
    return replace(flag, name=member(instruction, "value", str))


def update_description(flag: Flag, instruction: Instruction, _: PatchScope) -> Flag:
    """Change the description."""
    return replace(flag, description=member(instruction, "value", str))


def add_tags(flag: Flag, instruction: Instruction, _: PatchScope) -> Flag:
    """Add tags; those it has do not matter."""
    return replace(flag, tags=tuple(dict.fromkeys((*flag.tags, *texts(instruction, "values")))))


def remove_tags(flag: Flag, instruction: Instruction, _: PatchScope) -> Flag:
    """Remove tags; those it does not have do not matter."""
    removed = set(texts(instruction, "values"))
    return replace(flag, tags=tuple(tag for tag in flag.tags if tag not in removed))


def make_permanent(flag: Flag, _: Instruction, __: PatchScope) -> Flag:
    """Mark it as one that stays."""
    return replace(flag, temporary=False)


def make_temporary(flag: Flag, _: Instruction, __: PatchScope) -> Flag:
    """Mark it as one to be removed some day."""
    return replace(flag, temporary=True)


def update_maintainer_member(flag: Flag, instruction: Instruction, _: PatchScope) -> Flag:
    """Name the member who keeps it; that takes the place of a team."""
    return replace(flag, maintainer_id=member(instruction, "value", str), maintainer_team_key=None)


def update_maintainer_team(flag: Flag, instruction: Instruction, _: PatchScope) -> Flag:
    """Name the team that keeps it; that takes the place of a member."""
    return replace(flag, maintainer_team_key=member(instruction, "value", str), maintainer_id=None)


def remove_maintainer(flag: Flag, _: Instruction, __: PatchScope) -> Flag:
    """Say that nobody keeps it."""
    return replace(flag, maintainer_id=None, maintainer_team_key=None)


def turn_on_client_side_availability(flag: Flag, instruction: Instruction, _: PatchScope) -> Flag:
    """Let client-side or mobile SDKs see it."""
    return _with_availability(flag, instruction, available=True)


def turn_off_client_side_availability(flag: Flag, instruction: Instruction, _: PatchScope) -> Flag:
    """Hide it from client-side or mobile SDKs."""
    return _with_availability(flag, instruction, available=False)


def add_custom_properties(flag: Flag, instruction: Instruction, scope: PatchScope) -> Flag:
    """Add values to a custom property, which is made if there is none."""
    key, values = member(instruction, "key", str), texts(instruction, "values")
    known = flag.custom_properties.get(key, {}).get("value", [])
    return replace_custom_properties(flag, {**instruction, "values": [*known, *values]}, scope)


def replace_custom_properties(flag: Flag, instruction: Instruction, _: PatchScope) -> Flag:
    """Set the values of a custom property."""
    key, values = member(instruction, "key", str), texts(instruction, "values")
    changed: dict[str, Any] = {"name": member(instruction, "name", str), "value": list(values)}
    return replace(flag, custom_properties={**flag.custom_properties, key: changed})


def remove_custom_properties(flag: Flag, instruction: Instruction, _: PatchScope) -> Flag:
    """Remove values from a custom property; one without values is gone."""
    key, removed = member(instruction, "key", str), set(texts(instruction, "values"))
    kept = {name: value for name, value in flag.custom_properties.items() if name != key}
    known = flag.custom_properties.get(key, {"name": key, "value": []})
    values = [value for value in known["value"] if value not in removed]
    return replace(flag, custom_properties={**kept, key: {**known, "value": values}} if values else kept)


def _with_availability(flag: Flag, instruction: Instruction, *, available: bool) -> Flag:
    match member(instruction, "value", str):
        case "usingEnvironmentId":
            return replace(flag, using_environment_id=available)
        case "usingMobileKey":
            return replace(flag, using_mobile_key=available)
        case other:
            raise invalid_request(f"value must be usingEnvironmentId or usingMobileKey, not {other!r}")


INSTRUCTIONS: dict[str, FlagInstruction] = {
    "updateName": update_name,
    "updateDescription": update_description,
    "addTags": add_tags,
    "removeTags": remove_tags,
    "makeFlagPermanent": make_permanent,
    "makeFlagTemporary": make_temporary,
    "updateMaintainerMember": update_maintainer_member,
    "updateMaintainerTeam": update_maintainer_team,
    "removeMaintainer": remove_maintainer,
    "turnOnClientSideAvailability": turn_on_client_side_availability,
    "turnOffClientSideAvailability": turn_off_client_side_availability,
    "addCustomProperties": add_custom_properties,
    "replaceCustomProperties": replace_custom_properties,
    "removeCustomProperties": remove_custom_properties,
}
