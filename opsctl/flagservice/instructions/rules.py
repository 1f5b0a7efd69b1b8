"""Rules: their order, what they serve, and whether they are tracked. Their conditions are in `clauses`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.instructions.scope import serve_of
from opsctl.flagservice.model import EnvironmentConfig, Rule
from opsctl.flagservice.parsing import parse_clause
from opsctl.flagservice.reading import member, objects, optional, texts

if TYPE_CHECKING:
    from opsctl.flagservice.instructions.scope import Instruction, PatchScope, TargetingInstruction


def find_rule(config: EnvironmentConfig, instruction: Instruction) -> Rule:
    """Return the rule that the instruction's `ruleId` names.

    Raises:
        ApiError: 400, there is no such rule.
    """
    rule_id = member(instruction, "ruleId", str)
    for rule in config.rules:
        if rule.id == rule_id:
            return rule
    raise invalid_request(f"there is no rule with id {rule_id!r}")


def put_rule(config: EnvironmentConfig, rule: Rule) -> EnvironmentConfig:
    """Return the configuration with that rule in the place of the one with the same id."""
    return replace(config, rules=tuple(rule if one.id == rule.id else one for one in config.rules))


def add_rule(config: EnvironmentConfig, instruction: Instruction, scope: PatchScope) -> EnvironmentConfig:
    """Add a rule, at the end or before the one that `beforeRuleId` names."""
    before = optional(instruction, "beforeRuleId", str)
    rule = _new_rule(instruction, scope)
    if before is None:
        return replace(config, rules=(*config.rules, rule))
    place = config.rules.index(find_rule(config, {"ruleId": before}))
    return replace(config, rules=(*config.rules[:place], rule, *config.rules[place:]))


def remove_rule(config: EnvironmentConfig, instruction: Instruction, _: PatchScope) -> EnvironmentConfig:
    """Remove a rule; one that is not there does not matter."""
    rule_id = member(instruction, "ruleId", str)
    return replace(config, rules=tuple(rule for rule in config.rules if rule.id != rule_id))


def replace_rules(config: EnvironmentConfig, instruction: Instruction, scope: PatchScope) -> EnvironmentConfig:
    """Replace all rules by those given."""
    return replace(config, rules=tuple(_new_rule(item, scope) for item in objects(instruction, "rules")))


def reorder_rules(config: EnvironmentConfig, instruction: Instruction, _: PatchScope) -> EnvironmentConfig:
    """Put the rules in the given order, which must name each of them once."""
    order = texts(instruction, "ruleIds")
    by_id = {rule.id: rule for rule in config.rules}
    if set(order) != set(by_id):
        raise invalid_request("ruleIds must name every rule of the environment, and nothing else")
    return replace(config, rules=tuple(by_id[rule_id] for rule_id in order))


def update_rule_description(config: EnvironmentConfig, instruction: Instruction, _: PatchScope) -> EnvironmentConfig:
    """Change a rule's description."""
    description = member(instruction, "description", str)
    return put_rule(config, replace(find_rule(config, instruction), description=description))


def update_rule_track_events(config: EnvironmentConfig, instruction: Instruction, _: PatchScope) -> EnvironmentConfig:
    """Change whether SDKs send an event for every evaluation that a rule decides."""
    track_events = member(instruction, "trackEvents", bool)
    return put_rule(config, replace(find_rule(config, instruction), track_events=track_events))


def update_rule_serve(config: EnvironmentConfig, instruction: Instruction, scope: PatchScope) -> EnvironmentConfig:
    """Change what a rule serves."""
    return put_rule(config, replace(find_rule(config, instruction), serve=serve_of(instruction, scope.flag)))


def _new_rule(item: Instruction, scope: PatchScope) -> Rule:
    return Rule(
        id=scope.new_id(),
        clauses=tuple(parse_clause({**clause, "_id": None}, scope.new_id) for clause in objects(item, "clauses", [])),
        serve=serve_of(item, scope.flag),
        description=optional(item, "description", str),
        track_events=member(item, "trackEvents", bool, False),
    )


INSTRUCTIONS: dict[str, TargetingInstruction] = {
    "addRule": add_rule,
    "removeRule": remove_rule,
    "replaceRules": replace_rules,
    "reorderRules": reorder_rules,
    "updateRuleDescription": update_rule_description,
    "updateRuleTrackEvents": update_rule_track_events,
    "updateRuleVariationOrRollout": update_rule_serve,
}
