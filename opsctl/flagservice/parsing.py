"""Reading flags from JSON: documents of the database, patched documents, and parts of instructions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.model import (
    USER_KIND,
    Clause,
    EnvironmentConfig,
    Flag,
    Prerequisite,
    Rollout,
    Rule,
    Serve,
    Target,
    Variation,
    WeightedVariation,
)
from opsctl.flagservice.reading import exactly, member, objects, optional, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def parse_flag(document: Mapping[str, Any], new_id: Callable[[], str]) -> Flag:
    """Read a flag from the JSON that `flag_document` writes; parts that came in without an id get a new one.

    Raises:
        ApiError: 400, a member is missing or of a wrong type.
    """
    defaults = member(document, "defaults", dict)
    availability = member(document, "clientSideAvailability", dict, {})
    return Flag(
        key=member(document, "key", str),
        name=member(document, "name", str),
        description=member(document, "description", str, ""),
        version=member(document, "_version", int),
        created_ms=member(document, "creationDate", int),
        temporary=member(document, "temporary", bool),
        tags=texts(document, "tags", []),
        variations=tuple(parse_variation(item, new_id) for item in objects(document, "variations")),
        on_variation=member(defaults, "onVariation", int),
        off_variation=member(defaults, "offVariation", int),
        using_environment_id=member(availability, "usingEnvironmentId", bool, False),
        using_mobile_key=member(availability, "usingMobileKey", bool, False),
        custom_properties=parse_custom_properties(document),
        archived_ms=optional(document, "archivedDate", int),
        deprecated_ms=optional(document, "deprecatedDate", int),
        maintainer_id=optional(document, "maintainerId", str),
        maintainer_team_key=optional(document, "maintainerTeamKey", str),
        environments={
            key: _config(exactly(value, key, dict), new_id)
            for key, value in member(document, "environments", dict).items()
        },
    )


def parse_variation(item: Mapping[str, Any], new_id: Callable[[], str]) -> Variation:
    """Read one variation; its value may be any JSON, but it has to be given."""
    if "value" not in item:
        raise invalid_request("each variation must have a value")
    return Variation(
        id=member(item, "_id", str, "") or new_id(),
        value=item["value"],
        name=optional(item, "name", str),
        description=optional(item, "description", str),
    )


def parse_custom_properties(document: Mapping[str, Any]) -> dict[str, Any]:
    """Read `customProperties`: a name and a list of texts for each key."""
    properties = member(document, "customProperties", dict, {})
    return {
        key: {"name": member(exactly(item, key, dict), "name", str), "value": list(texts(item, "value"))}
        for key, item in properties.items()
    }


def parse_clause(item: Mapping[str, Any], new_id: Callable[[], str]) -> Clause:
    """Read one clause of a rule."""
    return Clause(
        id=member(item, "_id", str, "") or new_id(),
        attribute=member(item, "attribute", str, ""),
        op=member(item, "op", str),
        values=tuple(member(item, "values", list)),
        negate=member(item, "negate", bool, False),
        context_kind=member(item, "contextKind", str, "") or USER_KIND,
    )


def _config(document: Mapping[str, Any], new_id: Callable[[], str]) -> EnvironmentConfig:
    return EnvironmentConfig(
        on=member(document, "on", bool),
        fallthrough=_serve(member(document, "fallthrough", dict)),
        off_variation=optional(document, "offVariation", int),
        targets=_targets(document),
        rules=tuple(_rule(item, new_id) for item in objects(document, "rules", [])),
        prerequisites=tuple(
            Prerequisite(member(item, "key", str), member(item, "variation", int))
            for item in objects(document, "prerequisites", [])
        ),
        track_events=member(document, "trackEvents", bool, False),
        track_events_fallthrough=member(document, "trackEventsFallthrough", bool, False),
        salt=member(document, "salt", str),
        sel=member(document, "sel", str),
        version=member(document, "version", int),
        last_modified_ms=member(document, "lastModified", int),
    )


def _targets(document: Mapping[str, Any]) -> tuple[Target, ...]:
    """Put user targets back where their placeholders keep the order; those without one go last."""
    users: dict[int, Target] = {}
    for item in objects(document, "targets", []):
        target = _target(item)
        earlier = users[target.variation].values if target.variation in users else ()
        users[target.variation] = replace(target, values=tuple(dict.fromkeys((*earlier, *target.values))))
    ordered: list[Target] = []
    for item in objects(document, "contextTargets", []):
        target = _target(item)
        if target.context_kind != USER_KIND:
            ordered.append(target)
        elif target.variation in users:
            ordered.append(users.pop(target.variation))
    return tuple(target for target in (*ordered, *users.values()) if target.values)


def _target(item: Mapping[str, Any]) -> Target:
    return Target(
        variation=member(item, "variation", int),
        values=texts(item, "values"),
        context_kind=member(item, "contextKind", str, "") or USER_KIND,
    )


def _rule(item: Mapping[str, Any], new_id: Callable[[], str]) -> Rule:
    return Rule(
        id=member(item, "_id", str, "") or new_id(),
        description=optional(item, "description", str),
        clauses=tuple(parse_clause(clause, new_id) for clause in objects(item, "clauses")),
        serve=_serve(item),
        track_events=member(item, "trackEvents", bool, False),
    )


def _serve(item: Mapping[str, Any]) -> Serve:
    rollout = optional(item, "rollout", dict)
    variation = optional(item, "variation", int)
    if (rollout is None) == (variation is None):
        raise invalid_request("exactly one of variation and rollout must be given")
    return Serve(variation=variation, rollout=None if rollout is None else _rollout(rollout))


def _rollout(item: Mapping[str, Any]) -> Rollout:
    return Rollout(
        variations=tuple(
            WeightedVariation(
                member(part, "variation", int), member(part, "weight", int), member(part, "untracked", bool, False)
            )
            for part in objects(item, "variations")
        ),
        context_kind=member(item, "contextKind", str, "") or USER_KIND,
        bucket_by=optional(item, "bucketBy", str),
        seed=optional(item, "seed", int),
        kind=optional(item, "kind", str),
    )
