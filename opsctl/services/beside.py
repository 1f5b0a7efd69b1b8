"""Doing something beside whoever waits for something else."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


class Beside(Generic[_T]):
    """Calls a function on a thread of its own, at once. The function must not raise.

    A thread that nobody waits for ends with the process.
    """

    def __init__(self, function: Callable[[], _T]) -> None:
        self._result: _T | None = None
        self._function = function
        self._thread = threading.Thread(target=self._work, name="opsctl-beside", daemon=True)
        self._thread.start()

    def result(self, timeout_s: float) -> _T | None:
        """Return what the function returned, as soon as it has; `None` when that takes longer."""
        self._thread.join(timeout_s)
        return self._result

    def _work(self) -> None:
        self._result = self._function()
