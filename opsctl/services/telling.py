"""Telling every instance which version to expect, beside whoever waits for what they say."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from opsctl.core.errors import OpsError

if TYPE_CHECKING:
    from types import TracebackType

    from opsctl.core.expecting import ControlMessage
    from opsctl.core.ports import Instances

_TELL_TIMEOUT_S = 0.3
_AGAIN_S = 1.0


class Telling:
    """Tells all instances on a thread of its own, as a context manager; again while some did not take it in.

    Entering returns at once. Leaving waits until those who can be reached were told, 0.3 s at most.
    """

    def __init__(self, instances: Instances, message: ControlMessage) -> None:
        self._instances = instances
        self._message = message
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="opsctl-tell", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join(_TELL_TIMEOUT_S)

    def _work(self) -> None:
        while not self._all_took_it_in() and not self._is_over.wait(_AGAIN_S):
            pass

    def _all_took_it_in(self) -> bool:
        try:
            told = self._instances.tell(self._message, timeout_s=_TELL_TIMEOUT_S)
        except OpsError:
            return False
        return all(sighting.report is not None for sighting in told)
