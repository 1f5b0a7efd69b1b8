"""`/api/v2/auditlog`: what was changed, by whom and why, the newest first."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.responses import json_response
from opsctl.flagservice.rest.identity import ACCOUNT_ID
from opsctl.flagservice.rest.links import API, address, link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.routing import Rule
    from werkzeug.wrappers import Response

    from opsctl.flagservice.model import AuditEntry
    from opsctl.flagservice.rest.call import Authenticated, Call
    from opsctl.flagservice.store import Store

_DEFAULT_LIMIT = 10
_LARGEST_LIMIT = 20


class AuditRoutes:
    """The routes of the audit log."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def rules(self, authenticated: Authenticated) -> Iterator[Rule]:
        """Yield the routes."""
        yield authenticated.rule(f"{API}/auditlog", "GET", self.list)
        yield authenticated.rule(f"{API}/auditlog/<entry_id>", "GET", self.get)

    def list(self, call: Call) -> Response:
        """List entries, by `before` and `after` (ms), `q` (words of the comment, the name or the verb), `spec`."""
        limit = call.number("limit", _DEFAULT_LIMIT)
        if not 1 <= limit <= _LARGEST_LIMIT:
            raise invalid_request(f"limit must be from 1 to {_LARGEST_LIMIT}")
        before_ms = call.number("before", 0) if call.text("before") else None
        after_ms = call.number("after", 0) if call.text("after") else None
        words = (call.text("q") or "").lower()
        spec = _parts(call.text("spec") or "proj/*")
        matching = (
            entry
            for entry in self._store.audit_entries(before_ms=before_ms, after_ms=after_ms)
            if words in _searched_text(entry) and _is_within(entry, spec)
        )
        found = list(islice(matching, limit + 1))
        links = {"self": link(address(call))}
        if len(found) > limit:
            links["next"] = link(address(call, before=str(found[limit - 1].date_ms)))
        return json_response({"items": [_representation(entry) for entry in found[:limit]], "_links": links})

    def get(self, _: Call, entry_id: str) -> Response:
        """Return one entry, with the resource before and after."""
        entry = self._store.audit_entry(entry_id)
        detail = {
            "delta": entry.delta,
            "previousVersion": entry.previous,
            "currentVersion": entry.current,
            "subentries": [],
        }
        return json_response(_representation(entry) | detail)


def _representation(entry: AuditEntry) -> dict[str, Any]:
    place = "" if entry.environment is None or entry.kind == "environment" else f" in {entry.environment}"
    author = entry.token_name or "opsctl"
    return {
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
        "description": "",
        "shortDescription": "",
        "comment": entry.comment,
        "titleVerb": entry.title_verb,
        "title": f"{author} {entry.title_verb} [{entry.name}]({_address(entry)}){place}",
        "token": {
            "_id": entry.token_id,
            "name": entry.token_name,
            "ending": entry.token_ending,
            "serviceToken": True,
        },
        "target": {
            "_links": {"canonical": link(_address(entry))},
            "name": entry.name,
            "resources": list(dict.fromkeys(resource for _, resource in entry.accesses)),
        },
        "parent": {
            "_links": {"canonical": link(f"{API}/projects/{entry.project}")},
            "name": entry.project,
            "resource": f"proj/{entry.project}",
        },
    }


def _address(entry: AuditEntry) -> str:
    if entry.kind == "environment":
        return f"{API}/projects/{entry.project}/environments/{entry.key}"
    if entry.kind == "segment":
        return f"{API}/segments/{entry.project}/{entry.environment}/{entry.key}"
    return f"{API}/flags/{entry.project}/{entry.key}"


def _searched_text(entry: AuditEntry) -> str:
    return f"{entry.name}\n{entry.key}\n{entry.comment}\n{entry.title_verb}".lower()


def _is_within(entry: AuditEntry, spec: list[tuple[str, str]]) -> bool:
    """Whether any resource of the entry is what the specifier names, or within it; `*` on either side is every one."""
    return any(_covers(spec, _parts(resource)) for _, resource in entry.accesses)


def _parts(spec: str) -> list[tuple[str, str]]:
    pairs = [part.partition("/") for part in spec.split(":")]
    if not all(kind and key for kind, _, key in pairs):
        raise invalid_request("a spec reads proj/KEY:env/KEY:flag/KEY")
    return [(kind, key.partition(";")[0]) for kind, _, key in pairs]


def _covers(wanted: list[tuple[str, str]], given: list[tuple[str, str]]) -> bool:
    return len(wanted) <= len(given) and all(
        kind == given_kind and (key == given_key or "*" in {key, given_key})
        for (kind, key), (given_kind, given_key) in zip(wanted, given, strict=False)
    )
