"""A flag's variations and the defaults that new environments get."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.instructions.scope import variation_of
from opsctl.flagservice.model import EnvironmentConfig, Flag, Serve, Variation
from opsctl.flagservice.reading import optional

if TYPE_CHECKING:
    from opsctl.flagservice.instructions.scope import FlagInstruction, Instruction, PatchScope


def add_variation(flag: Flag, instruction: Instruction, scope: PatchScope) -> Flag:
    """Add a variation at the end."""
    if "value" not in instruction:
        raise invalid_request("value is required")
    added = Variation(
        id=scope.new_id(),
        value=instruction["value"],
        name=optional(instruction, "name", str),
        description=optional(instruction, "description", str),
    )
    return replace(flag, variations=(*flag.variations, added))


def update_variation(flag: Flag, instruction: Instruction, _: PatchScope) -> Flag:
    """Change a variation's value, name or description; what is not given stays."""
    index = variation_of(instruction, flag)
    old = flag.variations[index]
    new = Variation(
        id=old.id,
        value=instruction.get("value", old.value),
        name=optional(instruction, "name", str) if "name" in instruction else old.name,
        description=optional(instruction, "description", str) if "description" in instruction else old.description,
    )
    return replace(flag, variations=(*flag.variations[:index], new, *flag.variations[index + 1 :]))


def remove_variation(flag: Flag, instruction: Instruction, scope: PatchScope) -> Flag:
    """Remove a variation that nothing serves; the indexes above it move down everywhere in the flag."""
    index = variation_of(instruction, flag)
    required = _required_indexes(scope)
    if index in {flag.on_variation, flag.off_variation} | required or _is_served(flag, index):
        raise invalid_request("the variation is in use, and cannot be removed")
    if any(one > index for one in required):
        raise invalid_request("a later variation is a prerequisite of another flag; remove that prerequisite first")
    return replace(
        flag,
        variations=(*flag.variations[:index], *flag.variations[index + 1 :]),
        on_variation=_shifted(flag.on_variation, index),
        off_variation=_shifted(flag.off_variation, index),
        environments={key: _shift_config(config, index) for key, config in flag.environments.items()},
    )


def update_default_variation(flag: Flag, instruction: Instruction, _: PatchScope) -> Flag:
    """Change the variations that new environments serve, named by their values."""
    given = {key[:1].lower() + key[1:]: value for key, value in instruction.items()}
    on, off = (
        _index_of_value(flag, given[name]) if name in given else index
        for name, index in (("onVariationValue", flag.on_variation), ("offVariationValue", flag.off_variation))
    )
    return replace(flag, on_variation=on, off_variation=off)


def _index_of_value(flag: Flag, value: Any) -> int:
    for index, variation in enumerate(flag.variations):
        if type(variation.value) is type(value) and variation.value == value:
            return index
    raise invalid_request("the flag has no variation with that value")


def _required_indexes(scope: PatchScope) -> set[int]:
    """Return the variations of the flag that other flags have as prerequisites."""
    return {
        one.variation
        for other in scope.flags.values()
        for config in other.environments.values()
        for one in config.prerequisites
        if one.key == scope.flag.key
    }


def _is_served(flag: Flag, index: int) -> bool:
    """Whether any environment serves that variation by a target, a rule, its default rule or its off variation."""
    return any(
        index in config.fallthrough.indexes()
        or index == config.off_variation
        or any(index == target.variation for target in config.targets)
        or any(index in rule.serve.indexes() for rule in config.rules)
        for config in flag.environments.values()
    )


def _shift_config(config: EnvironmentConfig, removed: int) -> EnvironmentConfig:
    return replace(
        config,
        fallthrough=_shift_serve(config.fallthrough, removed),
        off_variation=None if config.off_variation is None else _shifted(config.off_variation, removed),
        targets=tuple(replace(target, variation=_shifted(target.variation, removed)) for target in config.targets),
        rules=tuple(replace(rule, serve=_shift_serve(rule.serve, removed)) for rule in config.rules),
    )


def _shift_serve(serve: Serve, removed: int) -> Serve:
    if serve.rollout is None:
        return replace(serve, variation=None if serve.variation is None else _shifted(serve.variation, removed))
    parts = tuple(replace(part, variation=_shifted(part.variation, removed)) for part in serve.rollout.variations)
    return Serve(rollout=replace(serve.rollout, variations=parts))


def _shifted(index: int, removed: int) -> int:
    return index - 1 if index > removed else index


INSTRUCTIONS: dict[str, FlagInstruction] = {
    "addVariation": add_variation,
    "updateVariation": update_variation,
    "removeVariation": remove_variation,
    "updateDefaultVariation": update_default_variation,
}
