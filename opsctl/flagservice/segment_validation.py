"""What must hold of a segment as a whole, whichever way it was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.model import FULL_WEIGHT
from opsctl.flagservice.validation import check_clause, check_context_kind, patterns_of, require_distinct

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opsctl.flagservice.model import Clause
    from opsctl.flagservice.segment_model import Segment

SEGMENT_MATCH = "segmentMatch"


def validate_segment(segment: Segment, segments: Mapping[str, Segment]) -> None:
    """Check a segment before it is kept.

    `segments` are those of its environment. Of the one of its own key only the regular expressions are looked at: what
    was there before may stay.

    Raises:
        ApiError: 400, with the first thing that does not hold.
    """
    if not segment.name.strip():
        raise invalid_request("name must not be empty")
    for target in (*segment.included, *segment.excluded):
        check_context_kind(target.context_kind)
    require_distinct((rule.id for rule in segment.rules), "rules must have different ids")
    before = segments.get(segment.key)
    kept_patterns = patterns_of(() if before is None else before.rules)
    for rule in segment.rules:
        require_distinct((clause.id for clause in rule.clauses), "clauses of a rule must have different ids")
        for clause in rule.clauses:
            check_clause(clause, kept_patterns)
        if rule.weight is not None and not 0 <= rule.weight <= FULL_WEIGHT:
            raise invalid_request(f"a rule's weight must be from 0 to {FULL_WEIGHT}")
        if rule.rollout_context_kind is not None:
            check_context_kind(rule.rollout_context_kind)
    if segment.key in _reached(segment, {**segments, segment.key: segment}):
        raise invalid_request(f"segment {segment.key!r} would be a part of itself")


def segments_named(clauses: Iterable[Clause]) -> set[str]:
    """Return the keys of the segments that clauses refer to."""
    return {
        value for clause in clauses if clause.op == SEGMENT_MATCH for value in clause.values if isinstance(value, str)
    }


def clauses_of(segment: Segment) -> Iterator[Clause]:
    """Yield every clause of every rule."""
    return (clause for rule in segment.rules for clause in rule.clauses)


def _reached(segment: Segment, segments: Mapping[str, Segment]) -> set[str]:
    """Return the keys of all segments that a segment refers to, directly or through others."""
    found: set[str] = set()
    waiting = [segment]
    while waiting:
        for key in segments_named(clauses_of(waiting.pop())) - found:
            found.add(key)
            if key in segments:
                waiting.append(segments[key])
    return found
