"""A bell for those who wait for anything to change."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Changes:
    """Ringing costs nothing while nobody listens, and next to nothing otherwise: any number of rings is one."""

    def __init__(self) -> None:
        self._listeners: tuple[threading.Event, ...] = ()
        self._lock = threading.Lock()

    def ring(self) -> None:
        """Wake whoever listens."""
        for listener in self._listeners:
            if not listener.is_set():
                listener.set()

    @contextmanager
    def listening(self) -> Iterator[threading.Event]:
        """Give an event that each ring sets, and that the listener clears."""
        listener = threading.Event()
        with self._lock:
            self._listeners = (*self._listeners, listener)
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners = tuple(one for one in self._listeners if one is not listener)
