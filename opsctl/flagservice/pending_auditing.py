"""Audit entries of what is asked for, reviewed, scheduled or withdrawn; a change itself has the flag's own entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.flagservice.auditing import audit_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opsctl.flagservice.auditing import Author
    from opsctl.flagservice.model import AuditEntry, Flag
    from opsctl.flagservice.pending_model import Place


def pending_entry(
    flag: Flag,
    place: Place,
    author: Author,
    action: str,
    title_verb: str,
    *,
    previous: Mapping[str, Any] | None = None,
    current: Mapping[str, Any] | None = None,
) -> Callable[[int], AuditEntry]:
    """Return what makes the entry, for its date; `action` is LaunchDarkly's name for what was done."""
    return lambda date_ms: audit_entry(
        date_ms,
        place.project,
        flag,
        author,
        environment=place.environment,
        accesses=((action, place.resource),),
        title_verb=title_verb,
        previous=previous,
        current=current,
    )
