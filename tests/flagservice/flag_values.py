"""Flags for the tests of the pure parts: sane defaults, ids that can be read."""

from itertools import count
from typing import Any

from opsctl.flagservice.instructions.scope import PatchScope
from opsctl.flagservice.model import EnvironmentConfig, Flag, Serve, Variation
from opsctl.flagservice.semantic_patch import apply_instructions
from opsctl.flagservice.validation import validate

NOW_MS = 1_790_000_000_000


def a_config(**changes: Any) -> EnvironmentConfig:
    values = {
        "on": True,
        "fallthrough": Serve(variation=0),
        "off_variation": 1,
        "salt": "salt",
        "sel": "sel",
        "version": 1,
        "last_modified_ms": NOW_MS,
    }
    return EnvironmentConfig(**{**values, **changes})


def a_flag(key: str = "feed", **changes: Any) -> Flag:
    """A kill switch with variations `enabled` and `disabled`, on in `test` and `production`."""
    values = {
        "key": key,
        "name": key,
        "variations": (Variation("enabled", value=True, name="Enabled"), Variation("disabled", value=False)),
        "on_variation": 0,
        "off_variation": 1,
        "created_ms": NOW_MS,
        "version": 1,
        "environments": {"test": a_config(), "production": a_config()},
        "temporary": False,
    }
    return Flag(**{**values, **changes})


def patched(flag: Flag, *instructions: dict[str, Any], environment: str | None = "test", others: tuple = ()) -> Flag:
    """Apply and validate instructions as a request does; new ids are new-1, new-2, … after those there are."""
    known = [one.id for config in flag.environments.values() for rule in config.rules for one in (rule, *rule.clauses)]
    numbers = count(1 + max((int(one.removeprefix("new-")) for one in known), default=0))
    flags = {one.key: one for one in (flag, *others)}
    scope = PatchScope(flag=flag, flags=flags, now_ms=NOW_MS + 1, new_id=lambda: f"new-{next(numbers)}")
    after = apply_instructions(flag, environment, instructions, scope)
    validate(after, flags)
    return after


def in_test(flag: Flag) -> EnvironmentConfig:
    return flag.environments["test"]
