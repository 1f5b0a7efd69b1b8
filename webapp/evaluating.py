"""What the flag data says: the kill switch evaluated with the official SDK, and said aloud in the log."""

from __future__ import annotations

import difflib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsctl.core.modes import Mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from ldclient import Context

    from webapp.decisions import FlagState
    from webapp.flagdata import FlagData, ObservedStore
    from webapp.sdk import SdkClient

_log = logging.getLogger(__name__)
_FALLBACK_VALUE = False
NOT_READY = "ERROR(CLIENT_NOT_READY)"
_NOT_FOUND = "ERROR(FLAG_NOT_FOUND)"
_WRONG_TYPE = "ERROR(WRONG_TYPE)"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation, and the very data it went by (`None`: there is no such flag, or no data at all)."""

    data: FlagData | None
    mode: Mode
    reason: str

    @property
    def version(self) -> int:
        """The version of that data; 0 without any."""
        return self.data.version if self.data is not None else 0


class Evaluator:
    """Evaluates one flag. The fallback value is `False`: unknown means degraded.

    Args:
        client: The SDK client.
        store: The store that client fills.
        flag: Key of the kill switch.
        on_evaluation: Called once per evaluation, for counting.
    """

    def __init__(self, client: SdkClient, store: ObservedStore, flag: str, on_evaluation: Callable[[], None]) -> None:
        self._client = client
        self._store = store
        self._flag = flag
        self._count_evaluation = on_evaluation

    def evaluate(self, context: Context) -> Evaluation:
        """Evaluate for `context`."""
        if not self._store.initialized:
            return Evaluation(None, Mode.DEGRADED, NOT_READY)
        with self._store.writing:
            data = self._store.flag(self._flag)
            detail = self._client.variation_detail(self._flag, context, _FALLBACK_VALUE)
        self._count_evaluation()
        reason = _reason(detail.reason) if type(detail.value) is bool else _WRONG_TYPE
        return Evaluation(data, Mode.of(flag_value=detail.value), reason)

    def report(self, state: FlagState) -> None:
        """Log a new state, and what is wrong with the flag where something is."""
        if state.is_pinned or state.hold is not None:
            _log.info(
                "*** The feed is degraded, whatever the %s feature flag evaluates to (version %d, %s)",
                self._flag, state.epoch.version, state.reason,
            )  # fmt: skip
            return
        value = "what each visitor's context decides" if state.mode is None else str(state.mode is Mode.FULL)
        _log.info(
            "*** The %s feature flag evaluates to %s (version %d, %s)",
            self._flag, value, state.epoch.version, state.reason,
        )  # fmt: skip
        if state.reason == _NOT_FOUND:
            close = difflib.get_close_matches(self._flag, self._store.flag_keys(), n=3)
            hint = f"did you mean {', '.join(close)}?" if close else "create it, or set LAUNCHDARKLY_FLAG_KEY"
            _log.error("the environment has no flag %s: the feed stays degraded; %s", self._flag, hint)
        elif state.reason == _WRONG_TYPE:
            _log.error("the flag %s does not serve a boolean: the feed stays degraded", self._flag)


def _reason(reason: dict[str, Any] | None) -> str:
    kind = str((reason or {}).get("kind", "ERROR"))
    error = (reason or {}).get("errorKind")
    return f"{kind}({error})" if error else kind
