"""What a flag went through, from the details of LaunchDarkly's audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from opsctl.adapters.launchdarkly_audit import newest_items
from opsctl.adapters.launchdarkly_http import Request
from opsctl.adapters.launchdarkly_json import audit_entry_of
from opsctl.core.watching import FlagChange
from opsctl.core.wire import exact

if TYPE_CHECKING:
    from opsctl.adapters.launchdarkly_http import RestConnection
    from opsctl.core.flags import FlagRef

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
        for item in newest_items(self._rest, ref, most=_MOST_ENTRIES):
            change = self._change(ref, item)
            if change is not None and change.version <= version:
                break
            if change is not None:
                found.append(change)
        return tuple(sorted(found, key=lambda change: change.version))

    def _change(self, ref: FlagRef, item: Any) -> FlagChange | None:
        """Return the change that an entry is about; `None` when it left the flag's version there as it was."""
        entry_id = item["_id"]
        if entry_id not in self._known:
            path = f"/api/v2/auditlog/{quote(entry_id, safe='')}"
            detail = self._rest.send(Request(method="GET", path=path, doing="read the audit log"))
            try:
                self._known[entry_id] = _change_of(detail, ref.environment)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise self._rest.foreign_answer(error) from error
        return self._known[entry_id]


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
