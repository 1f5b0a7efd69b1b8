"""The status of a flag in an environment: new, active, launched or inactive."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsctl.flagservice.model import EnvironmentConfig, Flag
    from opsctl.flagservice.usage_model import FlagUse

WEEK_MS = 7 * 24 * 60 * 60 * 1000


class FlagStatus(StrEnum):
    """LaunchDarkly's four statuses."""

    NEW = "new"
    ACTIVE = "active"
    LAUNCHED = "launched"
    INACTIVE = "inactive"


def latest_use(flag: Flag, use: FlagUse | None) -> FlagUse | None:
    """Return when the flag was evaluated last, unless that was one of the same key, deleted before."""
    return None if use is None or use.last_requested_ms < flag.created_ms else use


def flag_status(flag: Flag, environment: str, use: FlagUse | None, now_ms: int) -> FlagStatus:
    """Return the status of a flag that was evaluated last as `use` says.

    New is one younger than a week that was never evaluated, inactive any other that was not within a week. Of those
    that were, launched are the ones that are on, serve one variation to everybody, and have not changed for a week.
    """
    if use is None:
        return FlagStatus.NEW if now_ms - flag.created_ms < WEEK_MS else FlagStatus.INACTIVE
    if now_ms - use.last_requested_ms >= WEEK_MS:
        return FlagStatus.INACTIVE
    config = flag.environments[environment]
    is_settled = now_ms - config.last_modified_ms >= WEEK_MS
    return FlagStatus.LAUNCHED if config.on and is_settled and _serves_one(config) else FlagStatus.ACTIVE


def _serves_one(config: EnvironmentConfig) -> bool:
    served = {
        index for serve in (config.fallthrough, *(rule.serve for rule in config.rules)) for index in serve.indexes()
    }
    served |= {target.variation for target in config.targets}
    return len(served) == 1 and not config.prerequisites
