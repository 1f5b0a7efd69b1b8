"""Individual targets: the keys that get one variation whatever the rules say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.instructions.scope import context_kind_of, variation_of
from opsctl.flagservice.model import USER_KIND, EnvironmentConfig, Target
from opsctl.flagservice.reading import objects, texts

if TYPE_CHECKING:
    from opsctl.flagservice.instructions.scope import Instruction, PatchScope, TargetingInstruction


def add_targets(config: EnvironmentConfig, instruction: Instruction, scope: PatchScope) -> EnvironmentConfig:
    """Add keys to a variation's targets; a key that another variation has is refused."""
    kind, variation = context_kind_of(instruction), variation_of(instruction, scope.flag)
    return _with_values(config, kind, variation, added=texts(instruction, "values"))


def remove_targets(config: EnvironmentConfig, instruction: Instruction, scope: PatchScope) -> EnvironmentConfig:
    """Remove keys from a variation's targets; keys that are not there do not matter."""
    kind, variation = context_kind_of(instruction), variation_of(instruction, scope.flag)
    return _with_values(config, kind, variation, removed=texts(instruction, "values"))


def add_user_targets(config: EnvironmentConfig, instruction: Instruction, scope: PatchScope) -> EnvironmentConfig:
    """Add user keys to a variation's targets."""
    return add_targets(config, {**instruction, "contextKind": USER_KIND}, scope)


def remove_user_targets(config: EnvironmentConfig, instruction: Instruction, scope: PatchScope) -> EnvironmentConfig:
    """Remove user keys from a variation's targets."""
    return remove_targets(config, {**instruction, "contextKind": USER_KIND}, scope)


def clear_targets(config: EnvironmentConfig, instruction: Instruction, scope: PatchScope) -> EnvironmentConfig:
    """Remove all targets of one kind from a variation; without a kind those of every kind."""
    variation = variation_of(instruction, scope.flag)
    kind = instruction.get("contextKind")
    return replace(
        config,
        targets=tuple(
            target
            for target in config.targets
            if target.variation != variation or (kind is not None and target.context_kind != kind)
        ),
    )


def clear_user_targets(config: EnvironmentConfig, instruction: Instruction, scope: PatchScope) -> EnvironmentConfig:
    """Remove all user targets from a variation."""
    return clear_targets(config, {**instruction, "contextKind": USER_KIND}, scope)


def replace_targets(config: EnvironmentConfig, instruction: Instruction, scope: PatchScope) -> EnvironmentConfig:
    """Replace all targets, of every kind, by those given."""
    emptied = replace(config, targets=())
    for item in objects(instruction, "targets"):
        emptied = add_targets(emptied, item, scope)
    return emptied


def replace_user_targets(config: EnvironmentConfig, instruction: Instruction, scope: PatchScope) -> EnvironmentConfig:
    """Replace all user targets by those given, which must say something for every variation."""
    items = objects(instruction, "targets")
    if {variation_of(item, scope.flag) for item in items} != set(range(len(scope.flag.variations))):
        raise invalid_request("replaceUserTargets must list targets for every variation")
    changed = replace(config, targets=tuple(one for one in config.targets if one.context_kind != USER_KIND))
    for item in items:
        changed = add_user_targets(changed, item, scope)
    return changed


def _with_values(
    config: EnvironmentConfig, kind: str, variation: int, *, added: tuple[str, ...] = (), removed: tuple[str, ...] = ()
) -> EnvironmentConfig:
    for target in config.targets:
        if target.context_kind == kind and target.variation != variation and set(added) & set(target.values):
            key = next(value for value in added if value in target.values)
            raise invalid_request(f"{kind} {key!r} is already targeted with another variation")
    kept = []
    is_known = False
    for target in config.targets:
        if (target.context_kind, target.variation) == (kind, variation):
            is_known = True
            values = tuple(value for value in dict.fromkeys((*target.values, *added)) if value not in set(removed))
            kept.append(replace(target, values=values))
        else:
            kept.append(target)
    if added and not is_known:
        kept.append(Target(variation=variation, values=added, context_kind=kind))
    return replace(config, targets=tuple(target for target in kept if target.values))


INSTRUCTIONS: dict[str, TargetingInstruction] = {
    "addTargets": add_targets,
    "removeTargets": remove_targets,
    "addUserTargets": add_user_targets,
    "removeUserTargets": remove_user_targets,
    "clearTargets": clear_targets,
    "clearUserTargets": clear_user_targets,
    "replaceTargets": replace_targets,
    "replaceUserTargets": replace_user_targets,
}
