"""Clauses: the conditions of a rule."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.instructions.rules import find_rule, put_rule
from opsctl.flagservice.parsing import parse_clause
from opsctl.flagservice.reading import member, objects, texts

if TYPE_CHECKING:
    from opsctl.flagservice.instructions.scope import Instruction, PatchScope, TargetingInstruction
    from opsctl.flagservice.model import Clause, EnvironmentConfig, Rule


def add_clauses(config: EnvironmentConfig, instruction: Instruction, scope: PatchScope) -> EnvironmentConfig:
    """Add conditions to a rule."""
    rule = find_rule(config, instruction)
    added = tuple(parse_clause({**item, "_id": None}, scope.new_id) for item in objects(instruction, "clauses"))
    return put_rule(config, replace(rule, clauses=(*rule.clauses, *added)))


def remove_clauses(config: EnvironmentConfig, instruction: Instruction, _: PatchScope) -> EnvironmentConfig:
    """Remove conditions from a rule."""
    rule = find_rule(config, instruction)
    removed = set(texts(instruction, "clauseIds"))
    return put_rule(config, replace(rule, clauses=tuple(one for one in rule.clauses if one.id not in removed)))


def update_clause(config: EnvironmentConfig, instruction: Instruction, scope: PatchScope) -> EnvironmentConfig:
    """Replace a condition; it keeps its id."""
    rule = find_rule(config, instruction)
    old = _find_clause(rule, instruction)
    new = parse_clause({**member(instruction, "clause", dict), "_id": old.id}, scope.new_id)
    return put_rule(config, _put_clause(rule, new))


def add_values_to_clause(config: EnvironmentConfig, instruction: Instruction, _: PatchScope) -> EnvironmentConfig:
    """Add values to a condition; those it has do not matter."""
    rule = find_rule(config, instruction)
    clause = _find_clause(rule, instruction)
    added = [value for value in member(instruction, "values", list) if not _holds(clause.values, value)]
    return put_rule(config, _put_clause(rule, replace(clause, values=(*clause.values, *added))))


def remove_values_from_clause(config: EnvironmentConfig, instruction: Instruction, _: PatchScope) -> EnvironmentConfig:
    """Remove values from a condition; those it does not have do not matter."""
    rule = find_rule(config, instruction)
    clause = _find_clause(rule, instruction)
    removed = member(instruction, "values", list)
    kept = tuple(value for value in clause.values if not _holds(removed, value))
    return put_rule(config, _put_clause(rule, replace(clause, values=kept)))


def _find_clause(rule: Rule, instruction: Instruction) -> Clause:
    clause_id = member(instruction, "clauseId", str)
    for clause in rule.clauses:
        if clause.id == clause_id:
            return clause
    raise invalid_request(f"rule {rule.id!r} has no clause with id {clause_id!r}")


def _put_clause(rule: Rule, clause: Clause) -> Rule:
    return replace(rule, clauses=tuple(clause if one.id == clause.id else one for one in rule.clauses))


def _holds(values: list[Any] | tuple[Any, ...], value: Any) -> bool:
    return any(type(one) is type(value) and one == value for one in values)


INSTRUCTIONS: dict[str, TargetingInstruction] = {
    "addClauses": add_clauses,
    "removeClauses": remove_clauses,
    "updateClause": update_clause,
    "addValuesToClause": add_values_to_clause,
    "removeValuesFromClause": remove_values_from_clause,
}
