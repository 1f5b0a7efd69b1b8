"""Seeds in LaunchDarkly's own JSON: what `/sdk/latest-all` of a real environment returns, and SDKs' flag-data files.

Both hold `flags` and `segments` as SDKs read them; a flag-data file may have `flagValues` too, whose flags serve one
value to everybody. Versions, salts and the ids of rules are kept, so that percentage rollouts put everybody where the
real environment does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.documents import without_nulls
from opsctl.flagservice.reading import exactly, member, objects
from opsctl.flagservice.seed_model import Seed, SeedFlag, naming

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS = ("flags", "flagValues", "segments")
_CONFIG = ("salt", "offVariation", "targets", "contextTargets", "trackEvents", "trackEventsFallthrough")
_SEGMENT = ("salt", "included", "excluded", "includedContexts", "excludedContexts")


def seed_from_sdk_data(data: Any) -> Seed:
    """Read the JSON.

    Raises:
        ApiError: 400, it is not of that shape.
    """
    found = exactly(data, "the file", dict)
    if isinstance(found.get("data"), dict) and "flags" not in found:
        found = found["data"]
    if not any(kind in found for kind in _KINDS):
        raise invalid_request(f"there is none of {', '.join(_KINDS)} in it")
    flags = {}
    for key, item in _living(found, "flags").items():
        with naming("flag", key):
            flags[key] = _flag(exactly(item, "it", dict))
    values = {key: value_flag(value) for key, value in member(found, "flagValues", dict, {}).items()}
    twice = flags.keys() & values.keys()
    if twice:
        raise invalid_request(f"flag {min(twice)!r} is there twice")
    segments = {}
    for key, item in _living(found, "segments").items():
        with naming("segment", key):
            segments[key] = _segment(exactly(item, "it", dict))
    return Seed({**flags, **values}, segments)


def value_flag(value: Any) -> SeedFlag:
    """Return a flag that serves one value to everybody."""
    document = {"variations": _variations([value]), "defaults": {"onVariation": 0, "offVariation": 1}}
    return SeedFlag(document, {"on": True, "fallthrough": {"variation": 0}, "offVariation": 1})


def _living(found: Mapping[str, Any], kind: str) -> dict[str, Any]:
    items = member(found, kind, dict, {})
    return {key: item for key, item in items.items() if not (isinstance(item, dict) and item.get("deleted") is True)}


def _flag(item: Mapping[str, Any]) -> SeedFlag:
    variations = _variations(member(item, "variations", list))
    fallthrough = member(item, "fallthrough", dict, {}) or {"variation": 0}
    off = item.get("offVariation")
    on = fallthrough.get("variation", 0)
    availability = member(item, "clientSideAvailability", dict, {})
    document = {
        "variations": variations,
        "defaults": {"onVariation": on, "offVariation": len(variations) - 1 if off is None else off},
        "clientSideAvailability": {
            "usingEnvironmentId": availability.get("usingEnvironmentId", member(item, "clientSide", bool, False)),
            "usingMobileKey": availability.get("usingMobileKey", False),
        },
    }
    config = {
        **without_nulls({name: item.get(name) for name in _CONFIG}),
        "version": max(1, member(item, "version", int, 1)),
        "on": member(item, "on", bool, False),
        "fallthrough": fallthrough,
        "rules": [_rule(rule) for rule in objects(item, "rules", [])],
        "prerequisites": objects(item, "prerequisites", []),
    }
    return SeedFlag(document, config)


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {**{name: value for name, value in rule.items() if name != "id"}, "_id": rule.get("id")}


def _segment(item: Mapping[str, Any]) -> dict[str, Any]:
    if item.get("unbounded") is True:
        raise invalid_request("a segment is unbounded (a big segment): its members are not in the file")
    return {
        **without_nulls({name: item.get(name) for name in _SEGMENT}),
        "version": max(1, member(item, "version", int, 1)),
        "rules": [_rule(rule) for rule in objects(item, "rules", [])],
    }


def _variations(values: list[Any]) -> list[dict[str, Any]]:
    """Return the variations; a flag has two at least, so that a single one gets a second, empty one."""
    if len(values) == 1:
        values = [*values, _another(values[0])]
    return [{"value": value} for value in values]


def _another(value: Any) -> Any:
    """Return a value of the same JSON type that differs: the empty one, as a rule."""
    match value:
        case bool():
            return not value
        case int() | float():
            return 1 if value == 0 else 0
        case str():
            return "off" if value == "" else ""
        case _:
            return [] if value == {} else {}
