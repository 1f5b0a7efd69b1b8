"""Flags and segments as server-side SDKs read them: what `/all` and `/sdk/latest-all` send, and events carry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.documents import context_targets, serve_document, without_nulls
from opsctl.flagservice.model import USER_KIND
from opsctl.flagservice.segment_documents import segment_share, segment_targets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opsctl.flagservice.model import Clause, EnvironmentConfig, Flag, Rule
    from opsctl.flagservice.segment_model import Segment


def sdk_flag(flag: Flag, environment: str) -> dict[str, Any] | None:
    """Return the flag as SDKs of that environment are sent it; `None` when they are not sent it at all."""
    config = flag.environments.get(environment)
    if config is None or flag.is_archived:
        return None
    return without_nulls(
        {
            "key": flag.key,
            "version": config.version,
            "on": config.on,
            "deleted": False,
            "variations": [variation.value for variation in flag.variations],
            "offVariation": config.off_variation,
            "fallthrough": serve_document(config.fallthrough),
            "targets": _user_targets(config),
            "contextTargets": context_targets(config.targets),
            "rules": [_rule(rule) for rule in config.rules],
            "prerequisites": [{"key": one.key, "variation": one.variation} for one in config.prerequisites],
            "salt": config.salt,
            "trackEvents": config.track_events,
            "trackEventsFallthrough": config.track_events_fallthrough,
            "clientSide": flag.using_environment_id,
            "clientSideAvailability": {
                "usingEnvironmentId": flag.using_environment_id,
                "usingMobileKey": flag.using_mobile_key,
            },
        }
    )


def sdk_segment(segment: Segment) -> dict[str, Any]:
    """Return the segment as SDKs of its environment are sent it."""
    return {
        "key": segment.key,
        "version": segment.version,
        "deleted": False,
        **segment_targets(segment),
        "rules": [
            without_nulls({"id": rule.id, "clauses": [_clause(one) for one in rule.clauses], **segment_share(rule)})
            for rule in segment.rules
        ],
        "salt": segment.salt,
    }


def all_data(flags: Iterable[Flag], environment: str, segments: Iterable[Segment] = ()) -> bytes:
    """Return everything that SDKs of that environment hold: `{"flags", "segments"}`, both always there."""
    payloads = {flag.key: sdk_flag(flag, environment) for flag in flags}
    return to_json({"flags": without_nulls(payloads), "segments": {one.key: sdk_segment(one) for one in segments}})


def to_json(value: Any) -> bytes:
    """Return compact JSON in UTF-8, on one line."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _user_targets(config: EnvironmentConfig) -> list[dict[str, Any]]:
    return [
        {"variation": target.variation, "values": list(target.values)}
        for target in config.targets
        if target.context_kind == USER_KIND
    ]


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "clauses": [_clause(clause) for clause in rule.clauses],
        **serve_document(rule.serve),
        "trackEvents": rule.track_events,
    }


def _clause(clause: Clause) -> dict[str, Any]:
    return {
        "contextKind": clause.context_kind,
        "attribute": clause.attribute,
        "op": clause.op,
        "values": list(clause.values),
        "negate": clause.negate,
    }
