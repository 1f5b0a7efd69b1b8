"""From the official client's models to the core's values."""

from __future__ import annotations

from typing import Any

from opsctl.core.flags import AuditEntry, Environment, Flag, FlagKind, Targeting, Variation


def flag_of(model: Any) -> Flag:
    """Translate a `FeatureFlag`."""
    return Flag(
        key=model.key,
        name=model.name,
        kind=_kind(model),
        variations=tuple(Variation(item.value, item.name) for item in model.variations),
        description=model.description or "",
        temporary=model.temporary,
        archived=model.archived,
        tags=tuple(model.tags),
        targeting={key: _targeting(item) for key, item in (model.environments or {}).items()},
    )


def environment_of(model: Any) -> Environment:
    """Translate an `Environment`."""
    return Environment(
        key=model.key,
        name=model.name,
        critical=model.critical,
        require_comments=model.require_comments,
        confirm_changes=model.confirm_changes,
    )


def audit_entry_of(model: Any) -> AuditEntry:
    """Translate an `AuditLogEntryListingRep`."""
    return AuditEntry(
        id=model.id,
        at_ms=model.var_date,
        who=_who(model),
        what=model.title_verb or model.short_description or model.description,
        comment=model.comment or "",
    )


def _kind(model: Any) -> FlagKind:
    # A JSON flag with two boolean variations would be "multivariate": what counts is what the variations are.
    boolean = model.kind == FlagKind.BOOLEAN and all(isinstance(item.value, bool) for item in model.variations)
    return FlagKind.BOOLEAN if boolean else FlagKind.MULTIVARIATE


def _targeting(model: Any) -> Targeting:
    fallthrough = model.fallthrough
    is_rollout = fallthrough is not None and fallthrough.rollout is not None
    conditions = (model.rules, model.targets, model.context_targets, model.prerequisites)
    return Targeting(
        on=model.on,
        version=model.version,
        off_variation=model.off_variation,
        fallthrough=None if fallthrough is None or is_rollout else fallthrough.variation,
        depends_on_context=is_rollout or any(conditions) or _is_conditional_in_summary(model.summary),
        last_modified_ms=model.last_modified,
    )


def _is_conditional_in_summary(summary: Any) -> bool:
    """Whether the short form of a flag, which lacks rules and targets, says that there are some."""
    if summary is None:
        return False
    counts = [
        count
        for item in (summary.variations or {}).values()
        for count in (item.rules, item.targets, item.context_targets, getattr(item, "rollout", None))
    ]
    return bool(summary.prerequisites) or any(counts)


def _who(model: Any) -> str:
    member, token = model.member, model.token
    if member is not None:
        name = f"{member.first_name or ''} {member.last_name or ''}".strip()
        if name or member.email:
            return str(name or member.email)
    if token is not None and token.name:
        return f"token {token.name}"
    subject = model.subject
    return str(subject.name) if subject is not None and subject.name else "unknown"
