"""Flags as the REST API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.flagservice.documents import config_document, flag_document
from opsctl.flagservice.model import USER_KIND
from opsctl.flagservice.rest.links import API, link

if TYPE_CHECKING:
    from collections.abc import Collection

    from opsctl.flagservice.model import EnvironmentConfig, Flag, Project, Serve

_SUMMARY_LEAVES_OUT = ("targets", "contextTargets", "rules", "prerequisites", "fallthrough", "offVariation")


def flag_representation(
    flag: Flag, project: Project, *, environments: Collection[str] | None = None, is_summary: bool = False
) -> dict[str, Any]:
    """Return a flag.

    Args:
        flag: The flag.
        project: Its project, for the names of environments.
        environments: Keys of those to show; `None` is all, and none at all leaves the member out.
        is_summary: Whether to leave targets, rules and the like out.
    """
    document = flag_document(flag)
    shown = [key for key in flag.environments if environments is None or key in environments]
    document["environments"] = {key: _config_representation(flag, key, project, is_summary=is_summary) for key in shown}
    if environments is not None and not shown:
        del document["environments"]
    document |= {
        "includeInSnippet": flag.using_environment_id,
        "experiments": {"baselineIdx": 0, "items": []},
        "goalIds": [],
        "_links": {
            "parent": link(f"{API}/flags/{project.key}"),
            "self": link(f"{API}/flags/{project.key}/{flag.key}"),
        },
    }
    return document


def _config_representation(flag: Flag, key: str, project: Project, *, is_summary: bool) -> dict[str, Any]:
    config = flag.environments[key]
    environment = project.environment(key)
    document = config_document(config)
    if is_summary:
        for name in _SUMMARY_LEAVES_OUT:
            document.pop(name, None)
    return document | {
        "archived": flag.is_archived,
        "_environmentName": key if environment is None else environment.name,
        "_site": {"href": f"/{project.key}/{key}/features/{flag.key}", "type": "text/html"},
        "_summary": _summary(flag, config),
    }


def _summary(flag: Flag, config: EnvironmentConfig) -> dict[str, Any]:
    return {
        "variations": {str(index): _variation_summary(config, index) for index in range(len(flag.variations))},
        "prerequisites": len(config.prerequisites),
    }


def _variation_summary(config: EnvironmentConfig, index: int) -> dict[str, Any]:
    targets = [target for target in config.targets if target.variation == index]
    summary: dict[str, Any] = {
        "rules": sum(rule.serve.variation == index for rule in config.rules),
        "nullRules": 0,
        "targets": sum(len(one.values) for one in targets if one.context_kind == USER_KIND),
        "contextTargets": sum(len(one.values) for one in targets if one.context_kind != USER_KIND),
    }
    if config.off_variation == index:
        summary["isOff"] = True
    return summary | _fallthrough_summary(config.fallthrough, index)


def _fallthrough_summary(serve: Serve, index: int) -> dict[str, Any]:
    if serve.rollout is None:
        return {"isFallthrough": True} if serve.variation == index else {}
    weights = [part.weight for part in serve.rollout.variations if part.variation == index]
    return {"rollout": sum(weights)} if weights else {}
