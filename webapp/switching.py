"""Telling the browsers: what they get on connect, and what changes when the kill switch does."""

from __future__ import annotations

import logging
import math
import threading
from typing import TYPE_CHECKING, Any

from opsctl.core.modes import Mode
from webapp.acks import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from webapp.acks import AckBoard
    from webapp.broadcast import Broadcaster
    from webapp.decisions import Decision, FlagState
    from webapp.feed import Post
    from webapp.gate import Gate
    from webapp.pages import Pages
    from webapp.visitors import Visitor

_log = logging.getLogger(__name__)
_A_HANDFUL = 10
_MS_PER_S = 1000


class Switchboard:
    """Keeps every connected browser in the mode its visitor gets.

    While that is the same for all, a change is one broadcast. When it depends on the visitor each one is evaluated,
    and there is one broadcast to those in each mode. What one browser gets is in order: never a state older than the
    one before.

    Args:
        gate: Decides.
        board: The connected browsers and their acknowledgements.
        broadcaster: Sends.
        pages: Makes the live posts.
        restore_rate: How many pages per second may fetch their personal content after a restore.
        restore_spread_s: Over how long they do so at least, however few they are.
        on_update: Called once per announced change, for counting.
    """

    def __init__(
        self,
        gate: Gate,
        board: AckBoard,
        broadcaster: Broadcaster,
        pages: Pages,
        *,
        restore_rate: int,
        restore_spread_s: float = 0.0,
        on_update: Callable[[], None] = lambda: None,
    ) -> None:
        self._gate = gate
        self._board = board
        self._broadcaster = broadcaster
        self._pages = pages
        self._restore_rate = restore_rate
        self._restore_spread_s = restore_spread_s
        self._count_update = on_update
        self._lock = threading.RLock()
        board.advance(gate.state.epoch)
        self._told = gate.state

    def connect(self, sid: str, name: str, visitor: Visitor) -> None:
        """Take in a browser and send it the `state`; one that is gone by now is not taken in."""
        with self._lock:
            decision = self._gate.decide(visitor)
            self._board.join(Connection(sid, name, visitor, decision.mode))
            if self._broadcaster.place(sid, decision.mode):
                self._broadcaster.to_one(sid, "state", state_message(self._gate, decision))
            else:
                self._board.leave(sid)

    def disconnect(self, sid: str) -> None:
        """Forget a browser that is gone."""
        self._board.leave(sid)

    def on_state(self, state: FlagState) -> None:
        """Announce a new state of the kill switch to the browsers it concerns."""
        with self._lock:
            old = self._told
            if state.mode is None:
                self._tell_each(state, everybody=state.epoch != old.epoch)
            elif (state.epoch, state.mode) != (old.epoch, old.mode):
                self._tell_all(state.mode, state)
            self._told = state

    def announce(self, post: Post) -> None:
        """Send a post that has just arrived, with its author's avatar to those in full mode only."""
        mode = self._gate.state.mode
        with_avatar = None if mode is Mode.DEGRADED else self._pages.live_post(post, with_avatar=True).to_wire()
        without = self._pages.live_post(post, with_avatar=False).to_wire()
        with self._lock:
            mode = self._gate.state.mode
            if mode is None and with_avatar is not None:
                self._broadcaster.to_mode(Mode.FULL, "post", with_avatar)
                self._broadcaster.to_mode(Mode.DEGRADED, "post", without)
            else:
                self._broadcaster.to_all("post", with_avatar if mode is Mode.FULL and with_avatar else without)

    def _tell_all(self, mode: Mode, state: FlagState) -> None:
        self._board.advance(state.epoch)
        restored = self._board.expect_all(mode)
        self._count_update()
        self._broadcaster.to_all("flag_update", self._update(mode, state, state.reason, restored))

    def _tell_each(self, state: FlagState, *, everybody: bool) -> None:
        self._board.advance(state.epoch)
        restored = 0
        moved = []
        reasons = dict.fromkeys(Mode, state.reason)
        for connection in self._board.connections():
            decision = self._decision_for(connection)
            if decision is None or not self._broadcaster.place(connection.sid, decision.mode):
                continue
            reasons[decision.mode] = decision.reason
            if decision.mode is not connection.mode:
                restored += decision.mode is Mode.FULL
                moved.append(connection)
                self._board.expect(connection, decision.mode)
        updates = {mode: self._update(mode, state, reasons[mode], restored) for mode in Mode}
        self._count_update()
        if everybody:
            for mode, update in updates.items():
                self._broadcaster.to_mode(mode, "flag_update", update)
        else:
            for connection in moved:
                self._broadcaster.to_one(connection.sid, "flag_update", updates[connection.mode])

    def _decision_for(self, connection: Connection) -> Decision | None:
        """Evaluate for one browser; what goes wrong there keeps the news from nobody else."""
        try:
            return self._gate.decide(connection.visitor)
        except Exception:  # noqa: BLE001 - see above
            _log.exception("could not decide for %s", connection.name)
            return None

    def _update(self, mode: Mode, state: FlagState, reason: str, restored: int) -> dict[str, Any]:
        """Return a `flag_update`. A kill asks for nothing; a restore spreads the pages' one request over time."""
        spread_s = 0.0
        if mode is Mode.FULL and restored:
            rate_s = restored / self._restore_rate if restored > _A_HANDFUL else 0.0
            spread_s = max(rate_s, self._restore_spread_s)
        return {
            "key": self._gate.flag,
            "new_value": mode is Mode.FULL,
            "epoch": state.epoch.to_wire(),
            "order": state.order.to_wire(),
            "mode": mode,
            "reason": reason,
            "pinned": state.is_pinned,
            "refetch_within_ms": math.ceil(spread_s * _MS_PER_S),
        }


def state_message(gate: Gate, decision: Decision) -> dict[str, Any]:
    """Return the `state` that a browser gets on connect, and from `/api/mode`."""
    age_s = gate.age_s
    return {
        "epoch": decision.epoch.to_wire(),
        "order": decision.order.to_wire(),
        "mode": decision.mode,
        "flags": {gate.flag: decision.mode is Mode.FULL},
        "reason": decision.reason,
        "pinned": decision.is_pinned,
        "source": gate.source,
        "age": None if age_s is None else round(age_s, 1),
    }
