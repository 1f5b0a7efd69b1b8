"""The three patch formats of segments, told apart as those of flags are: by content type, then by shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import invalid_request, not_understood
from opsctl.flagservice.creation import new_id
from opsctl.flagservice.json_patch import apply_member_merge, apply_operations
from opsctl.flagservice.reading import exactly, objects, optional
from opsctl.flagservice.rest.flag_patch import SEMANTIC
from opsctl.flagservice.segment_documents import SEGMENT_MEMBERS, parse_segment, segment_document
from opsctl.flagservice.segment_instructions import SegmentScope, apply_segment_instructions

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.flagservice.auditing import Author
    from opsctl.flagservice.rest.call import Call
    from opsctl.flagservice.segment_model import Segment


@dataclass(frozen=True, slots=True)
class PlannedSegmentChange:
    """What a patch makes of a segment, and who asks for it."""

    plan: Callable[[Segment], Segment]
    author: Author


def plan_segment_patch(call: Call, environment: str) -> PlannedSegmentChange:
    """Read the patch of a segment of that environment.

    Raises:
        ApiError: 400 or 422, it cannot be read. What it asks for is only checked when the plan runs.
    """
    body = call.body()
    if call.request.mimetype_params.get("domain-model") == SEMANTIC:
        return _semantic(call, exactly(body, "a semantic patch", dict), environment)
    if isinstance(body, list):
        return _json(call, body, None)
    if not isinstance(body, dict):
        raise not_understood("a patch is an array of operations, or an object")
    if "instructions" in body:
        raise invalid_request(
            "a semantic patch needs the header Content-Type: application/json; domain-model=launchdarkly.semanticpatch"
        )
    if "patch" in body:
        return _json(call, body["patch"], body)
    merge = exactly(body["merge"], "merge", dict) if "merge" in body else body
    return PlannedSegmentChange(
        plan=lambda segment: parse_segment(
            apply_member_merge(segment_document(segment), merge, SEGMENT_MEMBERS), new_id
        ),
        author=call.author(body if "merge" in body else None),
    )


def _semantic(call: Call, body: dict[str, Any], environment: str) -> PlannedSegmentChange:
    instructions = objects(body, "instructions")
    if optional(body, "environmentKey", str) not in {None, environment}:
        raise invalid_request(f"environmentKey must be {environment!r}, as in the address")
    return PlannedSegmentChange(
        plan=lambda segment: apply_segment_instructions(segment, instructions, SegmentScope(new_id)),
        author=call.author(body),
    )


def _json(call: Call, operations: Any, body: dict[str, Any] | None) -> PlannedSegmentChange:
    def plan(segment: Segment) -> Segment:
        # The REST API shows these always, and patches address what was read.
        document = {"description": "", "_version": segment.version, **segment_document(segment)}
        patched = apply_operations(document, operations, lambda parts: parts[0] in SEGMENT_MEMBERS)
        if segment.description is None and patched.get("description") == "":
            del patched["description"]
        return parse_segment(patched, new_id)

    return PlannedSegmentChange(plan=plan, author=call.author(body, delta=operations))
