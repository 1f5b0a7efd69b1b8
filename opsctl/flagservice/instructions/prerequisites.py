"""Prerequisites: other flags that must serve one variation first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.instructions.scope import variation_of
from opsctl.flagservice.model import EnvironmentConfig, Prerequisite
from opsctl.flagservice.reading import member, objects

if TYPE_CHECKING:
    from opsctl.flagservice.instructions.scope import Instruction, PatchScope, TargetingInstruction


def add_prerequisite(config: EnvironmentConfig, instruction: Instruction, scope: PatchScope) -> EnvironmentConfig:
    """Add a prerequisite."""
    added = _prerequisite(instruction, scope)
    if any(one.key == added.key for one in config.prerequisites):
        raise invalid_request(f"flag {added.key!r} is a prerequisite already")
    return replace(config, prerequisites=(*config.prerequisites, added))


def remove_prerequisite(config: EnvironmentConfig, instruction: Instruction, _: PatchScope) -> EnvironmentConfig:
    """Remove a prerequisite; one that is not there does not matter."""
    key = member(instruction, "key", str)
    return replace(config, prerequisites=tuple(one for one in config.prerequisites if one.key != key))


def replace_prerequisites(config: EnvironmentConfig, instruction: Instruction, scope: PatchScope) -> EnvironmentConfig:
    """Replace all prerequisites by those given."""
    emptied = replace(config, prerequisites=())
    for item in objects(instruction, "prerequisites"):
        emptied = add_prerequisite(emptied, item, scope)
    return emptied


def update_prerequisite(config: EnvironmentConfig, instruction: Instruction, scope: PatchScope) -> EnvironmentConfig:
    """Change the variation that a prerequisite must serve."""
    changed = _prerequisite(instruction, scope)
    if all(one.key != changed.key for one in config.prerequisites):
        raise invalid_request(f"flag {changed.key!r} is not a prerequisite")
    return replace(
        config, prerequisites=tuple(changed if one.key == changed.key else one for one in config.prerequisites)
    )


def _prerequisite(item: Instruction, scope: PatchScope) -> Prerequisite:
    key = member(item, "key", str)
    if key not in scope.flags:
        raise invalid_request(f"there is no flag {key!r} to be a prerequisite")
    return Prerequisite(key, variation_of(item, scope.flags[key]))


INSTRUCTIONS: dict[str, TargetingInstruction] = {
    "addPrerequisite": add_prerequisite,
    "removePrerequisite": remove_prerequisite,
    "replacePrerequisites": replace_prerequisites,
    "updatePrerequisite": update_prerequisite,
}
