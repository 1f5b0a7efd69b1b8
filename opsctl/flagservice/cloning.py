"""New flags made after another one: its variations and settings, and its targeting in every environment."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.creation import new_flag
from opsctl.flagservice.documents import flag_document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opsctl.flagservice.model import Flag, Project

_TAKEN_OVER = (
    *("variations", "defaults", "description", "temporary", "tags", "clientSideAvailability"),
    *("customProperties", "maintainerId", "maintainerTeamKey"),
)


def cloned_flag(
    source: Flag, body: Mapping[str, Any], project: Project, now_ms: int, flags: Mapping[str, Flag]
) -> Flag:
    """Return the flag that a body describes, and where it is silent, the source; it still has to be validated.

    Every environment's configuration is the source's. Its salt is new: a percentage rollout draws its own lots.

    Raises:
        ApiError: 400, a member is missing or of a wrong type.
    """
    document = flag_document(source)
    given = {name: value for name, value in body.items() if value is not None}
    taken_over = {name: document[name] for name in _TAKEN_OVER if name in document}
    flag = new_flag(taken_over | given, project, now_ms, flags)
    environments = {
        key: replace(
            source.environments.get(key, config),
            salt=config.salt,
            sel=secrets.token_hex(16),
            version=config.version,
            last_modified_ms=now_ms,
        )
        for key, config in flag.environments.items()
    }
    return replace(flag, environments=environments)
