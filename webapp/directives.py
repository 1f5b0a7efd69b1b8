"""What this instance is told, by commands and by the file they share: taken in, kept, and applied to its flag data."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.core.expecting import Expect
from opsctl.core.instances import sdk_key_digest
from opsctl.core.objectives import Condition
from opsctl.core.pins import Pin
from webapp.overrides import Overrides

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.traffic import Traffic
    from opsctl.settings import Settings
    from webapp.decisions import FlagState
    from webapp.memory import Memory
    from webapp.overrides import Told

_log = logging.getLogger(__name__)


class Directives:
    """`Overrides` for several threads, with a memory.

    Args:
        settings: Say whose flag this instance serves.
        traffic: Returns what was answered within so many seconds before now.
        memory: Where to keep what is told; `None`: nowhere.
    """

    def __init__(self, settings: Settings, traffic: Callable[[float], Traffic], memory: Memory | None) -> None:
        self._settings = settings
        self._memory = memory
        self._lock = threading.Lock()
        told = {} if memory is None else {"told": memory.read_told()}
        self._overrides = Overrides(traffic, now_s=time.monotonic(), **told)
        self.look()

    def resume(self) -> None:
        """Begin again in a process that was forked off, perhaps while another thread was in here."""
        self._lock = threading.Lock()
        if self._memory is not None:
            self._memory.resume()

    @property
    def pin(self) -> Pin | None:
        """The pin in force."""
        pin = self._overrides.pin
        return pin if pin is not None and pin.is_set else None

    @property
    def missed(self) -> int:
        """The newest version that the flag data did not show in time."""
        return self._overrides.missed

    @property
    def due_in_s(self) -> float | None:
        """Seconds until there is something to decide although nothing changes; `None`: there is not."""
        due_at_s = self._overrides.due_at_s
        return None if due_at_s is None else max(0.0, due_at_s - time.monotonic())

    def refusal(self, message: Pin | Expect | Condition) -> str | None:
        """Return why a message is not for this instance, for people; `None`: it is."""
        settings = self._settings
        if message.flag != settings.flag:
            return f"this instance serves {settings.flag}"
        here = (settings.project, settings.environment)
        if isinstance(message, Pin):
            is_ours = (message.project, message.environment) == here
        else:
            is_named_so = message.project in {"", here[0]} and message.environment in {"", here[1]}
            is_ours = is_named_so or self._is_same_key(message)
        return None if is_ours else f"this instance serves {settings.flag} of {' · '.join(here)}"

    def take(self, message: Pin | Expect | Condition) -> None:
        """Take a message in: it is in force with the next decision."""
        if isinstance(message, Pin):
            self.look()
            self._take_pin(message)
        elif isinstance(message, Expect):
            is_doubtful = bool(message.sdk_key_digest) and not self._is_same_key(message)
            with self._lock:
                # A hold because of another environment's version might never end.
                expected = replace(message, is_kill=False) if is_doubtful else message
                self._overrides.expect(expected, time.monotonic())
        else:
            with self._lock:
                self._overrides.take_condition(message)

    def keep(self, message: Pin | Expect | Condition) -> bool:
        """Have what was taken in outlast this process; waits for the disk. An expectation has no need of it.

        Return whether that brought a newer pin to light, which is in force with the next decision.
        """
        if self._memory is not None and isinstance(message, Condition):
            self._memory.keep_told(self._told())
        return self._memory is not None and isinstance(message, Pin) and self._take_pin(self._memory.keep_pin(message))

    def look(self) -> bool:
        """Go by a newer pin of the whole installation; return whether there was one."""
        pin = None if self._memory is None else self._memory.read_pin()
        return pin is not None and self._take_pin(pin)

    def decide(self, by_data: FlagState, *, salt: str | None) -> FlagState:
        """Return what is in force, given what the flag data says; see `Overrides.decide`."""
        with self._lock:
            return self._overrides.decide(by_data, time.monotonic(), salt=salt)

    def remember(self) -> None:
        """Have what came of it outlast this process, without waiting for that."""
        if self._memory is not None:
            self._memory.keep_told_soon(self._told())

    def close(self) -> None:
        """Have everything that was taken in outlast this process."""
        if self._memory is not None:
            self._memory.settle()

    def _told(self) -> Told:
        with self._lock:
            return self._overrides.told

    def _take_pin(self, pin: Pin) -> bool:
        with self._lock:
            is_newer = self._overrides.take_pin(pin)
        if is_newer:
            what = "pinned to degraded" if pin.is_set else "no longer pinned"
            _log.warning("%s by %s (pin %d): %s", what, pin.by or "nobody known", pin.number, pin.reason or "no reason")
        return is_newer

    def _is_same_key(self, message: Expect | Condition) -> bool:
        """Whether the message is about the very SDK key that this instance reads flags with."""
        key = self._settings.sdk_key
        return key is not None and message.sdk_key_digest == sdk_key_digest(key.reveal())
