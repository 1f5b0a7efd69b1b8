"""What a new installation begins with: two environments, and the kill switch of the feed, on."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opsctl.flagservice import rows, segment_rows
from opsctl.flagservice.creation import new_flag
from opsctl.flagservice.credentials import token_digest, token_ending
from opsctl.flagservice.model import Environment, Project, Token

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from opsctl.flagservice.credentials import Credentials
    from opsctl.flagservice.model import Flag
    from opsctl.flagservice.segment_model import Segment

PROJECT_KEY = "default"
KILL_SWITCH = "show-avatars-and-reccs"
_NAMES = {"test": ("Test", "EBFF00"), "production": ("Production", "00DA7B")}


def seeded_project(credentials: Credentials, now_ms: int) -> Project:
    """Return the project `default` with the environments `test` and `production` (critical)."""
    return Project(
        key=PROJECT_KEY,
        name="Default",
        id=secrets.token_hex(12),
        created_ms=now_ms,
        environments=tuple(
            Environment(
                key=key,
                name=name,
                color=color,
                id=credentials.environments[key].client_side_id,
                sdk_key=credentials.environments[key].sdk_key,
                mobile_key=credentials.environments[key].mobile_key,
                critical=key == "production",
                created_ms=now_ms,
            )
            for key, (name, color) in _NAMES.items()
        ),
    )


def seeded_kill_switch(project: Project, now_ms: int) -> Flag:
    """Return the kill switch as LaunchDarkly's template makes it, with targeting on: the feature runs."""
    body = {
        "key": KILL_SWITCH,
        "name": KILL_SWITCH,
        "description": "Shut off calls to the 3rd-party API that generates avatars.",
        "temporary": False,
        "variations": [{"value": True, "name": "Enabled"}, {"value": False, "name": "Disabled"}],
        "defaults": {"onVariation": 0, "offVariation": 1},
        "isFlagOn": True,
    }
    return new_flag(body, project, now_ms)


@dataclass(frozen=True, slots=True)
class Content:
    """The flags that a new database begins with, and the segments of each of its environments."""

    flags: Mapping[str, Flag]
    segments: Mapping[str, Segment] = field(default_factory=dict)


def kill_switch_only(project: Project, now_ms: int) -> Content:
    """Return what a database begins with when nothing else is asked for."""
    return Content({KILL_SWITCH: seeded_kill_switch(project, now_ms)})


def write_content(connection: sqlite3.Connection, project: Project, content: Content) -> None:
    """Insert all of it into a new database."""
    for flag in content.flags.values():
        rows.write_flag(connection, project.key, flag)
    for environment in project.environments:
        for segment in content.segments.values():
            segment_rows.write_segment(connection, environment.id, segment, is_deleted=False)


def seeded_tokens(credentials: Credentials, now_ms: int) -> list[tuple[Token, str]]:
    """Return one access token per role, with the hash of its secret."""
    return [
        (
            Token(
                id=secrets.token_hex(12),
                name=f"opsctl {role}",
                role=role,
                ending=token_ending(secret),
                created_ms=now_ms,
                modified_ms=now_ms,
            ),
            token_digest(secret),
        )
        for role, secret in credentials.tokens.items()
    ]
