"""Audit entries as the REST API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.flagservice.rest.identity import ACCOUNT_ID, member_summary
from opsctl.flagservice.rest.links import API, link

if TYPE_CHECKING:
    from opsctl.flagservice.model import AuditEntry


def audit_representation(entry: AuditEntry) -> dict[str, Any]:
    """Return an entry in short, as lists have it."""
    place = "" if entry.environment is None or entry.kind == "environment" else f" in {entry.environment}"
    author = entry.token_name or "A flag trigger"
    representation: dict[str, Any] = {
        "_links": {
            "self": link(f"{API}/auditlog/{entry.id}"),
            "canonical": link(_address(entry)),
            "parent": link(f"{API}/auditlog"),
        },
        "_id": str(entry.id),
        "_accountId": ACCOUNT_ID,
        "date": entry.date_ms,
        "accesses": [{"action": action, "resource": resource} for action, resource in entry.accesses],
        "kind": entry.kind,
        "name": entry.name,
        "description": entry.description,
        "shortDescription": "",
        "comment": entry.comment,
        "titleVerb": entry.title_verb,
        "title": f"{author} {entry.title_verb} [{entry.name}]({_address(entry)}){place}",
        "target": {
            "_links": {"canonical": link(_address(entry))},
            "name": entry.name,
            "resources": list(dict.fromkeys(resource for _, resource in entry.accesses)),
        },
    }
    return representation | _author(entry) | _parent(entry)


def audit_detail(entry: AuditEntry) -> dict[str, Any]:
    """Return an entry whole: with the resource before and after, and what was sent to change it."""
    detail = {
        "delta": entry.delta,
        "previousVersion": entry.previous,
        "currentVersion": entry.current,
        "subentries": [],
    }
    sent = {"merge": entry.merge, "triggerBody": entry.trigger_body}
    return audit_representation(entry) | detail | {name: body for name, body in sent.items() if body is not None}


def _author(entry: AuditEntry) -> dict[str, Any]:
    if entry.token_id is None:
        return {}
    token = {
        "_id": entry.token_id,
        "name": entry.token_name,
        "ending": entry.token_ending,
        "serviceToken": entry.member_id is None,
    }
    return {"token": token} | ({} if entry.member_id is None else {"member": member_summary()})


def _parent(entry: AuditEntry) -> dict[str, Any]:
    if not entry.project or entry.kind == "project":
        return {}
    return {
        "parent": {
            "_links": {"canonical": link(f"{API}/projects/{entry.project}")},
            "name": entry.project,
            "resource": f"proj/{entry.project}",
        }
    }


def _address(entry: AuditEntry) -> str:
    match entry.kind:
        case "project":
            return f"{API}/projects/{entry.key}"
        case "environment":
            return f"{API}/projects/{entry.project}/environments/{entry.key}"
        case "segment":
            return f"{API}/segments/{entry.project}/{entry.environment}/{entry.key}"
        case "token":
            return f"{API}/tokens/{entry.key}"
        case _:
            return f"{API}/flags/{entry.project}/{entry.key}"
