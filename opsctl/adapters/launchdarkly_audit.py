"""LaunchDarkly's audit log, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.adapters.launchdarkly_http import Request
from opsctl.adapters.launchdarkly_json import audit_entry_of
from opsctl.core.wire import exact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opsctl.adapters.launchdarkly_http import RestConnection
    from opsctl.core.flags import AuditEntry, FlagRef

_PAGE = 20
_MOST_ENTRIES = 500


class LaunchDarklyAudit:
    """`ChangeLog` of `opsctl.core.ports`."""

    def __init__(self, connect: Callable[[], RestConnection], *, timeout_s: float | None = None) -> None:
        """Take how to get the connection: that there is no access token shows when it is used.

        `timeout_s` bounds each request.
        """
        self._connect = connect
        self._timeout_s = timeout_s

    def changes(self, ref: FlagRef) -> Iterator[AuditEntry]:
        """Yield the entries about the flag in its environment, the newest first; 500 at most."""
        rest = self._connect()
        for item in newest_items(rest, ref, most=_MOST_ENTRIES, timeout_s=self._timeout_s):
            try:
                entry = audit_entry_of(item)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise rest.foreign_answer(error) from error
            yield entry


def newest_items(rest: RestConnection, ref: FlagRef, *, most: int, timeout_s: float | None = None) -> Iterator[Any]:
    """Yield the JSON of the entries about the flag in its environment, the newest first, each once.

    Pages are read as they are needed, until `most` entries were seen.
    """
    seen: set[str] = set()
    query: dict[str, str | int] = {
        "spec": f"proj/{ref.project}:env/{ref.environment}:flag/{ref.key}",
        "limit": _PAGE,
    }
    while len(seen) < most:
        request = Request(method="GET", path="/api/v2/auditlog", doing="read the audit log", query=query)
        answer = rest.send(request, timeout_s=timeout_s)
        try:
            page = [(exact(one["_id"], str), exact(one["date"], int), one) for one in answer["items"]]
        except (KeyError, TypeError) as error:
            raise rest.foreign_answer(error) from error
        new = [one for one in page if one[0] not in seen]
        if not new:
            return
        # Several entries may have the date that a page ends with: the next page begins with it once more.
        query["before"] = min(date_ms for _, date_ms, _ in page) + 1
        seen.update(entry_id for entry_id, _, _ in new)
        yield from (item for _, _, item in sorted(new, key=lambda one: one[1], reverse=True))
