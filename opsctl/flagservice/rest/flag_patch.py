"""The three patch formats of flags, told apart as LaunchDarkly does: by content type, then by shape."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import invalid_request, not_understood
from opsctl.flagservice.creation import new_id
from opsctl.flagservice.documents import flag_document
from opsctl.flagservice.instructions.scope import PatchScope
from opsctl.flagservice.json_patch import apply_json_patch, apply_merge_patch
from opsctl.flagservice.parsing import parse_flag
from opsctl.flagservice.reading import exactly, member, objects, optional
from opsctl.flagservice.semantic_patch import apply_instructions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opsctl.flagservice.auditing import Author
    from opsctl.flagservice.model import Flag
    from opsctl.flagservice.rest.call import Call

SEMANTIC = "launchdarkly.semanticpatch"
_DELETE = "deleteFlag"


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """What a patch makes of a flag, and who asks for it; `deletes` when the flag is to go after that."""

    plan: Callable[[Flag], Flag]
    author: Author
    deletes: bool = False


def plan_patch(call: Call, flags: Mapping[str, Flag], now_ms: int) -> PlannedChange:
    """Read the patch of a flag.

    Raises:
        ApiError: 400 or 422, it cannot be read. What it asks for is only checked when the plan runs.
    """
    body = call.body()
    if call.request.mimetype_params.get("domain-model") == SEMANTIC:
        return _semantic(call, exactly(body, "a semantic patch", dict), flags, now_ms)
    if isinstance(body, list):
        return _json(call, body, None, now_ms)
    if not isinstance(body, dict):
        raise not_understood("a patch is an array of operations, or an object")
    if "instructions" in body:
        raise invalid_request(
            "a semantic patch needs the header Content-Type: application/json; domain-model=launchdarkly.semanticpatch"
        )
    if "patch" in body:
        return _json(call, body["patch"], body, now_ms)
    merge = exactly(body["merge"], "merge", dict) if "merge" in body else body
    return PlannedChange(
        plan=lambda flag: _parsed(flag, apply_merge_patch(flag_document(flag), merge), now_ms),
        author=replace(call.author(body if "merge" in body else None), merge=merge),
    )


def _semantic(call: Call, body: dict[str, Any], flags: Mapping[str, Flag], now_ms: int) -> PlannedChange:
    instructions = objects(body, "instructions")
    environment = optional(body, "environmentKey", str)
    deletes = bool(instructions) and instructions[-1].get("kind") == _DELETE
    if deletes:
        instructions = instructions[:-1]

    def plan(flag: Flag) -> Flag:
        if environment is not None and environment not in flag.environments:
            raise invalid_request(f"there is no environment {environment!r}")
        scope = PatchScope(flag=flag, flags=flags, now_ms=now_ms, new_id=new_id)
        return apply_instructions(flag, environment, instructions, scope)

    return PlannedChange(plan=plan, author=call.author(body), deletes=deletes)


def _json(call: Call, operations: Any, body: dict[str, Any] | None, now_ms: int) -> PlannedChange:
    def plan(flag: Flag) -> Flag:
        # LaunchDarkly documents tests of /version; the member itself is called _version.
        document = flag_document(flag) | {"version": flag.version}
        return _parsed(flag, apply_json_patch(document, operations), now_ms)

    return PlannedChange(plan=plan, author=call.author(body, delta=operations))


def _parsed(flag: Flag, patched: dict[str, Any], now_ms: int) -> Flag:
    for state, date in (("archived", "archivedDate"), ("deprecated", "deprecatedDate")):
        if member(patched, state, bool, False):
            patched.setdefault(date, now_ms)
        else:
            patched.pop(date, None)
    environments = member(patched, "environments", dict)
    if environments.keys() != flag.environments.keys():
        raise invalid_request("environments cannot be added or removed by patching a flag")
    return parse_flag(patched, new_id)
