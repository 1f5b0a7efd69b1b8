"""Copying a flag's configuration to another environment, as instructions that say what it comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import conflict, invalid_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opsctl.flagservice.model import Clause, EnvironmentConfig, Flag, Serve

_PREREQUISITES = "updatePrerequisites"
_Instruction = dict[str, Any]


def copying_instructions(
    flags: Mapping[str, Flag],
    key: str,
    source: str,
    target: str,
    *,
    version: int | None,
    included: Iterable[str] | None,
    excluded: Iterable[str],
) -> list[_Instruction]:
    """Return what makes the configuration in `target` the one in `source`, or the named parts of it.

    Raises:
        ApiError: 400, a part is unknown, both lists are given, or nothing is left; 409, the source has another version.
    """
    flag = flags[key]
    config = flag.environments[source]
    if version is not None and version != config.version:
        raise conflict(f"The flag is at version {config.version} in environment {source!r}, not {version}.")
    excluded = set(excluded)
    if included is not None and excluded:
        raise invalid_request("includedActions and excludedActions cannot be used together")
    known = {*_PARTS, _PREREQUISITES}
    wanted = set(known if included is None else included) - excluded
    unknown = (wanted | excluded) - known
    if unknown:
        raise invalid_request(f"there is no action {min(unknown)!r} to copy")
    if not wanted or source == target:
        raise invalid_request("there is nothing to copy")
    instructions = [found for name, part in _PARTS.items() if name in wanted for found in part(flag, config)]
    if _PREREQUISITES in wanted:
        instructions.append(_prerequisites(flags, config))
    return instructions


def _prerequisites(flags: Mapping[str, Flag], config: EnvironmentConfig) -> _Instruction:
    prerequisites = [
        {"key": one.key, "variationId": flags[one.key].variations[one.variation].id} for one in config.prerequisites
    ]
    return {"kind": "replacePrerequisites", "prerequisites": prerequisites}


def _on(_: Flag, config: EnvironmentConfig) -> list[_Instruction]:
    return [{"kind": "turnFlagOn" if config.on else "turnFlagOff"}]


def _off_variation(flag: Flag, config: EnvironmentConfig) -> list[_Instruction]:
    if config.off_variation is None:
        return []
    return [{"kind": "updateOffVariation", "variationId": flag.variations[config.off_variation].id}]


def _fallthrough(flag: Flag, config: EnvironmentConfig) -> list[_Instruction]:
    return [{"kind": "updateFallthroughVariationOrRollout", **_serve(flag, config.fallthrough)}]


def _targets(flag: Flag, config: EnvironmentConfig) -> list[_Instruction]:
    targets = [
        {
            "contextKind": target.context_kind,
            "variationId": flag.variations[target.variation].id,
            "values": list(target.values),
        }
        for target in config.targets
    ]
    return [{"kind": "replaceTargets", "targets": targets}]


def _rules(flag: Flag, config: EnvironmentConfig) -> list[_Instruction]:
    rules = [
        {
            "clauses": [_clause(clause) for clause in rule.clauses],
            "description": rule.description,
            "trackEvents": rule.track_events,
            **_serve(flag, rule.serve),
        }
        for rule in config.rules
    ]
    return [{"kind": "replaceRules", "rules": rules}]


def _serve(flag: Flag, serve: Serve) -> _Instruction:
    if serve.rollout is None:
        return {"variationId": flag.variations[serve.variation or 0].id}
    return {
        "rolloutWeights": {flag.variations[part.variation].id: part.weight for part in serve.rollout.variations},
        "rolloutBucketBy": serve.rollout.bucket_by,
        "rolloutContextKind": serve.rollout.context_kind,
    }


def _clause(clause: Clause) -> _Instruction:
    return {
        "contextKind": clause.context_kind,
        "attribute": clause.attribute,
        "op": clause.op,
        "values": list(clause.values),
        "negate": clause.negate,
    }


_PARTS: dict[str, Callable[[Flag, EnvironmentConfig], list[_Instruction]]] = {
    "updateOn": _on,
    "updateOffVariation": _off_variation,
    "updateFallthrough": _fallthrough,
    "updateTargets": _targets,
    "updateRules": _rules,
}
