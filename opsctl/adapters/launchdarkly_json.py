"""From the REST API's JSON to the core's values.

The official client's own models would read it too, and cost a kill up to a hundred milliseconds of building classes
before the request is made. What opsctl needs is a handful of fields, and each is checked here.

Every function may raise `KeyError`, `TypeError`, `ValueError` or `AttributeError` for JSON that is something else.
"""

from __future__ import annotations

import re
from typing import Any

from opsctl.core.flags import AuditEntry, Environment, Flag, FlagKind, Targeting, Variation
from opsctl.core.instances import sdk_key_digest

_WHOLE_SDK_KEY = re.compile(r"sdk-[0-9A-Za-z-]{16,}")
_CONDITIONS = ("rules", "targets", "contextTargets", "prerequisites")
_SUMMARY_CONDITIONS = ("rules", "targets", "contextTargets", "rollout")


def flag_of(value: Any) -> Flag:
    """Translate a flag, with as many environments as it holds."""
    variations = tuple(Variation(item["value"], _text(item.get("name")) or None) for item in value["variations"])
    # A JSON flag could have two boolean variations and be "multivariate": what counts is what the variations are.
    is_boolean = value["kind"] == FlagKind.BOOLEAN and all(isinstance(item.value, bool) for item in variations)
    return Flag(
        key=_key(value["key"]),
        name=_text(value["name"]),
        kind=FlagKind.BOOLEAN if is_boolean else FlagKind.MULTIVARIATE,
        variations=variations,
        description=_text(value.get("description")),
        temporary=_truth(value["temporary"]),
        archived=_truth(value["archived"]),
        tags=tuple(_text(tag) for tag in value.get("tags") or ()),
        targeting={_key(key): _targeting(item) for key, item in (value.get("environments") or {}).items()},
    )


def environment_of(value: Any) -> Environment:
    """Translate an environment."""
    return Environment(
        key=_key(value["key"]),
        name=_text(value["name"]),
        critical=_truth(value["critical"]),
        require_comments=_truth(value["requireComments"]),
        confirm_changes=_truth(value["confirmChanges"]),
        sdk_key_digest=_digest(value.get("apiKey")),
    )


def audit_entry_of(value: Any) -> AuditEntry:
    """Translate an entry of the audit log."""
    return AuditEntry(
        id=_key(value["_id"]),
        at_ms=_number(value["date"]),
        who=_who(value),
        what=_text(value.get("titleVerb") or value.get("shortDescription") or value.get("description")),
        comment=_text(value.get("comment")),
    )


def _targeting(value: Any) -> Targeting:
    fallthrough = value.get("fallthrough") or {}
    is_rollout = bool(fallthrough.get("rollout"))
    return Targeting(
        on=_truth(value["on"]),
        version=_number(value["version"]),
        off_variation=_index(value.get("offVariation")),
        fallthrough=None if is_rollout else _index(fallthrough.get("variation")),
        depends_on_context=is_rollout or any(value.get(name) for name in _CONDITIONS) or _is_conditional(value),
        last_modified_ms=_number(value["lastModified"]),
    )


def _is_conditional(value: Any) -> bool:
    """Whether the short form of a flag, which lacks rules and targets, says that there are some."""
    summary = value.get("_summary") or {}
    counts = [item.get(name) for item in (summary.get("variations") or {}).values() for name in _SUMMARY_CONDITIONS]
    return bool(summary.get("prerequisites")) or any(counts)


def _who(value: Any) -> str:
    member, token, subject = (value.get(name) or {} for name in ("member", "token", "subject"))
    name = f"{_text(member.get('firstName'))} {_text(member.get('lastName'))}".strip() or _text(member.get("email"))
    if name:
        return name
    return f"token {_text(token['name'])}" if token.get("name") else _text(subject.get("name")) or "unknown"


def _digest(value: Any) -> str:
    """Return the digest of an SDK key; of one that is not shown to this token, in full, nothing is known."""
    key = _text(value)
    return sdk_key_digest(key) if _WHOLE_SDK_KEY.fullmatch(key) else ""


def _key(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{value!r} is not a key")
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is not a whole number")
    return value


def _index(value: Any) -> int | None:
    return None if value is None else _number(value)
