"""What a change of a flag is called in the audit log: LaunchDarkly's action names, and a verb for people."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsctl.flagservice.model import EnvironmentConfig, Flag

_CONFIG_ACTIONS: tuple[tuple[str, str], ...] = (
    ("on", "updateOn"),
    ("fallthrough", "updateFallthrough"),
    ("off_variation", "updateOffVariation"),
    ("targets", "updateTargets"),
    ("rules", "updateRules"),
    ("prerequisites", "updatePrerequisites"),
    ("track_events", "updateTrackEvents"),
    ("track_events_fallthrough", "updateTrackEvents"),
)
_FLAG_ACTIONS: tuple[tuple[str, str], ...] = (
    ("name", "updateName"),
    ("description", "updateDescription"),
    ("tags", "updateTags"),
    ("temporary", "updateTemporary"),
    ("variations", "updateFlagVariations"),
    ("on_variation", "updateFlagDefaultVariations"),
    ("off_variation", "updateFlagDefaultVariations"),
    ("using_environment_id", "updateClientSideFlagAvailability"),
    ("using_mobile_key", "updateClientSideFlagAvailability"),
    ("custom_properties", "updateFlagCustomProperties"),
    ("archived_ms", "updateGlobalArchived"),
    ("deprecated_ms", "updateDeprecated"),
    ("maintainer_id", "updateMaintainer"),
    ("maintainer_team_key", "updateMaintainer"),
)


def resource(project: str, flag: str, environment: str = "*") -> str:
    """Return the resource specifier of a flag, in one environment or in all."""
    return f"proj/{project}:env/{environment}:flag/{flag}"


def accesses(project: str, before: Flag, after: Flag) -> tuple[tuple[str, str], ...]:
    """Return what was done as pairs of action and resource, each of them once."""
    found = [
        (action, resource(project, after.key))
        for name, action in _FLAG_ACTIONS
        if _differs(getattr(before, name), getattr(after, name))
    ]
    for key in after.environments:
        if key in before.environments:
            found += _config_accesses(project, after.key, key, before.environments[key], after.environments[key])
    return tuple(dict.fromkeys(found))


def title_verb(before: Flag, after: Flag) -> str:
    """Return what was done, as it stands between a person's name and the flag's."""
    switched = {
        after.environments[key].on
        for key in after.environments
        if key in before.environments and before.environments[key].on != after.environments[key].on
    }
    if switched == {True}:
        return "turned on the flag"
    if switched == {False}:
        return "turned off the flag"
    if before.is_archived != after.is_archived:
        return "archived the flag" if after.is_archived else "restored the flag"
    return "updated the flag"


def changed_environment(before: Flag, after: Flag) -> str | None:
    """Return the key of the only environment that the change touches; `None` when it touches several, or the flag."""
    changed = [
        key
        for key, config in after.environments.items()
        if key in before.environments and _config_accesses("", "", key, before.environments[key], config)
    ]
    same_elsewhere = all(not _differs(getattr(before, name), getattr(after, name)) for name, _ in _FLAG_ACTIONS)
    return changed[0] if len(changed) == 1 and same_elsewhere else None


def _config_accesses(
    project: str, flag: str, environment: str, before: EnvironmentConfig, after: EnvironmentConfig
) -> list[tuple[str, str]]:
    comparable = replace(after, version=before.version, last_modified_ms=before.last_modified_ms)
    return [
        (action, resource(project, flag, environment))
        for name, action in _CONFIG_ACTIONS
        if _differs(getattr(before, name), getattr(comparable, name))
    ]


def _differs(before: Any, after: Any) -> bool:
    """Tell values apart as JSON does: `True` is not 1."""
    return before != after or repr(before) != repr(after)
