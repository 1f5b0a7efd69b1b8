"""What instructions may know beyond the value they change, and the readers they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.model import USER_KIND, EnvironmentConfig, Flag, Rollout, Serve, WeightedVariation
from opsctl.flagservice.reading import exactly, member, optional

Instruction = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PatchScope:
    """The flag as it stands just before the instruction, the other flags of its project, the time, and new ids."""

    flag: Flag
    flags: Mapping[str, Flag]
    now_ms: int
    new_id: Callable[[], str]


TargetingInstruction = Callable[[EnvironmentConfig, Instruction, PatchScope], EnvironmentConfig]
FlagInstruction = Callable[[Flag, Instruction, PatchScope], Flag]


def variation_index(flag: Flag, variation_id: str) -> int:
    """Return the index of the variation with that id.

    Raises:
        ApiError: 400, the flag has no such variation.
    """
    for index, variation in enumerate(flag.variations):
        if variation.id == variation_id:
            return index
    raise invalid_request(f"flag {flag.key!r} has no variation with id {variation_id!r}")


def variation_of(instruction: Instruction, flag: Flag) -> int:
    """Return the index of the variation that the instruction's `variationId` names."""
    return variation_index(flag, member(instruction, "variationId", str))


def context_kind_of(instruction: Instruction) -> str:
    """Return the instruction's `contextKind`; none means users."""
    return member(instruction, "contextKind", str, "") or USER_KIND


def serve_of(instruction: Instruction, flag: Flag) -> Serve:
    """Return what the instruction says to serve: its `variationId`, or a rollout by its `rolloutWeights`."""
    weights = optional(instruction, "rolloutWeights", dict)
    if (weights is None) == (instruction.get("variationId") is None):
        raise invalid_request("exactly one of variationId and rolloutWeights must be given")
    if weights is None:
        return Serve(variation=variation_of(instruction, flag))
    parts = [
        WeightedVariation(variation_index(flag, key), exactly(weight, "each weight", int))
        for key, weight in weights.items()
    ]
    return Serve(
        rollout=Rollout(
            variations=tuple(sorted(parts, key=lambda part: part.variation)),
            context_kind=member(instruction, "rolloutContextKind", str, "") or USER_KIND,
            bucket_by=optional(instruction, "rolloutBucketBy", str),
        )
    )
