"""`/api/v2/auditlog`: what was changed, by whom and why, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from opsctl.flagservice.api_errors import ApiError, invalid_request
from opsctl.flagservice.responses import json_response
from opsctl.flagservice.rest.audit_representation import audit_detail, audit_representation
from opsctl.flagservice.rest.links import API, address, link
from opsctl.flagservice.specifiers import Specifier, Statement, allows, read_policy

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from werkzeug.routing import Rule
    from werkzeug.wrappers import Response

    from opsctl.flagservice.model import AuditEntry
    from opsctl.flagservice.rest.call import Authenticated, Call
    from opsctl.flagservice.store import Store

_DEFAULT_LIMIT = 10
_LARGEST_LIMIT = 20
_DEFAULT_BUCKETS = 50
_MOST_BUCKETS = 500


@dataclass(frozen=True, slots=True)
class _Query:
    """Which entries are asked for."""

    before_ms: int | None
    after_ms: int | None
    words: str
    spec: Specifier | None
    policy: tuple[Statement, ...]
    members: frozenset[str]
    tokens: frozenset[str]


class AuditRoutes:
    """The routes of the audit log."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def rules(self, authenticated: Authenticated) -> Iterator[Rule]:
        """Yield the routes."""
        yield authenticated.rule(f"{API}/auditlog", "GET", self.list)
        yield authenticated.rule(f"{API}/auditlog", "POST", self.search, is_query=True)
        yield authenticated.rule(f"{API}/auditlog/counts", "POST", self.count, is_query=True)
        yield authenticated.rule(f"{API}/auditlog/<entry_id>", "GET", self.get)

    def list(self, call: Call) -> Response:
        """List entries, by `before` and `after` (ms), `q` (words of the comment, the name or the verb), `spec`."""
        return self._page(call, _query(call))

    def search(self, call: Call) -> Response:
        """List entries by the same parameters, and by the policy statements in the body."""
        return self._page(call, _query(call, has_body=True))

    def count(self, call: Call) -> Response:
        """Count entries from `after` to `before`, in as many buckets of time as `buckets` says."""
        query = _query(call, has_body=True)
        if query.after_ms is None:
            raise invalid_request("after is required")
        before_ms = self._store.ledger.now_ms() if query.before_ms is None else query.before_ms
        buckets = call.number("buckets", _DEFAULT_BUCKETS)
        if not 1 <= buckets <= _MOST_BUCKETS or before_ms <= query.after_ms:
            raise invalid_request(f"buckets must be from 1 to {_MOST_BUCKETS}, and before later than after")
        interval_ms = -(-(before_ms - query.after_ms) // buckets)
        counts = [0] * -(-(before_ms - query.after_ms) // interval_ms)
        for entry in self._matching(query):
            if entry.date_ms < before_ms:
                counts[(entry.date_ms - query.after_ms) // interval_ms] += 1
        shown = [
            {"timestamp": query.after_ms + index * interval_ms, "count": count} for index, count in enumerate(counts)
        ]
        return json_response({"buckets": shown, "totalCount": sum(counts), "bucketIntervalMs": interval_ms})

    def get(self, _: Call, entry_id: str) -> Response:
        """Return one entry, with the resource before and after."""
        return json_response(audit_detail(self._store.audit_entry(entry_id)))

    def _page(self, call: Call, query: _Query) -> Response:
        limit = call.number("limit", _DEFAULT_LIMIT)
        if not 1 <= limit <= _LARGEST_LIMIT:
            raise invalid_request(f"limit must be from 1 to {_LARGEST_LIMIT}")
        found = list(islice(self._matching(query), limit + 1))
        links = {"self": link(address(call))}
        if len(found) > limit:
            links["next"] = link(address(call, before=str(found[limit - 1].date_ms)))
        return json_response({"items": [audit_representation(entry) for entry in found[:limit]], "_links": links})

    def _matching(self, query: _Query) -> Iterator[AuditEntry]:
        for entry in self._store.audit_entries(before_ms=query.before_ms, after_ms=query.after_ms):
            if self._is_wanted(query, entry):
                yield entry

    def _is_wanted(self, query: _Query, entry: AuditEntry) -> bool:
        def tags_of(kind: str, key: str) -> Collection[str]:
            return self._tags(entry, kind, key)

        return (
            query.words in _searched_text(entry)
            and (not query.members or entry.member_id in query.members)
            and (not query.tokens or entry.token_id in query.tokens)
            and any(query.spec is None or query.spec.matches(resource, tags_of) for _, resource in entry.accesses)
            and any(allows(query.policy, action, resource, tags_of) for action, resource in entry.accesses)
        )

    def _tags(self, entry: AuditEntry, kind: str, key: str) -> Collection[str]:
        """Return the tags that a part of an entry's resource had then, or has now when it is what contains it."""
        if kind == {"project": "proj", "environment": "env"}.get(entry.kind, entry.kind):
            tags: Collection[str] = (entry.current or entry.previous or {}).get("tags", ())
            return tags
        try:
            if kind == "proj":
                return self._store.project(key).tags
            return self._store.environment(entry.project, key).tags if kind == "env" else ()
        except ApiError:
            return ()


def _query(call: Call, *, has_body: bool = False) -> _Query:
    spec = call.text("spec")
    is_empty = not has_body or not call.request.get_data(cache=True)
    return _Query(
        before_ms=call.number("before", 0) if call.text("before") else None,
        after_ms=call.number("after", 0) if call.text("after") else None,
        words=(call.text("q") or "").lower(),
        spec=None if spec is None else Specifier.of(spec),
        policy=() if is_empty else read_policy(call.body()),
        members=frozenset(filter(None, call.request.args.getlist("member"))),
        tokens=frozenset(filter(None, call.request.args.getlist("token"))),
    )


def _searched_text(entry: AuditEntry) -> str:
    return f"{entry.name}\n{entry.key}\n{entry.comment}\n{entry.title_verb}".lower()
