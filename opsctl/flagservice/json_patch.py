"""JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7386) on flag documents."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import jsonpatch
import jsonpointer

from opsctl.flagservice.api_errors import conflict, invalid_request, not_understood
from opsctl.flagservice.reading import exactly, is_nested_too_deep

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

FLAG_MEMBERS = frozenset(
    {
        *("name", "description", "tags", "temporary", "variations", "defaults", "clientSideAvailability"),
        *("customProperties", "archived", "deprecated", "maintainerId", "maintainerTeamKey"),
    }
)
CONFIG_MEMBERS = frozenset(
    {
        *("on", "targets", "contextTargets", "rules", "fallthrough", "offVariation", "prerequisites"),
        *("trackEvents", "trackEventsFallthrough"),
    }
)
_ENVIRONMENTS = "environments"
_MOST_COPIED = 1_000_000


def apply_json_patch(document: Mapping[str, Any], operations: object) -> dict[str, Any]:
    """Return a flag's document after all operations; the one given is untouched.

    Raises:
        ApiError: as `apply_operations`.
    """
    return apply_operations(document, operations, _is_editable)


def apply_operations(
    document: Mapping[str, Any], operations: object, is_editable: Callable[[Sequence[str]], bool]
) -> dict[str, Any]:
    """Return any document after all operations; the one given is untouched.

    Args:
        document: What is patched.
        operations: The JSON patch.
        is_editable: Whether the member may be changed to which a path, given in its parts, leads.

    Raises:
        ApiError: 409 when a `test` fails, 422 when it is no list of operations, 400 when one cannot be carried out or
            would change what is read-only, or the copies are larger than a megabyte, or the result is nested too deep.
    """
    if not isinstance(operations, list) or not all(isinstance(one, dict) for one in operations):
        raise not_understood("a JSON patch is an array of operations")
    for operation in operations:
        if operation.get("op") != "test":
            _require_editable(operation.get("path"), is_editable)
        if operation.get("op") == "move":
            _require_editable(operation.get("from"), is_editable)
    try:
        patched = _carried_out(copy.deepcopy(dict(document)), operations)
    except jsonpatch.JsonPatchTestFailed as error:
        raise conflict("Conflict. A test operation of the patch failed: the resource has changed.") from error
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError, KeyError) as error:
        raise invalid_request(f"the patch cannot be applied: {error}") from error
    except RecursionError as error:
        raise invalid_request("the patched resource would be nested too deep") from error
    if is_nested_too_deep(patched) and not is_nested_too_deep(document):
        raise invalid_request("the patched resource would be nested too deep")
    return exactly(patched, "the patched resource", dict)


def _carried_out(document: Any, operations: list[Any]) -> Any:
    """Carry out one operation after the other. Copies are weighed: each may double what there is.

    Whatever else an operation adds stood in the request, whose size is bounded.
    """
    jsonpatch.JsonPatch(operations)
    copied = 0
    for operation in operations:
        if operation["op"] == "copy":
            source = jsonpointer.JsonPointer(operation["from"]).resolve(document)
            copied += len(json.dumps(source))
            if copied > _MOST_COPIED:
                raise invalid_request(f"the copies of a patch may make up {_MOST_COPIED} bytes at most")
        document = jsonpatch.apply_patch(document, [operation], in_place=True)
    return document


def apply_merge_patch(document: Mapping[str, Any], merge: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document after the merge; the one given is untouched.

    Raises:
        ApiError: 400, it would change what is read-only.
    """
    for path in _member_paths(merge):
        _require_editable(path, _is_editable)
    return exactly(_merged(document, merge), "the patched resource", dict)


def apply_member_merge(
    document: Mapping[str, Any], merge: Mapping[str, Any], editable: Collection[str]
) -> dict[str, Any]:
    """Return any document after the merge; the one given is untouched.

    Raises:
        ApiError: 400, it would change a member that is not editable.
    """
    for key in merge:
        if key not in editable:
            raise invalid_request(f"/{key} cannot be changed")
    return exactly(_merged(document, merge), "the patched resource", dict)


def _merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result


def _member_paths(merge: Mapping[str, Any]) -> Iterable[str]:
    for key, value in merge.items():
        if key == _ENVIRONMENTS and isinstance(value, dict):
            for environment, config in value.items():
                members = config if isinstance(config, dict) and config else {"": None}
                yield from (f"/{key}/{environment}/{member}" for member in members)
        else:
            yield f"/{key}"


def _is_editable(parts: Sequence[str]) -> bool:
    if parts[0] != _ENVIRONMENTS:
        return parts[0] in FLAG_MEMBERS
    return len(parts) > 2 and parts[2] in CONFIG_MEMBERS  # noqa: PLR2004 - environments / key / member


def _require_editable(path: object, is_editable: Callable[[Sequence[str]], bool]) -> None:
    if not isinstance(path, str) or not path.startswith("/"):
        raise invalid_request("each operation needs a path that begins with '/'")
    parts = path[1:].split("/")
    if not is_editable(parts) or parts[-1].startswith("_"):
        raise invalid_request(f"{path} cannot be changed")
