"""Semantic patches: a list of instructions that applies as a whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.instructions import (
    clauses,
    describing,
    lifecycle,
    prerequisites,
    rules,
    serving,
    targets,
    variations,
)
from opsctl.flagservice.reading import member

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.flagservice.instructions.scope import (
        FlagInstruction,
        Instruction,
        PatchScope,
        TargetingInstruction,
    )
    from opsctl.flagservice.model import Flag

TARGETING: dict[str, TargetingInstruction] = {
    **serving.INSTRUCTIONS,
    **targets.INSTRUCTIONS,
    **rules.INSTRUCTIONS,
    **clauses.INSTRUCTIONS,
    **prerequisites.INSTRUCTIONS,
}
"""Instructions that change one environment, which the patch's `environmentKey` names."""

SETTINGS: dict[str, FlagInstruction] = {
    **describing.INSTRUCTIONS,
    **variations.INSTRUCTIONS,
    **lifecycle.INSTRUCTIONS,
}
"""Instructions that change the flag itself, in every environment."""

NOT_SUPPORTED = frozenset({"deleteFlag"})
"""Instructions that leave no flag behind: only the route of flags carries one out, and only as a patch's last."""


def apply_instructions(
    flag: Flag, environment_key: str | None, instructions: Sequence[Instruction], scope: PatchScope
) -> Flag:
    """Return the flag after all instructions, in their order; the flag given is untouched.

    The result still has to be validated as a whole. Versions are left alone.

    Raises:
        ApiError: 400, an instruction is unknown, not supported, or cannot be carried out.
    """
    for instruction in instructions:
        kind = member(instruction, "kind", str)
        scope = replace(scope, flag=flag)
        if kind in SETTINGS:
            flag = SETTINGS[kind](flag, instruction, scope)
        elif kind in TARGETING:
            flag = _apply_to_environment(flag, environment_key, instruction, scope)
        elif kind in NOT_SUPPORTED:
            raise invalid_request(f"instruction {kind!r} is possible only as the last one of a patch of the flag")
        else:
            raise invalid_request(f"there is no instruction {kind!r} for flags")
    return flag


def _apply_to_environment(flag: Flag, environment_key: str | None, instruction: Instruction, scope: PatchScope) -> Flag:
    kind = instruction["kind"]
    if environment_key is None:
        raise invalid_request(f"instruction {kind!r} needs an environmentKey")
    config = flag.environments.get(environment_key)
    if config is None:
        raise invalid_request(f"there is no environment {environment_key!r}")
    changed = TARGETING[kind](config, instruction, scope)
    return replace(flag, environments={**flag.environments, environment_key: changed})
