"""A visitor who loads the page again and again meanwhile, and notes how long each answer took."""

from __future__ import annotations

import http.client
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

_EVERY_S = 0.1
_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: when it was asked for in seconds from the begin, how long it took, and its status; 0: none came."""

    at_s: float
    took_ms: float
    status: int


class PageProbe(threading.Thread):
    """Asks for the page ten times a second on one connection, and hands each answer on.

    Args:
        port: The feed's, on this machine.
        began_s: The begin of the soak, on the monotonic clock.
        on_page: Called with each answer, on this thread.
    """

    def __init__(self, port: int, began_s: float, on_page: Callable[[Page], None]) -> None:
        super().__init__(name="pages", daemon=True)
        self._port = port
        self._began_s = began_s
        self._on_page = on_page
        self._is_over = threading.Event()
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_LIMIT_S)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self.join()
        self._connection.close()

    def run(self) -> None:
        """Ask until it is over."""
        while not self._is_over.wait(_EVERY_S):
            asked_s = time.monotonic()
            status = self._ask()
            took_ms = (time.monotonic() - asked_s) * 1000
            self._on_page(Page(round(asked_s - self._began_s, 3), round(took_ms, 3), status))

    def _ask(self) -> int:
        try:
            self._connection.request("GET", "/", headers={"Cookie": "device=a-device-of-the-soak"})
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return 0
        return answer.status
