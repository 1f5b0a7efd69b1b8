"""JSON patches of environments."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.json_patch import apply_operations
from opsctl.flagservice.reading import member, texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.flagservice.model import Environment

_MEMBERS = frozenset(
    {
        *("name", "color", "defaultTtl", "secureMode", "defaultTrackEvents"),
        *("requireComments", "confirmChanges", "tags", "critical"),
    }
)


def plan_environment_patch(operations: Any) -> Callable[[Environment], Environment]:
    """Return what the operations make of an environment.

    The plan raises `ApiError`: 409 when a `test` fails, 422 when it is no list of operations, 400 otherwise.
    """

    def plan(environment: Environment) -> Environment:
        document = {
            "name": environment.name,
            "color": environment.color,
            "defaultTtl": environment.default_ttl,
            "secureMode": environment.secure_mode,
            "defaultTrackEvents": environment.default_track_events,
            "requireComments": environment.require_comments,
            "confirmChanges": environment.confirm_changes,
            "tags": list(environment.tags),
            "critical": environment.critical,
        }
        patched = apply_operations(document, operations, lambda parts: parts[0] in _MEMBERS)
        return replace(
            environment,
            name=member(patched, "name", str),
            color=member(patched, "color", str),
            default_ttl=member(patched, "defaultTtl", int),
            secure_mode=member(patched, "secureMode", bool),
            default_track_events=member(patched, "defaultTrackEvents", bool),
            require_comments=member(patched, "requireComments", bool),
            confirm_changes=member(patched, "confirmChanges", bool),
            tags=texts(patched, "tags", []),
            critical=member(patched, "critical", bool),
        )

    return plan
