"""What a flag went through, from the details of LaunchDarkly's audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from opsctl.adapters.launchdarkly_http import Request
from opsctl.adapters.launchdarkly_json import audit_entry_of
from opsctl.core.watching import FlagChange
from opsctl.core.wire import exact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opsctl.adapters.launchdarkly_http import RestConnection
    from opsctl.core.flags import FlagRef

_PAGE = 20
_MOST_ENTRIES = 400


class LaunchDarklyHistory:
    """`History` of `opsctl.core.ports`: the version of each change stands in the detail of its entry."""

    def __init__(self, rest: RestConnection) -> None:
        self._rest = rest
        self._known: dict[str, FlagChange | None] = {}

    def changes_since(self, ref: FlagRef, version: int) -> tuple[FlagChange, ...]:
        """Return the changes of the flag in its environment after that version, in their order.

        It looks at the newest entries of the log first, and at no more than are needed, or 400.
        """
        found = []
        for item in self._entries(ref):
            change = self._change(ref, item)
            if change is not None and change.version <= version:
                break
            if change is not None:
                found.append(change)
        return tuple(sorted(found, key=lambda change: change.version))

    def _entries(self, ref: FlagRef) -> Iterator[Any]:
        """Yield the entries about the flag in its environment, the newest first, each once."""
        seen: set[str] = set()
        query: dict[str, str | int] = {
            "spec": f"proj/{ref.project}:env/{ref.environment}:flag/{ref.key}",
            "limit": _PAGE,
        }
        while len(seen) < _MOST_ENTRIES:
            request = Request(method="GET", path="/api/v2/auditlog", doing="read the audit log", query=query)
            try:
                page = [(exact(one["_id"], str), exact(one["date"], int), one) for one in self._send(request)["items"]]
            except (KeyError, TypeError) as error:
                raise self._rest.foreign_answer(error) from error
            new = [one for one in page if one[0] not in seen]
            if not new:
                return
            # Several entries may have the date that a page ends with: the next page begins with it once more.
            query["before"] = min(date_ms for _, date_ms, _ in page) + 1
            seen.update(entry_id for entry_id, _, _ in new)
            yield from (item for _, _, item in sorted(new, key=lambda one: one[1], reverse=True))

    def _change(self, ref: FlagRef, item: Any) -> FlagChange | None:
        """Return the change that an entry is about; `None` when it left the flag's version there as it was."""
        entry_id = item["_id"]
        if entry_id not in self._known:
            path = f"/api/v2/auditlog/{quote(entry_id, safe='')}"
            detail = self._send(Request(method="GET", path=path, doing="read the audit log"))
            try:
                self._known[entry_id] = _change_of(detail, ref.environment)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise self._rest.foreign_answer(error) from error
        return self._known[entry_id]

    def _send(self, request: Request) -> Any:
        return self._rest.send(request)


def _change_of(detail: Any, environment: str) -> FlagChange | None:
    before, after = (_config(detail.get(name), environment) for name in ("previousVersion", "currentVersion"))
    if after is None:
        return None
    version = exact(after["version"], int)
    from_version = 0 if before is None else exact(before["version"], int)
    if version == from_version:
        return None
    return FlagChange(
        entry=audit_entry_of(detail),
        from_version=from_version,
        version=version,
        was_on=before is not None and exact(before["on"], bool),
        is_on=exact(after["on"], bool),
    )


def _config(flag: Any, environment: str) -> Any:
    """Return a flag's configuration in an environment; `None` where the entry is about something else."""
    environments = flag.get("environments") if isinstance(flag, dict) else None
    return environments.get(environment) if isinstance(environments, dict) else None
