"""Asking LaunchDarkly whether it would accept a change, behind `ChangeChecker` of `opsctl.core.ports`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from opsctl.adapters.launchdarkly_http import SEMANTIC_PATCH, Request

if TYPE_CHECKING:
    from opsctl.adapters.launchdarkly_http import RestConnection
    from opsctl.core.flags import FlagRef


class LaunchDarklyChecks:
    """Dry runs of semantic patches, over one connection."""

    def __init__(self, rest: RestConnection) -> None:
        self._rest = rest

    def check_turn(self, ref: FlagRef, *, on: bool, comment: str, timeout_s: float | None = None) -> None:
        """Have the change checked as it would be made: a kill ignores scheduled changes in its way."""
        body: dict[str, Any] = {
            "environmentKey": ref.environment,
            "instructions": [{"kind": "turnFlagOn" if on else "turnFlagOff"}],
        }
        request = Request(
            method="PATCH",
            path=f"/api/v2/flags/{quote(ref.project, safe='')}/{quote(ref.key, safe='')}",
            doing=f"turn {'on' if on else 'off'} the flag {ref.key}",
            query={"dryRun": "true"} if on else {"dryRun": "true", "ignoreConflicts": "true"},
            body={**body, "comment": comment} if comment else body,
            content_type=SEMANTIC_PATCH,
        )
        self._rest.send(request, timeout_s=timeout_s)
