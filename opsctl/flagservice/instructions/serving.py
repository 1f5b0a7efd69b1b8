"""Turning targeting on and off, and what is served then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.flagservice.instructions.scope import serve_of, variation_of
from opsctl.flagservice.reading import member

if TYPE_CHECKING:
    from opsctl.flagservice.instructions.scope import Instruction, PatchScope, TargetingInstruction
    from opsctl.flagservice.model import EnvironmentConfig


def turn_flag_on(config: EnvironmentConfig, _: Instruction, __: PatchScope) -> EnvironmentConfig:
    """Turn targeting on."""
    return replace(config, on=True)


def turn_flag_off(config: EnvironmentConfig, _: Instruction, __: PatchScope) -> EnvironmentConfig:
    """Turn targeting off; the rules stay as they are."""
    return replace(config, on=False)


def update_fallthrough(config: EnvironmentConfig, instruction: Instruction, scope: PatchScope) -> EnvironmentConfig:
    """Change the default rule to a variation or a rollout."""
    return replace(config, fallthrough=serve_of(instruction, scope.flag))


def update_off_variation(config: EnvironmentConfig, instruction: Instruction, scope: PatchScope) -> EnvironmentConfig:
    """Change what is served while targeting is off."""
    return replace(config, off_variation=variation_of(instruction, scope.flag))


def update_track_events(config: EnvironmentConfig, instruction: Instruction, _: PatchScope) -> EnvironmentConfig:
    """Change whether SDKs send an event for every evaluation."""
    return replace(config, track_events=member(instruction, "trackEvents", bool))


def update_track_events_fallthrough(
    config: EnvironmentConfig, instruction: Instruction, _: PatchScope
) -> EnvironmentConfig:
    """Change whether SDKs send an event for every evaluation that ends at the default rule."""
    return replace(config, track_events_fallthrough=member(instruction, "trackEvents", bool))


INSTRUCTIONS: dict[str, TargetingInstruction] = {
    "turnFlagOn": turn_flag_on,
    "turnFlagOff": turn_flag_off,
    "updateFallthroughVariationOrRollout": update_fallthrough,
    "updateOffVariation": update_off_variation,
    "updateTrackEvents": update_track_events,
    "updateTrackEventsFallthrough": update_track_events_fallthrough,
}
