"""Finishing something before a signal is heard, and noticing those that others did not let through."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TO_INTERRUPT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SIGNALS = (*_TO_INTERRUPT, signal.SIGALRM)
_MOST_NOTICED = 512


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


@contextmanager
def noticing() -> Iterator[list[int]]:
    """Yield a list in which, once the block is over, the signals stand that came meanwhile, whoever dropped them.

    A command that is over drops what comes while it says so; one that is part of something longer may not.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    told, telling = os.pipe()
    for end in (told, telling):
        os.set_blocking(end, False)
    before = signal.set_wakeup_fd(telling, warn_on_full_buffer=False)
    try:
        yield came
    finally:
        signal.set_wakeup_fd(before)
        os.close(telling)
        came += [number for number in os.read(told, _MOST_NOTICED) if number in _TO_INTERRUPT]
        os.close(told)
