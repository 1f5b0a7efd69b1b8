"""Flags as JSON documents: what the database keeps, and what JSON patches are applied to.

Field names are those of the REST API, so that a patch addresses what a client read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.flagservice.model import USER_KIND, Clause, EnvironmentConfig, Flag, Rollout, Rule, Serve, Target, Variation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def without_nulls(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members that are not null: the API leaves absent things out."""
    return {key: member for key, member in value.items() if member is not None}


def flag_document(flag: Flag) -> dict[str, Any]:
    """Return the whole flag as JSON; `parse_flag` reads it back."""
    return without_nulls(
        {
            "key": flag.key,
            "name": flag.name,
            "kind": flag.kind,
            "description": flag.description,
            "_version": flag.version,
            "creationDate": flag.created_ms,
            "temporary": flag.temporary,
            "tags": list(flag.tags),
            "variations": [_variation(variation) for variation in flag.variations],
            "defaults": {"onVariation": flag.on_variation, "offVariation": flag.off_variation},
            "clientSideAvailability": {
                "usingEnvironmentId": flag.using_environment_id,
                "usingMobileKey": flag.using_mobile_key,
            },
            "customProperties": dict(flag.custom_properties),
            "archived": flag.is_archived,
            "archivedDate": flag.archived_ms,
            "deprecated": flag.deprecated_ms is not None,
            "deprecatedDate": flag.deprecated_ms,
            "maintainerId": flag.maintainer_id,
            "maintainerTeamKey": flag.maintainer_team_key,
            "environments": {key: config_document(config) for key, config in flag.environments.items()},
        }
    )


def config_document(config: EnvironmentConfig) -> dict[str, Any]:
    """Return the flag's configuration in one environment as JSON."""
    return without_nulls(
        {
            "on": config.on,
            "salt": config.salt,
            "sel": config.sel,
            "lastModified": config.last_modified_ms,
            "version": config.version,
            "targets": [_target(target) for target in config.targets if target.context_kind == USER_KIND],
            "contextTargets": context_targets(config.targets),
            "rules": [rule_document(rule) for rule in config.rules],
            "fallthrough": serve_document(config.fallthrough),
            "offVariation": config.off_variation,
            "prerequisites": [{"key": one.key, "variation": one.variation} for one in config.prerequisites],
            "trackEvents": config.track_events,
            "trackEventsFallthrough": config.track_events_fallthrough,
        }
    )


def context_targets(targets: Iterable[Target]) -> list[dict[str, Any]]:
    """Return `contextTargets`: those of other kinds in full, those of users as placeholders that keep the order.

    It is empty when every target is a user: then `targets` alone says it all.
    """
    targets = tuple(targets)
    if all(target.context_kind == USER_KIND for target in targets):
        return []
    return [
        _target(target) if target.context_kind != USER_KIND else {**_target(target), "values": []} for target in targets
    ]


def serve_document(serve: Serve) -> dict[str, Any]:
    """Return what a rule serves: `{"variation"}` or `{"rollout"}`."""
    return {"variation": serve.variation} if serve.rollout is None else {"rollout": _rollout(serve.rollout)}


def rule_document(rule: Rule) -> dict[str, Any]:
    """Return one rule as the REST API shows it."""
    return without_nulls(
        {
            "_id": rule.id,
            "description": rule.description,
            "clauses": [clause_document(clause) for clause in rule.clauses],
            **serve_document(rule.serve),
            "trackEvents": rule.track_events,
        }
    )


def clause_document(clause: Clause) -> dict[str, Any]:
    """Return one clause as the REST API shows it."""
    return {
        "_id": clause.id,
        "contextKind": clause.context_kind,
        "attribute": clause.attribute,
        "op": clause.op,
        "values": list(clause.values),
        "negate": clause.negate,
    }


def _rollout(rollout: Rollout) -> dict[str, Any]:
    return without_nulls(
        {
            "kind": rollout.kind,
            "contextKind": rollout.context_kind,
            "bucketBy": rollout.bucket_by,
            "seed": rollout.seed,
            "variations": [
                {"variation": part.variation, "weight": part.weight, **({"untracked": True} if part.untracked else {})}
                for part in rollout.variations
            ],
        }
    )


def _target(target: Target) -> dict[str, Any]:
    return {"contextKind": target.context_kind, "variation": target.variation, "values": list(target.values)}


def _variation(variation: Variation) -> dict[str, Any]:
    return {
        "_id": variation.id,
        "value": variation.value,
        **without_nulls({"name": variation.name, "description": variation.description}),
    }
