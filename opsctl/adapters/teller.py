"""Telling somebody who may not be listening: never waits, and says how much was left out."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_WAITING = 2000
_CLOSE_WAIT_S = 1.0


class Teller:
    """Calls `say(name, line)` on a thread of its own, in order.

    A terminal that is stopped, or a reader that does not read, holds up that thread and nobody else; what it cannot
    take is dropped and counted.
    """

    def __init__(self, say: Callable[[str, str], None]) -> None:
        self._say = say
        self._waiting: queue.Queue[tuple[str, str] | None] = queue.Queue(_MOST_WAITING)
        self._dropped = 0
        self._thread = threading.Thread(target=self._work, name="teller", daemon=True)
        self._thread.start()

    def tell(self, name: str, line: str) -> None:
        """Pass a line on, sooner or later or never; return at once."""
        try:
            self._waiting.put_nowait((name, line))
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Let what is waiting be said, for a second at most."""
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(_CLOSE_WAIT_S)

    def _work(self) -> None:
        while (told := self._waiting.get()) is not None:
            self._say(*told)
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                self._say(told[0], f"({dropped} lines were left out here: nobody read them)")
