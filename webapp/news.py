"""Who is told of what the gate decides: one thing after the other, on a thread of its own."""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from typing import TYPE_CHECKING

from opsctl.core.instances import DataSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from webapp.decisions import FlagState
    from webapp.directives import Directives

_log = logging.getLogger(__name__)
_CLOSE_WAIT_S = 2.0
_LOOK_EVERY_S = 1.0


class News:
    """Has the gate decide anew whenever there is reason to, and tells whoever listens what came of it.

    Args:
        directives: What this instance was told. What other processes wrote down is looked at every second.
        decide: Decides anew, and calls `add` with a state that is a new one.
        known: Returns where the flag data comes from, and whether the stream is deaf.
    """

    def __init__(
        self, directives: Directives, decide: Callable[[], None], known: Callable[[], tuple[DataSource, bool]]
    ) -> None:
        self._directives = directives
        self._decide = decide
        self._known = known
        self._told = (DataSource.NONE, False)
        self._missed = 0
        self._untold: deque[FlagState] = deque()
        self._tokens: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._thread = self._new_thread()
        self._state_listeners: list[Callable[[FlagState], None]] = []
        self._source_listeners: list[Callable[[], None]] = []
        self._missed_listeners: list[Callable[[int], None]] = []

    def on_state(self, listener: Callable[[FlagState], None]) -> None:
        """Call `listener` with each new state."""
        self._state_listeners.append(listener)

    def on_source(self, listener: Callable[[], None]) -> None:
        """Call `listener` when where the data comes from, or whether the stream is deaf, has changed."""
        self._source_listeners.append(listener)

    def on_missed(self, listener: Callable[[int], None]) -> None:
        """Call `listener` with each version that this instance was told of and did not see in time."""
        self._missed_listeners.append(listener)

    def start(self) -> None:
        """Tell what was decided so far, and begin."""
        self._tell()
        self._thread.start()

    def resume(self) -> None:
        """Begin again in a process that was forked off, where the thread does not exist."""
        self._tokens = queue.SimpleQueue()
        self.wake()  # what there was to decide meanwhile went to the queue before
        self._thread = self._new_thread()
        self._thread.start()

    def close(self) -> None:
        """Tell what is left, and end."""
        self._tokens.put(False)
        if self._thread.is_alive():
            self._thread.join(_CLOSE_WAIT_S)

    def wake(self) -> None:
        """Have it decided anew, soon."""
        self._tokens.put(True)

    def add(self, state: FlagState) -> None:
        """Have a state told, after those before it."""
        self._untold.append(state)

    def _new_thread(self) -> threading.Thread:
        return threading.Thread(target=self._run, name="gate", daemon=True)

    def _run(self) -> None:
        while self._wait():
            try:
                self._directives.look()
                self._decide()
                self._tell()
                self._note_missed()
                self._note_source()
                self._directives.remember()
            except Exception:  # noqa: BLE001 - the next change must still be followed
                _log.exception("could not follow the switch")

    def _wait(self) -> bool:
        """Return once there is something to decide; `False` at the end."""
        while True:
            due_in_s = self._directives.due_in_s
            try:
                return self._tokens.get(timeout=_LOOK_EVERY_S if due_in_s is None else min(due_in_s, _LOOK_EVERY_S))
            except queue.Empty:
                if self._directives.look() or (due_in_s is not None and due_in_s <= _LOOK_EVERY_S):
                    return True

    def _tell(self) -> None:
        while self._untold:
            state = self._untold.popleft()
            for listener in self._state_listeners:
                try:
                    listener(state)
                except Exception:  # noqa: BLE001 - one listener's fault must not keep the others from a kill
                    _log.exception("a listener failed at epoch %s", state.epoch.to_wire())

    def _note_missed(self) -> None:
        known, self._missed = self._missed, self._directives.missed
        if self._missed > known:
            _log.warning("version %d was written, and the stream has not delivered it: fetching it", self._missed)
            for listener in self._missed_listeners:
                listener(self._missed)

    def _note_source(self) -> None:
        told, self._told = self._told, self._known()
        if self._told != told:
            if self._told[0] is not told[0]:
                _log.info("flag data is %s", self._told[0])
            for listener in self._source_listeners:
                listener()
