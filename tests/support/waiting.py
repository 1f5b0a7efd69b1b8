"""Waiting on conditions, never on the clock alone."""

import time

DEADLINE_S = 60


def eventually(condition, *, deadline_s=DEADLINE_S, what="the condition"):
    """Return the first true result of `condition()`; fail with the last one when the deadline passes."""
    end_s = time.monotonic() + deadline_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end_s:
            raise AssertionError(f"{what} did not come true in {deadline_s} s; last: {result!r}")
        time.sleep(0.02)
