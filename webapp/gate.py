"""Which mode each visitor gets: the kill switch's evaluations, and who is told when they change."""

from __future__ import annotations

import difflib
import logging
import queue
import secrets
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ldclient import Context
from ldclient.interfaces import DataSourceState

from opsctl.core.epochs import Epoch
from opsctl.core.instances import DataSource
from opsctl.core.modes import Mode
from webapp.cast import TAUGHT_CONTEXT_KEY
from webapp.decisions import Decision, FlagState, Order
from webapp.freshness import Freshness

if TYPE_CHECKING:
    from collections.abc import Callable

    from ldclient.client import LDClient
    from ldclient.interfaces import DataSourceStatus, FlagChange

    from webapp.flagdata import FlagData, ObservedStore
    from webapp.visitors import Visitor

_log = logging.getLogger(__name__)
_FALLBACK_VALUE = False
_NOT_READY = "ERROR(CLIENT_NOT_READY)"
_CLOSE_WAIT_S = 2.0
_EVERYBODY = Context.builder(TAUGHT_CONTEXT_KEY).name("Sandy").build()
"""Whom the flag is evaluated for when its value does not depend on the visitor: the tutorial's own context."""


class Gate:
    """Decides with the official SDK, fallback value `False`: unknown means degraded.

    While the flag's value depends on nobody it is evaluated once for all, else for each visitor. Changes are seen on
    the SDK's stream thread and handed to the gate's own, which evaluates what is held then: several quick changes may
    be told as one, and the last one always is told.

    Args:
        client: The SDK client.
        store: The store that client fills.
        flag: Key of the kill switch.
        on_evaluation: Called once per evaluation, for counting.

    `in_force_since_s` is when the present epoch came into force here, on the monotonic clock.
    """

    def __init__(
        self,
        client: LDClient,
        store: ObservedStore,
        flag: str,
        *,
        on_evaluation: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._store = store
        self.flag = flag
        self._count_evaluation = on_evaluation
        self._tokens: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._origin = secrets.token_hex(4)
        self._state = FlagState(Epoch(), Mode.DEGRADED, _NOT_READY, order=Order(self._origin))
        self.in_force_since_s = time.monotonic()
        self._revision = 0
        self._state_listeners: list[Callable[[FlagState], None]] = []
        self._source_listeners: list[Callable[[], None]] = []
        self._freshness = Freshness()
        self._known_source = DataSource.NONE
        self._notifier = self._new_notifier()

    def start(self) -> None:
        """Begin to follow the flag. What is known at once is decided when this returns."""
        self._store.listen(self._on_write)
        self.attach()
        if self._store.initialized:
            self._freshness.on_data()
        self._refresh()
        if not self._store.initialized:
            _log.info("*** no flag data yet: the feed is degraded until there is")
        self._notifier.start()

    def attach(self) -> None:
        """Listen to the client: at the start, and again after it was restarted."""
        self._client.flag_tracker.add_listener(self._on_flag_change)
        statuses = self._client.data_source_status_provider
        statuses.add_listener(self._on_status)
        self._on_status(statuses.status)

    def detach(self) -> None:
        """Listen to the client no longer."""
        self._client.flag_tracker.remove_listener(self._on_flag_change)
        self._client.data_source_status_provider.remove_listener(self._on_status)

    def resume(self, restart: Callable[[], None]) -> None:
        """Begin again in a process that was forked off; `restart` restarts the client there."""
        self._store.resume()
        restart()
        self._freshness.reset()
        self._tokens = queue.SimpleQueue()
        self._notifier = self._new_notifier()
        self.attach()
        self._notifier.start()

    def close(self) -> None:
        """Stop to follow the flag; the client stays the caller's."""
        self.detach()
        self._tokens.put(False)
        self._notifier.join(_CLOSE_WAIT_S)

    def on_state(self, listener: Callable[[FlagState], None]) -> None:
        """Call `listener` with each new state, one after the other, on the gate's thread."""
        self._state_listeners.append(listener)

    def on_source(self, listener: Callable[[], None]) -> None:
        """Call `listener` when where the data comes from has changed, on the gate's thread."""
        self._source_listeners.append(listener)

    @property
    def state(self) -> FlagState:
        """The newest state."""
        return self._state

    @property
    def source(self) -> DataSource:
        """Where the flag data comes from."""
        return self._freshness.source

    @property
    def age_s(self) -> float | None:
        """Seconds since the provider last confirmed the flag data; `None` when it never did."""
        return self._freshness.age_s

    def rely_on_checks(self, *, are_made: bool) -> None:
        """Take note whether the flag data is checked from now on; see `Freshness`."""
        self._freshness.is_checked = are_made

    def on_check(self, *, confirmed: bool) -> None:
        """Take note of a check of the flag data; see `Freshness`."""
        self._freshness.on_check(confirmed=confirmed)
        self._tokens.put(True)

    def decide(self, visitor: Visitor) -> Decision:
        """Return what this visitor gets now."""
        state = self._state
        if state.mode is not None:
            return Decision(state.mode, state.epoch, state.reason, state.order)
        _, decision = self._evaluated(visitor.context())
        return replace(decision, order=state.order)

    def _evaluated(self, context: Context) -> tuple[FlagData | None, Decision]:
        """Evaluate for `context`, with the very data that the evaluation went by."""
        if not self._store.initialized:
            return None, Decision(Mode.DEGRADED, self._state.epoch, _NOT_READY)
        with self._store.writing:
            data = self._store.flag(self.flag)
            detail = self._client.variation_detail(self.flag, context, _FALLBACK_VALUE)
        self._count_evaluation()
        epoch = max(self._state.epoch, Epoch(data.version) if data else Epoch())
        is_boolean = type(detail.value) is bool
        reason = _reason(detail.reason) if is_boolean else "ERROR(WRONG_TYPE)"
        return data, Decision(Mode.of(flag_value=detail.value), epoch, reason)

    def _refresh(self) -> None:
        old = self._state
        data, decision = self._evaluated(_EVERYBODY)
        order = Order(self._origin, old.order.number + 1)
        if data is not None and data.depends_on_visitor:
            new = FlagState(decision.epoch, None, decision.reason, self._revision, order=order)
        else:
            new = FlagState(decision.epoch, decision.mode, decision.reason, order=order)
        if new == old:
            return
        if new.epoch != old.epoch:
            self.in_force_since_s = time.monotonic()
        self._state = new
        self._report(new, data)
        for listener in self._state_listeners:
            try:
                listener(new)
            except Exception:  # noqa: BLE001 - one listener's fault must not keep the others from a kill
                _log.exception("a listener failed at epoch %s", new.epoch.to_wire())

    def _report(self, state: FlagState, data: FlagData | None) -> None:
        value = "what each visitor's context decides" if state.mode is None else str(state.mode is Mode.FULL)
        _log.info(
            "*** The %s feature flag evaluates to %s (version %d, %s)",
            self.flag, value, state.epoch.version, state.reason,
        )  # fmt: skip
        if data is None and self._store.initialized:
            close = difflib.get_close_matches(self.flag, self._store.flag_keys(), n=3)
            hint = f"did you mean {', '.join(close)}?" if close else "create it, or set LAUNCHDARKLY_FLAG_KEY"
            _log.error("the environment has no flag %s: the feed stays degraded; %s", self.flag, hint)
        elif state.reason == "ERROR(WRONG_TYPE)":
            _log.error("the flag %s does not serve a boolean: the feed stays degraded", self.flag)

    def _notify(self) -> None:
        while self._tokens.get():
            try:
                self._refresh()
                self._note_source()
            except Exception:  # noqa: BLE001 - the next change must still be followed
                _log.exception("could not follow the flag %s", self.flag)

    def _note_source(self) -> None:
        source = self.source
        if source is not self._known_source:
            _log.info("flag data is %s", source)
            self._known_source = source
            for listener in self._source_listeners:
                listener()

    def _new_notifier(self) -> threading.Thread:
        return threading.Thread(target=self._notify, name="gate", daemon=True)

    def _on_write(self, key: str | None) -> None:
        self._freshness.on_data()
        if key in (None, self.flag):
            self._recheck()

    def _on_flag_change(self, change: FlagChange) -> None:
        if change.key == self.flag:
            self._recheck()

    def _recheck(self) -> None:
        self._revision += 1
        self._tokens.put(True)

    def _on_status(self, status: DataSourceStatus) -> None:
        self._freshness.on_stream(is_valid=status.state is DataSourceState.VALID)
        self._tokens.put(True)


def _reason(reason: dict[str, Any] | None) -> str:
    kind = str((reason or {}).get("kind", "ERROR"))
    error = (reason or {}).get("errorKind")
    return f"{kind}({error})" if error else kind
