"""Which mode each visitor gets: the kill switch's evaluations and what overrides them, and who is told of changes."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from ldclient import Context
from ldclient.interfaces import DataSourceState

from opsctl.core.epochs import Epoch
from opsctl.core.instances import DataSource
from opsctl.core.modes import Mode
from webapp.cast import TAUGHT_CONTEXT_KEY
from webapp.decisions import Decision, FlagState, Order
from webapp.evaluating import NOT_READY, Evaluator
from webapp.freshness import Freshness
from webapp.news import News

if TYPE_CHECKING:
    from collections.abc import Callable

    from ldclient.interfaces import DataSourceStatus, FlagChange

    from opsctl.core.expecting import Expect
    from opsctl.core.objectives import Condition
    from opsctl.core.pins import Pin
    from webapp.directives import Directives
    from webapp.flagdata import ObservedStore
    from webapp.sdk import SdkClient
    from webapp.visitors import Visitor

_log = logging.getLogger(__name__)
_EVERYBODY = Context.builder(TAUGHT_CONTEXT_KEY).name("Sandy").build()
"""Whom the flag is evaluated for when its value does not depend on the visitor: the tutorial's own context."""


class Gate:
    """Decides by the flag data, unless what this instance was told overrides that.

    While the flag's value depends on nobody it is evaluated once for all, else for each visitor. Changes are seen on
    the SDK's stream thread and handed to that of `news`, where what is held then is evaluated: several quick changes
    may be told as one, and the last one always is told.

    Args:
        client: The SDK client.
        store: The store that client fills.
        flag: Key of the kill switch.
        directives: What this instance was told.
        on_evaluation: Called once per evaluation, for counting.
        freshness: Knows how old the data is that the store holds already.

    Listen to `news`. `in_force_since_s` is when the present epoch came into force here, on the monotonic clock.
    """

    def __init__(
        self,
        client: SdkClient,
        store: ObservedStore,
        flag: str,
        directives: Directives,
        *,
        on_evaluation: Callable[[], None] = lambda: None,
        freshness: Freshness | None = None,
    ) -> None:
        self._client = client
        self._store = store
        self.flag = flag
        self.directives = directives
        self._evaluator = Evaluator(client, store, flag, on_evaluation)
        self._deciding = threading.Lock()
        self._origin = secrets.token_hex(4)
        self._state = FlagState(Epoch(), Mode.DEGRADED, NOT_READY, order=Order(self._origin))
        self.in_force_since_s = time.monotonic()
        self._revision = 0
        self._freshness = freshness or Freshness()
        self.news = News(directives, self._refresh, lambda: (self.source, self.is_deaf))
        self.news.on_state(self._evaluator.report)

    def start(self) -> None:
        """Begin to follow the flag. What is known at once is decided when this returns."""
        self._store.listen(self._on_write)
        self.attach()
        if self._store.initialized and self.source is DataSource.NONE:
            self._freshness.on_data()
        self._refresh()
        if not self._store.initialized:
            _log.info("*** no flag data yet: the feed is degraded until there is")
        self.news.start()

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
        self.directives.resume()
        restart()
        self._freshness.reset()
        self._deciding = threading.Lock()
        self._origin = secrets.token_hex(4)
        self._state = replace(self._state, order=Order(self._origin, self._state.order.number))
        self.attach()
        self.news.resume()

    def close(self) -> None:
        """Stop to follow the flag; the client stays the caller's."""
        self.detach()
        self.news.close()
        self.directives.close()

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

    @property
    def is_deaf(self) -> bool:
        """Whether the stream has not delivered a version that this instance knows of."""
        data = self._store.flag(self.flag)
        return self._store.is_deaf(self.flag) or self.directives.missed > (0 if data is None else data.version)

    def rely_on_checks(self, *, are_made: bool) -> None:
        """Take note whether the flag data is checked from now on; see `Freshness`."""
        self._freshness.is_checked = are_made

    def on_check(self, *, confirmed: bool) -> None:
        """Take note of a check of the flag data; see `Freshness`."""
        self._freshness.on_check(confirmed=confirmed)
        self.news.wake()

    def take(self, message: Pin | Expect | Condition) -> None:
        """Go by what this instance is told: it is in force, and kept over a restart, when this returns.

        Browsers are told meanwhile: they do not wait for the disk.
        """
        self.directives.take(message)
        self.catch_up()
        if self.directives.keep(message):
            self.catch_up()

    def catch_up(self) -> None:
        """Decide by what is held now before this returns; whoever is to be told is told by the gate's thread."""
        self.directives.look()
        self._refresh()
        self.news.wake()

    def decide(self, visitor: Visitor) -> Decision:
        """Return what this visitor gets now."""
        state = self._state
        if state.mode is not None:
            return Decision(state.mode, state.epoch, state.reason, state.is_pinned, state.order)
        by_data = self._evaluator.evaluate(visitor.context())
        epoch = _not_before(state.epoch, Epoch(by_data.version))
        return Decision(by_data.mode, epoch, by_data.reason, order=state.order)

    def _refresh(self) -> None:
        """Decide anew what is in force; whoever is to be told is told by the gate's thread."""
        with self._deciding:
            old = self._state
            found = self._evaluator.evaluate(_EVERYBODY)
            is_personal = found.data is not None and found.data.depends_on_visitor
            by_data = FlagState(
                Epoch(found.version),
                None if is_personal else found.mode,
                found.reason,
                self._revision if is_personal else 0,
                order=Order(self._origin, old.order.number + 1),
            )
            new = self.directives.decide(by_data, salt=None if found.data is None else found.data.salt)
            new = replace(new, epoch=_not_before(old.epoch, new.epoch))
            if new == old:
                return
            if new.epoch != old.epoch:
                self.in_force_since_s = time.monotonic()
            self._state = new
            self.news.add(new)

    def _on_write(self, key: str | None) -> None:
        self._freshness.on_data()
        if key in (None, self.flag):
            self._recheck()

    def _on_flag_change(self, change: FlagChange) -> None:
        if change.key == self.flag:
            self._recheck()

    def _recheck(self) -> None:
        self._revision += 1
        self.news.wake()

    def _on_status(self, status: DataSourceStatus) -> None:
        self._freshness.on_stream(is_valid=status.state is DataSourceState.VALID)
        self.news.wake()


def _not_before(old: Epoch, new: Epoch) -> Epoch:
    """Return an epoch of which neither part goes down: a hold may have been ahead of the data that ended it."""
    return Epoch(max(old.version, new.version), max(old.pin, new.pin))
