"""Audit entries: who changed what, when and why, with the resource before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsctl.flagservice import changes
from opsctl.flagservice.documents import flag_document
from opsctl.flagservice.model import MEMBER_ID, AuditEntry, Environment, Flag, Project, Token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opsctl.flagservice.segment_model import Segment


@dataclass(frozen=True, slots=True)
class Author:
    """Who makes a change, and what they say about it.

    `token` is `None` for a flag trigger, which needs none. `description` says what brought the change about, when it
    was not a request for it; `delta`, `merge` and `trigger_body` are the JSON patch, merge patch or call that asked.
    """

    token: Token | None
    comment: str = ""
    delta: Any = None
    merge: Any = None
    trigger_body: Any = None
    description: str = ""


def entry_of_flag(now_ms: int, project: str, before: Flag, after: Flag, author: Author) -> AuditEntry:
    """Return the entry for a changed flag."""
    return audit_entry(
        now_ms,
        project,
        after,
        author,
        environment=changes.changed_environment(before, after),
        accesses=changes.accesses(project, before, after),
        title_verb=changes.title_verb(before, after),
        previous=flag_document(before),
        current=flag_document(after),
    )


def entry_of_creation(now_ms: int, project: str, flag: Flag, author: Author) -> AuditEntry:
    """Return the entry for a new flag."""
    return audit_entry(
        now_ms,
        project,
        flag,
        author,
        accesses=(("createFlag", changes.resource(project, flag.key)),),
        title_verb="created the flag",
        current=flag_document(flag),
    )


def entry_of_deletion(now_ms: int, project: str, flag: Flag, author: Author) -> AuditEntry:
    """Return the entry for a deleted flag."""
    return audit_entry(
        now_ms,
        project,
        flag,
        author,
        accesses=(("deleteFlag", changes.resource(project, flag.key)),),
        title_verb="deleted the flag",
        previous=flag_document(flag),
    )


def audit_entry(  # noqa: PLR0913 - an audit entry has that many facts
    now_ms: int,
    project: str,
    resource: Flag | Environment | Project | Segment | Token,
    author: Author,
    *,
    accesses: tuple[tuple[str, str], ...],
    title_verb: str,
    environment: str | None = None,
    previous: Mapping[str, Any] | None = None,
    current: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Return an entry without its number, which the database gives it; `project` is empty for what is in none."""
    return AuditEntry(
        id=0,
        date_ms=now_ms,
        kind=type(resource).__name__.lower(),
        project=project,
        name=resource.name,
        key=resource.id if isinstance(resource, Token) else resource.key,
        environment=environment,
        accesses=accesses,
        title_verb=title_verb,
        comment=author.comment,
        token_id=None if author.token is None else author.token.id,
        token_name=None if author.token is None else author.token.name,
        token_ending=None if author.token is None else author.token.ending,
        previous=previous,
        current=current,
        delta=author.delta,
        merge=author.merge,
        trigger_body=author.trigger_body,
        description=author.description,
        member_id=None if author.token is None or author.token.service_token else MEMBER_ID,
    )
