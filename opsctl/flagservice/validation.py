"""What must hold of a flag as a whole, whichever way it was changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.model import FULL_WEIGHT
from opsctl.flagservice.patterns import check_pattern

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from opsctl.flagservice.model import Clause, EnvironmentConfig, Flag, Rule, Serve
    from opsctl.flagservice.segment_model import SegmentRule

OPERATORS = frozenset(
    {
        *("in", "endsWith", "startsWith", "matches", "contains"),
        *("lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual", "before", "after"),
        *("semVerEqual", "semVerLessThan", "semVerGreaterThan", "segmentMatch"),
    }
)
_CONTEXT_KIND = re.compile(r"[A-Za-z0-9._-]{1,256}")
_FEWEST_VARIATIONS = 2
_ROLLOUT_KINDS = frozenset({None, "rollout", "experiment"})


def validate(flag: Flag, flags: Mapping[str, Flag]) -> None:
    """Check a flag before it is kept.

    `flags` are those of its project. Of the one of its own key only the regular expressions are looked at: what was
    there before may stay.

    Raises:
        ApiError: 400, with the first thing that does not hold.
    """
    _check_variations(flag)
    before = flags.get(flag.key)
    rules = () if before is None else (rule for config in before.environments.values() for rule in config.rules)
    kept_patterns = patterns_of(rules)
    for key, config in flag.environments.items():
        _check_config(flag, key, config, kept_patterns)
    _check_prerequisites(flag, {**flags, flag.key: flag})


def _check_variations(flag: Flag) -> None:
    _require(bool(flag.name.strip()), "name must not be empty")
    _require(len(flag.variations) >= _FEWEST_VARIATIONS, "a flag must have at least two variations")
    require_distinct((repr(one.value) for one in flag.variations), "variations must have different values")
    require_distinct((one.id for one in flag.variations), "variations must have different ids")
    kinds = {_json_type(one.value) for one in flag.variations}
    _require(len(kinds) == 1, "variations must all be of the same type")
    for index in (flag.on_variation, flag.off_variation):
        _check_index(flag, index)


def _check_config(flag: Flag, environment: str, config: EnvironmentConfig, kept_patterns: Collection[str]) -> None:
    _check_serve(flag, config.fallthrough)
    if config.off_variation is not None:
        _check_index(flag, config.off_variation)
    seen: set[tuple[str, str]] = set()
    for target in config.targets:
        _check_index(flag, target.variation)
        check_context_kind(target.context_kind)
        for value in target.values:
            _require(
                (target.context_kind, value) not in seen,
                f"{target.context_kind} {value!r} is targeted more than once in environment {environment!r}",
            )
            seen.add((target.context_kind, value))
    require_distinct((rule.id for rule in config.rules), "rules must have different ids")
    for rule in config.rules:
        _check_rule(flag, rule, kept_patterns)


def _check_rule(flag: Flag, rule: Rule, kept_patterns: Collection[str]) -> None:
    _check_serve(flag, rule.serve)
    _require(bool(rule.clauses), "a rule must have at least one clause")
    require_distinct((clause.id for clause in rule.clauses), "clauses of a rule must have different ids")
    for clause in rule.clauses:
        check_clause(clause, kept_patterns)


def check_clause(clause: Clause, kept_patterns: Collection[str] = ()) -> None:
    """Check one clause of a rule of a flag or a segment.

    Args:
        clause: The clause.
        kept_patterns: Regular expressions that were there before, and so are no reason to refuse a change.

    Raises:
        ApiError: 400.
    """
    _require(clause.op in OPERATORS, f"there is no operator {clause.op!r}")
    _require(bool(clause.attribute) or clause.op == "segmentMatch", "attribute is required")
    check_context_kind(clause.context_kind)
    for value in clause.values if clause.op == "matches" else ():
        if isinstance(value, str) and value not in kept_patterns:
            check_pattern(value)


def patterns_of(rules: Iterable[Rule | SegmentRule]) -> frozenset[str]:
    """Return the regular expressions in the clauses of rules."""
    clauses = (clause for rule in rules for clause in rule.clauses if clause.op == "matches")
    return frozenset(value for clause in clauses for value in clause.values if isinstance(value, str))


def _check_serve(flag: Flag, serve: Serve) -> None:
    for index in serve.indexes():
        _check_index(flag, index)
    if serve.rollout is None:
        return
    weights = [part.weight for part in serve.rollout.variations]
    _require(all(weight >= 0 for weight in weights), "weights must not be negative")
    _require(sum(weights) == FULL_WEIGHT, f"weights must add up to {FULL_WEIGHT}, not {sum(weights)}")
    require_distinct(serve.indexes(), "a rollout must name each variation once at most")
    _require(serve.rollout.kind in _ROLLOUT_KINDS, "a rollout's kind is rollout or experiment")
    check_context_kind(serve.rollout.context_kind)


def _check_prerequisites(flag: Flag, flags: Mapping[str, Flag]) -> None:
    for environment, config in flag.environments.items():
        require_distinct((one.key for one in config.prerequisites), "a flag is a prerequisite once at most")
        for one in config.prerequisites:
            required = flags.get(one.key)
            if required is None:
                raise invalid_request(f"there is no flag {one.key!r} to be a prerequisite")
            _require(not required.is_archived, f"flag {one.key!r} is archived, and cannot be a prerequisite")
            _check_index(required, one.variation)
        _require(
            flag.key not in _required_by(flag.key, environment, flags),
            f"flag {flag.key!r} would be a prerequisite of itself in environment {environment!r}",
        )
    if flag.is_archived:
        require_unneeded(flag.key, flags)


def require_unneeded(key: str, flags: Mapping[str, Flag]) -> None:
    """Check that no flag has `key` as a prerequisite.

    Raises:
        ApiError: 400, naming one that does.
    """
    for other in flags.values():
        needs = any(one.key == key for config in other.environments.values() for one in config.prerequisites)
        _require(other.key == key or not needs, f"flag {key!r} is a prerequisite of flag {other.key!r}")


def _required_by(key: str, environment: str, flags: Mapping[str, Flag]) -> set[str]:
    """Return the keys of all flags that the flag needs, directly or through others."""
    found: set[str] = set()
    waiting = [key]
    while waiting:
        flag = flags.get(waiting.pop())
        config = None if flag is None else flag.environments.get(environment)
        for one in () if config is None else config.prerequisites:
            if one.key not in found:
                found.add(one.key)
                waiting.append(one.key)
    return found


def _check_index(flag: Flag, index: int) -> None:
    _require(0 <= index < len(flag.variations), f"flag {flag.key!r} has no variation {index}")


def check_context_kind(kind: str) -> None:
    """Check that contexts may be of that kind.

    Raises:
        ApiError: 400.
    """
    is_valid = _CONTEXT_KIND.fullmatch(kind) is not None and kind not in {"kind", "multi"}
    _require(is_valid, f"{kind!r} is not a context kind")


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return "string" if isinstance(value, str) else "json"


def require_distinct(values: Iterable[Any], message: str) -> None:
    """Check that no value is there twice.

    Raises:
        ApiError: 400, with the message.
    """
    listed = list(values)
    _require(len(set(listed)) == len(listed), message)


def _require(holds: bool, message: str) -> None:  # noqa: FBT001 - the condition is the argument's whole meaning
    if not holds:
        raise invalid_request(message)
