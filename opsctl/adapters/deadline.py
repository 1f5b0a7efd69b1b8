"""Bounding calls that cannot be bounded by themselves."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


def call_within(timeout_s: float, function: Callable[[], _T]) -> _T:
    """Return what `function` returns, or raise what it raises, within `timeout_s`.

    Socket timeouts do not bound name resolution, nor a peer that sends a byte now and then. The call runs on a thread
    of its own, which is left behind when it takes too long and ends with the process.

    Raises:
        TimeoutError: it took longer.
    """
    outcome: queue.SimpleQueue[tuple[_T | None, BaseException | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            outcome.put((function(), None))
        except BaseException as error:  # noqa: BLE001 - it is raised again where the caller waits
            outcome.put((None, error))

    threading.Thread(target=work, name="opsctl-call", daemon=True).start()
    try:
        value, error = outcome.get(timeout=max(timeout_s, 0.001))
    except queue.Empty:
        raise TimeoutError(f"no answer within {timeout_s:.1f} s") from None
    if error is not None:
        raise error
    return value  # type: ignore[return-value]  # without an error it is what the function returned
