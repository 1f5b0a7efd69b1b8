"""Seeds in TOML, the short way to write flags by hand: values stand for themselves, and the rest has defaults.

[flags]
banner = "Hello"                        # serves that to everybody

[flags.new-checkout]                    # variations true and false unless given
on = true
serve = true
rules = [{ attribute = "email", op = "endsWith", values = ["@example.com"], serve = false }]
environments.production.on = false

[segments.beta]
included = ["sandy"]
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.documents import without_nulls
from opsctl.flagservice.reading import exactly, member, objects, texts
from opsctl.flagservice.seed_model import Seed, SeedFlag, naming
from opsctl.flagservice.seed_sdk_data import value_flag

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CONFIG = frozenset({"on", "serve", "rollout", "off", "targets", "rules", "prerequisites"})
_FLAG = _CONFIG | {
    *("name", "description", "temporary", "tags", "variations", "client_side", "mobile", "environments"),
}
_CLAUSE = frozenset({"attribute", "op", "values", "negate", "kind"})
_RULE = _CLAUSE | {"clauses", "serve", "rollout", "description"}
_SEGMENT = frozenset({"name", "description", "tags", "included", "excluded", "rules"})
_PERCENT = 1000

Values = dict[str, list[Any]]
"""The values of each flag's variations."""


def seed_from_toml(data: Mapping[str, Any]) -> Seed:
    """Read the tables of the file.

    Raises:
        ApiError: 400, naming what is not understood.
    """
    _refuse_others("the file", data, {"flags", "segments"})
    found = member(data, "flags", dict, {})
    tables = {key: item for key, item in found.items() if isinstance(item, dict)}
    variations = {}
    for key, item in tables.items():
        with naming("flag", key):
            variations[key] = _variations(item)
    values = {key: [one["value"] for one in items] for key, items in variations.items()}
    flags = {}
    for key, item in found.items():
        with naming("flag", key):
            flags[key] = _flag(key, item, variations[key], values) if key in tables else value_flag(_json(item))
    segments = {}
    for key, item in member(data, "segments", dict, {}).items():
        with naming("segment", key):
            segments[key] = _segment(exactly(item, "it", dict))
    return Seed(flags, segments)


def _flag(key: str, item: Mapping[str, Any], variations: list[dict[str, Any]], values: Values) -> SeedFlag:
    _refuse_others("a flag", item, _FLAG)
    environments = member(item, "environments", dict, {})
    defaults = {"on": True, "off": values[key][-1]}
    if "rollout" not in item:
        defaults["serve"] = values[key][0]
    config = _config(key, {**defaults, **{name: item[name] for name in _CONFIG if name in item}}, values)
    document = {
        **{name: item[name] for name in ("name", "description", "temporary", "tags") if name in item},
        "variations": variations,
        "defaults": {"onVariation": config["fallthrough"].get("variation", 0), "offVariation": config["offVariation"]},
        "clientSideAvailability": {
            "usingEnvironmentId": member(item, "client_side", bool, False),
            "usingMobileKey": member(item, "mobile", bool, False),
        },
    }
    return SeedFlag(
        document, config, {name: _config(key, exactly(one, name, dict), values) for name, one in environments.items()}
    )


def _config(key: str, item: Mapping[str, Any], values: Values) -> dict[str, Any]:
    """Return the part of a configuration that is given."""
    _refuse_others("an environment", item, _CONFIG)
    own = values[key]
    config: dict[str, Any] = {}
    if "on" in item:
        config["on"] = item["on"]
    if "serve" in item or "rollout" in item:
        config["fallthrough"] = _serve(item, own)
    if "off" in item:
        config["offVariation"] = _index(own, item["off"])
    if "targets" in item:
        targets = [_target(one, own) for one in objects(item, "targets")]
        config["targets"] = [one for one in targets if one["contextKind"] == "user"]
        config["contextTargets"] = targets
    if "rules" in item:
        config["rules"] = [_rule(one, own) for one in objects(item, "rules")]
    if "prerequisites" in item:
        config["prerequisites"] = [_prerequisite(one, values) for one in objects(item, "prerequisites")]
    return config


def _serve(item: Mapping[str, Any], values: list[Any]) -> dict[str, Any]:
    if ("serve" in item) == ("rollout" in item):
        raise invalid_request("exactly one of serve and rollout must be given")
    if "serve" in item:
        return {"variation": _index(values, item["serve"])}
    parts = objects(item, "rollout")
    for part in parts:
        _refuse_others("a rollout", part, {"value", "percent"})
    weights = [
        {"variation": _index(values, part.get("value")), "weight": _weight(part.get("percent"))} for part in parts
    ]
    return {"rollout": {"variations": weights}}


def _weight(percent: Any) -> int:
    if isinstance(percent, bool) or not isinstance(percent, (int, float)):
        raise invalid_request("percent must be a number")
    return round(percent * _PERCENT)


def _target(item: Mapping[str, Any], values: list[Any]) -> dict[str, Any]:
    _refuse_others("a target", item, {"keys", "kind", "serve"})
    kind = member(item, "kind", str, "user")
    return {"contextKind": kind, "variation": _index(values, item.get("serve")), "values": list(texts(item, "keys"))}


def _prerequisite(item: Mapping[str, Any], values: Values) -> dict[str, Any]:
    _refuse_others("a prerequisite", item, {"flag", "serve"})
    key = member(item, "flag", str)
    if key not in values:
        raise invalid_request(f"there is no flag {key!r} to be a prerequisite")
    return {"key": key, "variation": _index(values[key], item.get("serve", values[key][0]))}


def _rule(item: Mapping[str, Any], values: list[Any]) -> dict[str, Any]:
    _refuse_others("a rule", item, _RULE)
    description = {"description": item["description"]} if "description" in item else {}
    return {**description, "clauses": _clauses(item), **_serve(item, values)}


def _clauses(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the clauses of a rule, which has its only one in itself, or several under `clauses`."""
    given = objects(item, "clauses") if "clauses" in item else [{key: item[key] for key in _CLAUSE if key in item}]
    for one in given:
        _refuse_others("a clause", one, _CLAUSE)
    return [
        without_nulls(
            {
                "attribute": one.get("attribute"),
                "op": one.get("op", "in"),
                "values": [_json(value) for value in member(one, "values", list)],
                "negate": one.get("negate"),
                "contextKind": one.get("kind"),
            }
        )
        for one in given
    ]


def _segment(item: Mapping[str, Any]) -> dict[str, Any]:
    _refuse_others("a segment", item, _SEGMENT)
    rules = []
    for rule in objects(item, "rules", []):
        _refuse_others("a segment's rule", rule, _CLAUSE | {"clauses", "percent", "description"})
        weight = {"weight": _weight(rule["percent"])} if "percent" in rule else {}
        description = {"description": rule["description"]} if "description" in rule else {}
        rules.append({**description, "clauses": _clauses(rule), **weight})
    return {**_members(item, "included"), **_members(item, "excluded"), "rules": rules} | {
        name: item[name] for name in ("name", "description", "tags") if name in item
    }


def _members(item: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Read an array of user keys, or a table of arrays by context kind."""
    given = item.get(name, [])
    by_kind = {"user": given} if isinstance(given, list) else exactly(given, name, dict)
    others = [{"contextKind": kind, "values": list(texts(by_kind, kind))} for kind in by_kind if kind != "user"]
    return {name: list(texts(by_kind, "user", [])), f"{name}Contexts": others}


def _variations(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    for given in member(item, "variations", list, [True, False]):
        table = given if isinstance(given, dict) and "value" in given else {"value": given}
        _refuse_others("a variation", table, {"value", "name", "description"})
        found.append({**table, "value": _json(table["value"])})
    if not found:
        raise invalid_request("variations must not be empty")
    return found


def _index(values: list[Any], value: Any) -> int:
    """Return which variation has a value; true and 1 differ."""
    for index, one in enumerate(values):
        if type(one) is type(value) and one == value:
            return index
    raise invalid_request(f"{json.dumps(value, default=str)} is none of the variations, {json.dumps(values)}")


def _json(value: Any) -> Any:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise invalid_request(f"{value} cannot be a flag's value: JSON has nothing like it") from error
    return value


def _refuse_others(what: str, item: Mapping[str, Any], known: Iterable[str]) -> None:
    others = set(item) - set(known)
    if others:
        raise invalid_request(f"{what} has no {min(others)!r}; it may have {', '.join(sorted(known))}")
