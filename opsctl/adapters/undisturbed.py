"""Finishing something before a signal is heard."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)


@contextmanager
def undisturbed() -> Iterator[list[int]]:
    """Keep signals from raising anything while the block runs; yield the list of those that came.

    For blocks that are short: what was to be done about a signal is left to the caller. Python delivers signals on
    the main thread only, so on others nothing has to be kept off.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    handlers = ((number, signal.getsignal(number)) for number in _SIGNALS)
    before = {number: handler for number, handler in handlers if callable(handler)}
    try:
        for number in before:
            signal.signal(number, lambda signum, _frame: came.append(signum))
        yield came
    finally:
        for number, handler in before.items():
            try:
                signal.signal(number, handler)
            except KeyboardInterrupt:
                came.append(number)
                signal.signal(number, handler)
