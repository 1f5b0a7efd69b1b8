"""Versions: whatever changed gets a higher one, and nothing ever gets a lower one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.flagservice.sdk_payload import sdk_flag

if TYPE_CHECKING:
    from opsctl.flagservice.model import EnvironmentConfig, Flag


def with_new_versions(before: Flag, after: Flag, now_ms: int) -> Flag:
    """Return `after` with versions above those of `before` wherever they differ; `before` itself when nothing does.

    An environment's version goes up when its configuration changed or when its SDKs are sent something else (as
    when a variation's value changed), the flag's own with every change.
    """
    environments = {
        key: _with_new_version(before, after, key, config, now_ms) for key, config in after.environments.items()
    }
    revised = replace(after, version=before.version, environments=environments)
    return (
        before if revised == before and repr(revised) == repr(before) else replace(revised, version=before.version + 1)
    )


def continued_from(deleted: Flag, created: Flag) -> Flag:
    """Return a newly created flag with versions above those that a deleted flag of the same key had."""
    floor = {key: config.version for key, config in deleted.environments.items()}
    environments = {
        key: replace(config, version=max(floor.get(key, 0) + 1, config.version))
        for key, config in created.environments.items()
    }
    return replace(created, version=deleted.version + 1, environments=environments)


def tombstone(flag: Flag, now_ms: int) -> Flag:
    """Return what is kept of a deleted flag: the flag, with versions above all those it had."""
    environments = {
        key: replace(config, version=config.version + 1, last_modified_ms=now_ms)
        for key, config in flag.environments.items()
    }
    return replace(flag, version=flag.version + 1, environments=environments)


def changed_environments(before: Flag, after: Flag) -> list[str]:
    """Return the keys of the environments whose SDKs have to hear of the change."""
    return [
        key
        for key, config in after.environments.items()
        if key not in before.environments or before.environments[key].version != config.version
    ]


def _with_new_version(before: Flag, after: Flag, key: str, config: EnvironmentConfig, now_ms: int) -> EnvironmentConfig:
    old = before.environments.get(key)
    if old is None:
        return config
    same_version = replace(config, version=old.version, last_modified_ms=old.last_modified_ms)
    comparable = replace(after, environments={key: same_version})
    # repr tells apart what == does not: True and 1, 1 and 1.0
    if repr(same_version) == repr(old) and repr(sdk_flag(comparable, key)) == repr(sdk_flag(before, key)):
        return same_version
    return replace(config, version=old.version + 1, last_modified_ms=now_ms)
