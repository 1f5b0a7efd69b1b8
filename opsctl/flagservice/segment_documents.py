"""Segments as JSON documents: what the database keeps, and what JSON patches are applied to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.flagservice.documents import clause_document, without_nulls
from opsctl.flagservice.model import USER_KIND
from opsctl.flagservice.parsing import parse_clause
from opsctl.flagservice.reading import exactly, member, objects, optional, texts
from opsctl.flagservice.segment_model import Segment, SegmentRule, SegmentTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SEGMENT_MEMBERS = frozenset(
    {
        *("name", "description", "tags", "rules"),
        *("included", "excluded", "includedContexts", "excludedContexts"),
    }
)
"""The members that a patch may change."""


def segment_document(segment: Segment) -> dict[str, Any]:
    """Return the segment as JSON, in the words of the REST API; `parse_segment` reads it back."""
    return without_nulls(
        {
            "key": segment.key,
            "name": segment.name,
            "description": segment.description,
            "tags": list(segment.tags),
            "creationDate": segment.created_ms,
            "lastModifiedDate": segment.modified_ms,
            "salt": segment.salt,
            "version": segment.version,
            **segment_targets(segment),
            "rules": [_rule_document(rule) for rule in segment.rules],
        }
    )


def parse_segment(document: Mapping[str, Any], new_id: Callable[[], str]) -> Segment:
    """Read a segment from the JSON that `segment_document` writes; rules and clauses without an id get a new one.

    Raises:
        ApiError: 400, a member is missing or of a wrong type.
    """
    return Segment(
        key=member(document, "key", str),
        name=member(document, "name", str),
        description=optional(document, "description", str),
        tags=texts(document, "tags", []),
        created_ms=member(document, "creationDate", int),
        modified_ms=member(document, "lastModifiedDate", int),
        salt=member(document, "salt", str),
        version=member(document, "version", int),
        included=_parse_targets(document, "included"),
        excluded=_parse_targets(document, "excluded"),
        rules=tuple(parse_segment_rule(item, new_id) for item in objects(document, "rules", [])),
    )


def parse_segment_rule(item: Mapping[str, Any], new_id: Callable[[], str]) -> SegmentRule:
    """Read one rule of a segment.

    Raises:
        ApiError: 400, a member is missing or of a wrong type.
    """
    return SegmentRule(
        id=member(item, "_id", str, "") or new_id(),
        clauses=tuple(parse_clause(clause, new_id) for clause in objects(item, "clauses", [])),
        description=optional(item, "description", str),
        weight=optional(item, "weight", int),
        bucket_by=optional(item, "bucketBy", str) or None,
        rollout_context_kind=optional(item, "rolloutContextKind", str) or None,
    )


def keys_of(targets: tuple[SegmentTarget, ...], context_kind: str) -> tuple[str, ...]:
    """Return the keys of one kind."""
    return next((target.values for target in targets if target.context_kind == context_kind), ())


def segment_targets(segment: Segment) -> dict[str, Any]:
    """Return the four lists of keys that REST API and SDKs have of it: those of users apart from those of others."""
    return {
        "included": list(keys_of(segment.included, USER_KIND)),
        "excluded": list(keys_of(segment.excluded, USER_KIND)),
        "includedContexts": _other_kinds(segment.included),
        "excludedContexts": _other_kinds(segment.excluded),
    }


def _other_kinds(targets: tuple[SegmentTarget, ...]) -> list[dict[str, Any]]:
    return [
        {"contextKind": target.context_kind, "values": list(target.values)}
        for target in targets
        if target.context_kind != USER_KIND
    ]


def _parse_targets(document: Mapping[str, Any], name: str) -> tuple[SegmentTarget, ...]:
    keys: dict[str, dict[str, None]] = {USER_KIND: dict.fromkeys(texts(document, name, []))}
    for item in objects(document, f"{name}Contexts", []):
        kind = member(item, "contextKind", str, "") or USER_KIND
        values = member(item, "values", list, [])
        keys.setdefault(kind, {}).update(dict.fromkeys(exactly(one, "each of values", str) for one in values))
    return tuple(SegmentTarget(tuple(values), kind) for kind, values in keys.items() if values)


def _rule_document(rule: SegmentRule) -> dict[str, Any]:
    return without_nulls(
        {
            "_id": rule.id,
            "description": rule.description,
            "clauses": [clause_document(clause) for clause in rule.clauses],
            **segment_share(rule),
        }
    )


def segment_share(rule: SegmentRule) -> dict[str, Any]:
    """Return how large a part of the contexts that match a rule are members; nulls stand for all of them."""
    return {"weight": rule.weight, "bucketBy": rule.bucket_by, "rolloutContextKind": rule.rollout_context_kind}
