"""What an instance was told, kept in the data directory so that it outlasts the process."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from typing import TYPE_CHECKING

from gevent.monkey import get_original

from opsctl.core.flags import FlagRef
from opsctl.daemon.pin_file import PinFile
from opsctl.daemon.whole_file import write_whole
from webapp.overrides import Told
from webapp.real_threads import in_real_thread

if TYPE_CHECKING:
    from opsctl.core.pins import Pin
    from opsctl.settings import Settings

_log = logging.getLogger(__name__)
_Mark = tuple[int, int, int] | None
_RETRY_S = 5.0


class Memory:
    """The pin, which the whole installation shares, and what this instance alone was told.

    A disk that cannot be written to is logged and changes nothing else: what was told is in force all the same, until
    the process ends.

    Args:
        settings: Name the data directory and the flag. What was told about the flag of one SDK key is nothing to the
            next.
        instance: Whose memory it is.
    """

    def __init__(self, settings: Settings, instance: str) -> None:
        ref = FlagRef(settings.project, settings.environment, settings.flag)
        self._pins = PinFile(settings.data_dir, ref, sleep=get_original("time", "sleep"))
        self._pins_seen: _Mark = None
        key = settings.sdk_key.reveal() if settings.sdk_key is not None else ""
        whose = hashlib.sha256(f"{key}\0{settings.base_uri}\0{settings.flag}".encode()).hexdigest()[:16]
        self._told_path = settings.data_dir / f"told-{instance}-{whose}.json"
        self._told = self._wanted = Told()
        self._retry_at: float | None = None
        self._writing = threading.Lock()
        self._failing: set[str] = set()

    def read_told(self) -> Told:
        """Return what the process before this one was told; nothing where that cannot be read."""
        try:
            self._told = Told.from_wire(json.loads(self._told_path.read_bytes()))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            _log.error("what this instance was told before cannot be read: %s", error)
        self._wanted = self._told
        return self._told

    def keep_told(self, told: Told) -> None:
        """Write down what this instance was told, and wait until the disk has it."""
        self._wanted = told
        self.settle()

    def keep_told_soon(self, told: Told) -> None:
        """Write down what this instance was told, if that is something new; never wait for the disk.

        What could not be written is tried again, every five seconds at most.
        """
        is_to_be_retried = self._retry_at is not None and time.monotonic() >= self._retry_at
        if told != self._wanted or is_to_be_retried:
            self._wanted, self._retry_at = told, None
            threading.Thread(target=self.settle, name="memory", daemon=True).start()

    def settle(self) -> None:
        """Return when the disk has what was last told, or does not take it."""
        with self._writing:
            told = self._wanted
            if told == self._told:
                return
            content = json.dumps(told.to_wire()).encode()
            try:
                in_real_thread(lambda: self._write(content))
            except OSError as error:
                self._retry_at = time.monotonic() + _RETRY_S
                self._log_once("what this instance was told is not kept over a restart", error)
            else:
                self._told = told
                self._failing.clear()

    def resume(self) -> None:
        """Begin again in a process that was forked off, perhaps while another thread was writing."""
        self._writing = threading.Lock()

    def read_pin(self) -> Pin | None:
        """Return the newest pin, or release of one, if its file changed since the last call; else `None`."""
        try:
            status = self._pins.path.stat()
        except OSError:
            return None
        mark = (status.st_ino, status.st_size, status.st_mtime_ns)
        if mark == self._pins_seen:
            return None
        try:
            pin = self._pins.read()
        except OSError as error:
            self._log_once("the pin cannot be read", error)
            return None
        self._pins_seen = mark
        return pin

    def keep_pin(self, pin: Pin) -> Pin:
        """Write a pin down, wait until the disk has it, and return the newest one there is."""
        try:
            return in_real_thread(lambda: self._pins.keep(pin))
        except OSError as error:
            self._log_once("the pin is not kept over a restart", error)
            return pin

    def _write(self, content: bytes) -> None:
        self._told_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(self._told_path, content)

    def _log_once(self, what: str, error: OSError) -> None:
        if what not in self._failing:
            self._failing.add(what)
            _log.error("%s: %s", what, error)
