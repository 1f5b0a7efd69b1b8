"""Semantic patches of segments: a list of instructions that applies as a whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.instructions import clauses, rules
from opsctl.flagservice.model import USER_KIND
from opsctl.flagservice.reading import member, objects, optional, texts
from opsctl.flagservice.segment_documents import keys_of, parse_segment_rule
from opsctl.flagservice.segment_model import Segment, SegmentTarget

if TYPE_CHECKING:
    from collections.abc import Sequence

Instruction = Mapping[str, Any]
_Side = Literal["included", "excluded"]
_MOST_TARGETS = 1500
_OTHER_SIDE: dict[_Side, _Side] = {"included": "excluded", "excluded": "included"}


@dataclass(frozen=True, slots=True)
class SegmentScope:
    """What instructions may know beyond the segment."""

    new_id: Callable[[], str]


SegmentInstruction = Callable[[Segment, Instruction, SegmentScope], Segment]


def apply_segment_instructions(segment: Segment, instructions: Sequence[Instruction], scope: SegmentScope) -> Segment:
    """Return the segment after all instructions, in their order; the one given is untouched.

    The result still has to be validated as a whole. Its version is left alone.

    Raises:
        ApiError: 400, an instruction is unknown, not supported, or cannot be carried out; or together they name more
            than 1500 targets.
    """
    targets = 0
    for instruction in instructions:
        kind = member(instruction, "kind", str)
        if kind not in INSTRUCTIONS:
            what = "not supported by this service" if "BigSegment" in kind else "no instruction for segments"
            raise invalid_request(f"instruction {kind!r} is {what}")
        if kind in _TARGETING:
            targets += len(texts(instruction, "values"))
            if targets > _MOST_TARGETS:
                raise invalid_request(f"a patch may name {_MOST_TARGETS} targets at most")
        segment = INSTRUCTIONS[kind](segment, instruction, scope)
    return segment


def update_name(segment: Segment, instruction: Instruction, _: SegmentScope) -> Segment:
    """Change the name."""
    return replace(segment, name=member(instruction, "value", str))


def update_description(segment: Segment, instruction: Instruction, _: SegmentScope) -> Segment:
    """Change the description."""
    return replace(segment, description=member(instruction, "value", str))


def add_tags(segment: Segment, instruction: Instruction, _: SegmentScope) -> Segment:
    """Add tags; those it has do not matter."""
    return replace(segment, tags=tuple(dict.fromkeys((*segment.tags, *texts(instruction, "values")))))


def remove_tags(segment: Segment, instruction: Instruction, _: SegmentScope) -> Segment:
    """Remove tags; those it does not have do not matter."""
    removed = set(texts(instruction, "values"))
    return replace(segment, tags=tuple(tag for tag in segment.tags if tag not in removed))


def add_rule(segment: Segment, instruction: Instruction, scope: SegmentScope) -> Segment:
    """Add a rule at the end."""
    item = {**instruction, "_id": None}
    item["clauses"] = [{**clause, "_id": None} for clause in objects(instruction, "clauses", [])]
    return replace(segment, rules=(*segment.rules, parse_segment_rule(item, scope.new_id)))


def update_rule_rollout(segment: Segment, instruction: Instruction, _: SegmentScope) -> Segment:
    """Change which part of the contexts that match a rule are members, and by which kind they are told apart."""
    rule_id = member(instruction, "ruleId", str)
    weight = instruction.get("weight")
    if isinstance(weight, str) and weight.isascii() and weight.isdigit():
        # LaunchDarkly's own example has it as text.
        weight = int(weight)
    known = [rule for rule in segment.rules if rule.id == rule_id]
    if not known:
        raise invalid_request(f"there is no rule with id {rule_id!r}")
    changed = replace(
        known[0],
        weight=member({"weight": weight}, "weight", int),
        rollout_context_kind=optional(instruction, "contextKind", str) or known[0].rollout_context_kind,
    )
    return replace(segment, rules=tuple(changed if rule.id == rule_id else rule for rule in segment.rules))


def _adding(side: _Side, kind: str | None = None) -> SegmentInstruction:
    def add(segment: Segment, instruction: Instruction, _: SegmentScope) -> Segment:
        context_kind = kind or member(instruction, "contextKind", str, "") or USER_KIND
        added = texts(instruction, "values")
        other = keys_of(getattr(segment, _OTHER_SIDE[side]), context_kind)
        for value in added:
            if value in other:
                raise invalid_request(f"{context_kind} {value!r} cannot be both included and excluded")
        return _with_keys(segment, side, context_kind, (*keys_of(getattr(segment, side), context_kind), *added))

    return add


def _removing(side: _Side, kind: str | None = None) -> SegmentInstruction:
    def remove(segment: Segment, instruction: Instruction, _: SegmentScope) -> Segment:
        context_kind = kind or member(instruction, "contextKind", str, "") or USER_KIND
        removed = set(texts(instruction, "values"))
        kept = [key for key in keys_of(getattr(segment, side), context_kind) if key not in removed]
        return _with_keys(segment, side, context_kind, kept)

    return remove


def _with_keys(segment: Segment, side: _Side, context_kind: str, keys: Sequence[str]) -> Segment:
    target = SegmentTarget(tuple(dict.fromkeys(keys)), context_kind)
    before: tuple[SegmentTarget, ...] = getattr(segment, side)
    if any(one.context_kind == context_kind for one in before):
        targets = tuple(target if one.context_kind == context_kind else one for one in before)
    else:
        targets = (*before, target)
    kept = tuple(one for one in targets if one.values)
    return replace(segment, included=kept) if side == "included" else replace(segment, excluded=kept)


_TARGETING: dict[str, SegmentInstruction] = {
    "addIncludedTargets": _adding("included"),
    "addIncludedUsers": _adding("included", USER_KIND),
    "addExcludedTargets": _adding("excluded"),
    "addExcludedUsers": _adding("excluded", USER_KIND),
    "removeIncludedTargets": _removing("included"),
    "removeIncludedUsers": _removing("included", USER_KIND),
    "removeExcludedTargets": _removing("excluded"),
    "removeExcludedUsers": _removing("excluded", USER_KIND),
}
# Rules of segments have an id and clauses as rules of flags do, and these instructions touch nothing else of them.
_OF_RULES = cast(
    "dict[str, SegmentInstruction]",
    {
        **clauses.INSTRUCTIONS,
        "removeRule": rules.remove_rule,
        "reorderRules": rules.reorder_rules,
        "updateRuleDescription": rules.update_rule_description,
    },
)
INSTRUCTIONS: dict[str, SegmentInstruction] = {
    "updateName": update_name,
    "updateDescription": update_description,
    "addTags": add_tags,
    "removeTags": remove_tags,
    "addRule": add_rule,
    "updateRuleRolloutAndContextKind": update_rule_rollout,
    **_TARGETING,
    **_OF_RULES,
}
"""Every instruction for segments but those for big segments."""
