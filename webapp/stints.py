"""How long one greenlet goes on before everybody else has a turn, pages that were asked for meanwhile among them."""

from __future__ import annotations

import time

import gevent

_BEHIND_OTHERS = -1
"""The priority of a rest's end: the loop first deals with what has arrived."""


def let_others_run() -> None:
    """Return when whoever can run now, and whatever has arrived by now, has had a turn.

    `gevent.sleep(0)` alone is less: gevent may run 50 greenlets that are ready before it looks at any connection, and
    one that sleeps for 0 seconds is ready again at once. A timer ends only after such a look.
    """
    hub = gevent.get_hub()
    now = hub.loop.timer(0, priority=_BEHIND_OTHERS)
    try:
        hub.wait(now)
    finally:
        now.close()
    gevent.sleep(0)


class Stint:
    """The processor's time that a greenlet has had without a rest: it rests no more often on a busy machine."""

    __slots__ = ("_ends_at", "_limit_s")

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._ends_at = time.thread_time() + limit_s

    @property
    def is_over(self) -> bool:
        """Whether others are to have a turn."""
        return time.thread_time() >= self._ends_at

    def rest(self) -> None:
        """Let others run, and begin anew."""
        let_others_run()
        self._ends_at = time.thread_time() + self._limit_s
